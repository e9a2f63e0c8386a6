// Rows as trials. A trial read from the tables parses its texts when they are looked at: opening 100,000 trials costs
// their bytes, not their objects.
import { type SelectQueryBuilder, sql } from 'kysely'
import type { FailureClass, Hyp, Metrics, Trial, TrialState } from '../../search/index.ts'
import type { StoredTrial } from '../storage.ts'
import { parseHypText, parseMetricsText } from '../stored-values.ts'
import type { Dialect } from './dialect.ts'
import type { Tables } from './schema.ts'

/** A trial as it is read. */
interface TrialRow {
  readonly number: number
  readonly digest: number
  readonly fitness: number | undefined
  readonly state: TrialState
  /** All else, by lines. */
  readonly texts: string
}

/** Between trials; JSON escapes it. */
const separator = '\u001e'

/**
 * Trials of a query (of `trial`, ordered by `sequence`) packed into one text, `null` if there are none: handing a value
 * over from the database costs more than the value. A trial is lines of text, as JSON has no line ends.
 */
export function packedTrials(dialect: Pick<Dialect, 'linesOf' | 'joinRows'>, query: TrialQuery) {
  const line = dialect.linesOf([
    { value: sql.ref('number') },
    { value: sql.ref('digest') },
    { value: sql.ref('fitness'), real: true },
    { value: sql.ref('state') },
    { value: sql.ref('attempt') },
    { value: sql.ref('sequence') },
    { value: sql.ref('hyp') },
    { value: sql.ref('parents') },
    { value: sql.ref('mutated') },
    { value: sql`coalesce(metrics, output)` },
    { value: sql`coalesce(cast(epochs as text), failure)` },
  ])
  const rows = query.select(['sequence', line.as('line')]).as('rows')
  return sql<{ readonly packed: string | null }>`select ${dialect.joinRows(separator)} as packed from ${rows}`
}

type TrialQuery = SelectQueryBuilder<Tables, 'trial', object>

/** Lines before the texts. */
const headLines = 4

/** The trials of a {@link packedTrials} text, and the number of their last change. */
export function unpackTrials(packed: string): { readonly trials: StoredTrial[]; readonly sequence: number } {
  const rows = packed.split(separator)
  const trials = rows.map((row) => {
    const afterNumber = row.indexOf('\n')
    const afterDigest = row.indexOf('\n', afterNumber + 1)
    const afterFitness = row.indexOf('\n', afterDigest + 1)
    const fitness = row.slice(afterDigest + 1, afterFitness)
    return toStoredTrial({
      number: Number(row.slice(0, afterNumber)),
      digest: Number(row.slice(afterNumber + 1, afterDigest)),
      fitness: fitness === '' ? undefined : Number(fitness),
      state: row.slice(afterFitness + 1, row.indexOf('\n', afterFitness + 1)) as TrialState,
      texts: row,
    })
  })
  return { trials, sequence: Number(rows[rows.length - 1].split('\n', headLines + 2)[headLines + 1]) }
}

/** A complete trial; its texts are parsed each time they are looked at. */
class RowTrial {
  readonly number: number
  readonly state = 'complete'
  readonly fitness: number
  readonly #texts: string

  constructor({ number, fitness, texts }: TrialRow) {
    this.number = number
    this.fitness = fitness!
    this.#texts = texts
  }

  get attempt(): number {
    return Number(this.#line(0))
  }

  get hyp(): Hyp {
    return parseHypText(this.#line(2))
  }

  get parents(): readonly number[] {
    return JSON.parse(this.#line(3)) as number[]
  }

  get mutated(): readonly string[] {
    return JSON.parse(this.#line(4)) as string[]
  }

  get metrics(): Metrics {
    return parseMetricsText(this.#line(5))
  }

  #line(index: number): string {
    return this.#texts.split('\n', headLines + index + 1)[headLines + index]
  }
}

const toStoredTrial = (row: TrialRow): StoredTrial => ({ trial: toTrial(row), digest: row.digest })

function toTrial(row: TrialRow): Trial {
  const { state } = row
  if (state === 'complete') return new RowTrial(row)
  const [attempt, , hyp, parents, mutated, results, detail] = row.texts.split('\n').slice(headLines)
  const trial = { number: row.number, ...proposedValues({ hyp, parents, mutated }), attempt: Number(attempt) }
  switch (state) {
    case 'pruned':
      return {
        ...trial,
        state: 'pruned',
        epochs: Number(detail),
        ...(row.fitness === undefined ? {} : { fitness: row.fitness }),
        metrics: parseMetricsText(results),
      }
    case 'failed':
      return { ...trial, state: 'failed', failure: detail as FailureClass, output: JSON.parse(results) as string[] }
    default:
      return { ...trial, state }
  }
}

/** What was proposed, from its texts. */
export const proposedValues = (texts: {
  readonly hyp: string
  readonly parents: string
  readonly mutated: string
}) => ({
  hyp: Object.freeze(parseHypText(texts.hyp)),
  parents: JSON.parse(texts.parents) as number[],
  mutated: JSON.parse(texts.mutated) as string[],
})
