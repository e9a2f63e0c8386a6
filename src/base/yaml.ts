// Yaml texts that a person or another program hands us. The parser's own search for repeated keys, and its descriptions
// of errors, take time that grows with the square of the text: a file of 100 kB would keep us for a minute.
import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import { isYamlNestedTooDeep } from './yaml-depth.ts'

/** What is wrong with a yaml text, as one sentence with its line but without a full stop. */
export class YamlProblem extends Error {
  constructor(
    problem: string,
    /** Counted from 1. */
    readonly line?: number,
    options?: ErrorOptions,
  ) {
    super(problem, options)
  }
}

/**
 * A yaml text as a document of nodes. A byte order mark is passed over.
 *
 * @param lines - learns where the lines begin
 * @throws {@link YamlProblem} also for keys that are there twice, and for what nests so deep that it fills the stack
 */
export function readYamlDocument(text: string, lines = new LineCounter()): Document.Parsed {
  if (isYamlNestedTooDeep(text)) throw new YamlProblem('it is nested too deep')
  const document = parseDocument(text, {
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
    lineCounter: lines,
  })
  const problem = (message: string, at: number, cause?: unknown): YamlProblem => {
    const { line, col } = lines.linePos(at)
    return new YamlProblem(`${message} at line ${line}, column ${col}`, line, { cause })
  }
  const [error] = document.errors
  if (error) throw problem(error.message.split('\n')[0]!, error.pos[0], error)
  visit(document, {
    Map(_, { items }) {
      const keys = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key)) continue
        if (keys.has(key.value)) throw problem('Map keys must be unique', key.range?.[0] ?? 0)
        keys.add(key.value)
      }
    },
  })
  return document
}

/**
 * A yaml text as plain values.
 *
 * @param maxAliases - how often anchors may be repeated: an alias of aliases fills any memory
 * @throws {@link YamlProblem}
 */
export function readYaml(text: string, maxAliases = 100): unknown {
  return yamlValues(readYamlDocument(text), maxAliases)
}

/** A document as plain values. @throws {@link YamlProblem} for aliases without an anchor, or too many of them */
export function yamlValues(document: Document, maxAliases = 100): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases })
  } catch (error) {
    throw new YamlProblem((error as Error).message.split('\n')[0]!.replace(/[.:]+$/, ''), undefined, { cause: error })
  }
}
