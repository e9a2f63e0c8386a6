// Yaml texts that a person or another program hands us. The parser's own search for repeated keys, and its descriptions
// of errors, take time that grows with the square of the text: a file of 100 kB would keep us for a minute. And it is
// recursive: what nests deep overflows its stack, which can end the process, as Node cannot compile a regular expression
// then and aborts.
import { Composer, type CST, type Document, isCollection, isScalar, Lexer, LineCounter, Parser, visit } from 'yaml'

/** No file that we read nests anywhere near this deep. */
const mostLevels = 200

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
 * @throws {@link YamlProblem} also for keys that are there twice or are no plain values, and for what nests so deep that it
 * fills the stack
 */
export function readYamlDocument(text: string, lines = new LineCounter()): Document.Parsed {
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, logLevel: 'error' })
  const documents = composer.compose(tokensOf(text, lines), true, text.length) as Iterable<Document.Parsed>
  const [document, second] = documents
  const problem = (message: string, at: number, cause?: unknown): YamlProblem => {
    const { line, col } = lines.linePos(at)
    return new YamlProblem(`${message} at line ${line}, column ${col}`, line, { cause })
  }
  const [error] = document!.errors
  if (error) throw problem(error.message.split('\n')[0]!, error.pos[0], error)
  if (second) throw problem('It holds multiple documents, and one is wanted', second.range[0])
  visit(document!, {
    Map(_, { items }) {
      const keys = new Set<unknown>()
      for (const { key } of items) {
        // As a text, a list of lists of lists would be beyond all bounds.
        if (isCollection(key)) throw problem('A key is a list or a map', key.range?.[0] ?? 0)
        if (!isScalar(key)) continue
        if (keys.has(key.value)) throw problem('Map keys must be unique', key.range?.[0] ?? 0)
        keys.add(key.value)
      }
    },
  })
  return document!
}

/** What stands in a text. @throws {@link YamlProblem} as soon as it nests too deep */
function* tokensOf(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme)
    if (parser.stack.length > mostLevels) throw new YamlProblem('it is nested too deep')
  }
  yield* parser.end()
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
