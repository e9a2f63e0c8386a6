// Search spaces as yaml files (`--space file.yaml`); docs/space.md describes them. Pure: who reads the file passes its
// text.
import { type Document, isMap, isNode, isScalar, LineCounter } from 'yaml'
import { z } from 'zod'
import { readYamlDocument, SearchSpaceInvalidError, YamlProblem } from '../base/index.ts'
import type { Hyp, HypValue } from './hyp.ts'
import { nearest } from './nearest.ts'
import { middle, type Parameter } from './parameter.ts'
import { SearchSpace } from './space.ts'

const value = z.union([z.number(), z.string(), z.boolean()], 'is no number, text, true or false')
const list = z.array(value).min(1)
const when = { when: z.record(z.string(), z.union([value, list])).optional() }
const bounds = z.tuple([z.number(), z.number()])

/** What a description may hold, by the entry that says its kind. */
const forms = {
  gain: z.strictObject({
    gain: z.number().min(0),
    lower: z.number().optional(),
    upper: z.number().optional(),
    default: z.number().optional(),
    ...when,
  }),
  float: z.strictObject({ float: bounds, log: z.boolean().optional(), default: z.number().optional(), ...when }),
  integer: z.strictObject({
    integer: z.tuple([z.int(), z.int()]),
    log: z.boolean().optional(),
    default: z.int().optional(),
    ...when,
  }),
  choice: z.strictObject({ choice: list, default: value.optional(), ...when }),
  fixed: z.strictObject({ fixed: value, ...when }),
} as const

type Kind = keyof typeof forms
const kinds = Object.keys(forms) as Kind[]
const kindList = '{ float: [low, high] }, { integer: [low, high] }, { choice: [a, b] }, [gain, low, high] or a value'

/**
 * The space that a yaml file describes.
 *
 * @param source - what messages call the file
 * @param hyp - where the search starts, if there is one: its keys that the file does not name stay as they are, the
 *   others start at its values unless the file has a `default`
 * @throws {@link SearchSpaceInvalidError} with the line, if the file does not read as a space
 * @throws {@link SearchSpaceFrozenError} if nothing may move
 */
export function parseSpace(text: string, source: string, hyp: Hyp = {}): SearchSpace {
  const lines = new LineCounter()
  let document: Document.Parsed
  try {
    document = readYamlDocument(text, lines)
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    throw new SearchSpaceInvalidError(source, 'the file', `is no yaml: ${error.message}`, error.line, { cause: error })
  }
  if (!isMap(document.contents))
    throw new SearchSpaceInvalidError(source, 'the file', 'holds no list of hyperparameters (name: description)')

  const parameters = new Map<string, Parameter>()
  for (const [key, start] of Object.entries(hyp)) parameters.set(key, { kind: 'fixed', start })
  const places = new Map<string, number>()
  for (const { key: node, value } of document.contents.items) {
    const key = isScalar(node) ? String(node.value) : '(a list or map)'
    const line = isScalar(node) && node.range ? lines.linePos(node.range[0]).line : 1
    const fail: Fail = (what) => {
      throw new SearchSpaceInvalidError(source, key.slice(0, 80), what, line)
    }
    places.set(key, line)
    parameters.set(key, toParameter(plain(value, document, fail), Object.hasOwn(hyp, key) ? hyp[key] : undefined, fail))
  }
  try {
    return new SearchSpace(Object.fromEntries(parameters), { source })
  } catch (error) {
    if (!(error instanceof SearchSpaceInvalidError)) throw error
    throw new SearchSpaceInvalidError(source, error.key, error.problem, places.get(error.key), { cause: error })
  }
}

type Fail = (what: string) => never

/** The node as plain data; yaml refuses aliases that grow without end. */
function plain(node: unknown, document: Document, fail: Fail): unknown {
  try {
    return isNode(node) ? node.toJS(document, { maxAliasCount: 100 }) : node
  } catch (error) {
    return fail(`cannot be read: ${(error as Error).message}`)
  }
}

