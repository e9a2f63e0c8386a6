// `--metrics`: where a program says what it measured.
import { UsageError } from '../../../base/index.ts'
import type { MetricSource } from '../../process/index.ts'
import { csvSource } from './csv.ts'
import { jsonLinesSource, jsonSource } from './json.ts'
import { jsonLines } from './json-lines.ts'
import type { Names } from './names.ts'
import { groupNames, regexSource } from './regex.ts'

interface MetricKind {
  readonly example: string
  /** @param rest - what follows the kind and its colon; `undefined` if there is no colon */
  readonly parse: (rest: string | undefined, fail: (problem: string) => never) => MetricSource
}

/** What may stand before the first colon of `--metrics`. */
export const metricKinds = {
  'json-lines': {
    example: 'json-lines:log.txt:mAP50=coco_eval.1',
    parse(rest, fail) {
      if (rest === undefined) return jsonLines
      const { path, names } = pathAndNames(rest, fail)
      return jsonLinesSource(path, names)
    },
  },
  csv: {
    example: 'csv:results.csv:mAP50=metrics/mAP50(B),mAP50to95=metrics/mAP50-95(B)',
    parse(rest, fail) {
      const { path, names } = pathAndNames(rest ?? '', fail)
      return csvSource(path === '' ? fail('the file is missing') : path, names)
    },
  },
  json: {
    example: 'json:result.json:mAP50=eval.map',
    parse(rest, fail) {
      const { path, names } = pathAndNames(rest ?? '', fail)
      return jsonSource(path === '' ? fail('the file is missing') : path, names)
    },
  },
  regex: {
    example: "'regex:Epoch (?<epoch>\\d+).* mAP50: (?<mAP50>[\\d.]+)'",
    parse: (rest, fail) => regexSource(expressionOf(rest ?? '', fail)),
  },
} as const satisfies Readonly<Record<string, MetricKind>>

/**
 * The source that a text of `--metrics` means: `json-lines`, `csv:FILE`, `json:FILE`, `json-lines:FILE`, each with
 * `:metric=name,…` behind it, or `regex:EXPRESSION`. Files are in the folder `{out}` of the trial.
 *
 * @throws UsageError for a text that means none
 */
export function parseMetrics(spec: string): MetricSource {
  const colon = spec.indexOf(':')
  const name = colon < 0 ? spec : spec.slice(0, colon)
  const rest = colon < 0 ? undefined : spec.slice(colon + 1)
  if (!Object.hasOwn(metricKinds, name))
    throw new UsageError(
      `--metrics ${spec}: it begins with ${Object.keys(metricKinds).join(', ')}; for example ` +
        `${Object.values(metricKinds)
          .map(({ example }) => example)
          .join(' or ')}.`,
    )
  const kind: MetricKind = metricKinds[name as keyof typeof metricKinds]
  return kind.parse(rest, (problem) => {
    throw new UsageError(`--metrics ${spec}: ${problem}; for example ${kind.example}.`)
  })
}

/** `FILE`, `FILE:metric=name,metric=name`. Names of columns may have colons and commas of their own. */
function pathAndNames(text: string, fail: (problem: string) => never): { path: string; names: Names } {
  const [, path = '', list] = /^(.*?)(?::(?=[A-Za-z_][\w./-]*=)(.*))?$/s.exec(text)!
  if (/(^|[^:]):[^:\\/]*$/.test(path))
    fail(`behind the file stand renamings, metric=name, not ${JSON.stringify(path.slice(path.lastIndexOf(':') + 1))}`)
  if (list === undefined) return { path, names: {} }
  const entries = list.split(/,(?=[A-Za-z_][\w./-]*=)/).map((part): [string, string] => {
    const at = part.indexOf('=')
    const name = part.slice(at + 1).trim()
    if (name === '') fail(`${part.slice(0, at)} is renamed from nothing`)
    return [part.slice(0, at), name]
  })
  const twice = entries.find(([metric], i) => entries.findIndex(([other]) => other === metric) < i)
  if (twice) fail(`${twice[0]} is there twice`)
  return { path, names: Object.fromEntries(entries) }
}

function expressionOf(text: string, fail: (problem: string) => never): RegExp {
  if (text === '') fail('the expression is missing')
  if (text.includes('(?P<')) fail('groups are written (?<name>…), not (?P<name>…)')
  let expression: RegExp
  try {
    expression = new RegExp(text)
  } catch (error) {
    return fail(`it is no regular expression (${(error as Error).message.split(': ').at(-1)})`)
  }
  const names = groupNames(expression).filter((name) => name !== 'epoch' && name !== 'epochs')
  if (names.length === 0) fail('it has no group with the name of a metric')
  return expression
}