/** @param start - the hyp's value, if it has one */
function toParameter(described: unknown, start: HypValue | undefined, fail: Fail): Parameter {
  if (Array.isArray(described)) {
    const [gain, lower, upper] = described
    return toParameter(described.length === 3 ? { gain, lower, upper } : { range: described }, start, fail)
  }
  if (typeof described !== 'object' || described === null) {
    const read = value.safeParse(described)
    return read.success
      ? { kind: 'fixed', start: read.data }
      : fail(`${read.error.issues[0].message}; write ${kindList}`)
  }
  const entries = Object.keys(described)
  const named = kinds.filter((kind) => Object.hasOwn(described, kind))
  if (named.length !== 1) {
    const similar = entries.map((entry) => nearest(entry, kinds)).find((name) => name !== undefined)
    const hint = similar === undefined || named.length > 0 ? '' : ` (did you mean "${similar}"?)`
    return fail(`${named.length > 1 ? `is both ${named.join(' and ')}` : `has no kind${hint}`}; write ${kindList}`)
  }
  return readers[named[0]](described, start, fail)
}

/** Data that fits the form, or an error that says where it does not. */
function fitting<T>(form: z.ZodType<T>, described: unknown, fail: Fail): T {
  const read = form.safeParse(described)
  if (read.success) return read.data
  const { path, message } = read.error.issues[0]
  return fail(`does not fit${path.length > 0 ? ` at "${path.map(String).join('.').slice(0, 80)}"` : ''}: ${message}`)
}

const conditions = ({ when }: { when?: Record<string, HypValue | HypValue[]> | undefined }) =>
  when === undefined
    ? {}
    : {
        when: Object.fromEntries(
          Object.entries(when).map(([key, values]) => [key, Array.isArray(values) ? values : [values]]),
        ),
      }

function number(start: HypValue | undefined, fail: Fail): number | undefined {
  if (start === undefined || typeof start === 'number') return start
  return fail(`starts at ${JSON.stringify(start)} in the hyp, which is no number`)
}

const readers: Record<Kind, (described: unknown, start: HypValue | undefined, fail: Fail) => Parameter> = {
  gain(described, start, fail) {
    const { gain, lower, upper, default: own, ...rest } = fitting(forms.gain, described, fail)
    const from =
      own ?? number(start, fail) ?? fail('has no value to start from: add "default", or name a hyp that has it')
    const limits = { ...(lower === undefined ? {} : { lower }), ...(upper === undefined ? {} : { upper }) }
    return { kind: 'range', gain, ...limits, start: from, ...conditions(rest) }
  },
  float(described, start, fail) {
    const {
      float: [lower, upper],
      log,
      default: own,
      ...rest
    } = fitting(forms.float, described, fail)
    const from = own ?? number(start, fail) ?? middle(lower, upper, log)
    return { kind: 'float', lower, upper, ...(log ? { log } : {}), start: from, ...conditions(rest) }
  },
  integer(described, start, fail) {
    const {
      integer: [lower, upper],
      log,
      default: own,
      ...rest
    } = fitting(forms.integer, described, fail)
    const from = own ?? number(start, fail) ?? Math.round(middle(lower, upper, log))
    return { kind: 'integer', lower, upper, ...(log ? { log } : {}), start: from, ...conditions(rest) }
  },
  choice(described, start, fail) {
    const { choice: choices, default: own, ...rest } = fitting(forms.choice, described, fail)
    const usual = start !== undefined && choices.includes(start) ? start : choices[0]
    return { kind: 'choice', choices, start: own ?? usual, ...conditions(rest) }
  },
  fixed(described, _start, fail) {
    const { fixed, ...rest } = fitting(forms.fixed, described, fail)
    return { kind: 'fixed', start: fixed, ...conditions(rest) }
  },
}
