// Rows as trials. A trial read from the tables parses its texts when they are looked at: opening 100,000 trials costs
// their bytes, not their objects.
import { sql } from 'kysely'
import type { FailureClass, Hyp, Metrics, Trial, TrialState } from '../../search/index.ts'
import type { StoredTrial } from '../storage.ts'
import { parseHypText, parseMetricsText } from '../stored-values.ts'

/** A trial as it is read: the fewer values a row has, the faster. */
export interface TrialRow {
  readonly number: number
  readonly digest: number
  readonly fitness: number | null
  /** All else, by lines: JSON has no line ends. */
  readonly texts: string
}

export const trialColumns = ['number', 'digest', 'fitness'] as const

/** The lines of `texts`. */
const lines = [
  sql`state`,
  sql`cast(attempt as text)`,
  sql`cast(sequence as text)`,
  sql`hyp`,
  sql`parents`,
  sql`mutated`,
  sql`coalesce(metrics, output, '')`,
  sql`coalesce(cast(epochs as text), failure, '')`,
]

export const trialTexts = sql<string>`${sql.join(lines, sql` || ${sql.lit('\n')} || `)}`.as('texts')

/** The number of the trial's last change. */
export const sequenceOf = ({ texts }: TrialRow): number => Number(texts.split('\n', 3)[2])

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
    return Number(this.#line(1))
  }

  get hyp(): Hyp {
    return parseHypText(this.#line(3))
  }

  get parents(): readonly number[] {
    return JSON.parse(this.#line(4)) as number[]
  }

  get mutated(): readonly string[] {
    return JSON.parse(this.#line(5)) as string[]
  }

  get metrics(): Metrics {
    return parseMetricsText(this.#line(6))
  }

  #line(index: number): string {
    return this.#texts.split('\n', index + 1)[index]
  }
}

/** A trial as the storage hands it over. */
export const toStoredTrial = (row: TrialRow): StoredTrial => ({ trial: toTrial(row), digest: row.digest })

function toTrial(row: TrialRow): Trial {
  if (row.texts.startsWith('complete\n')) return new RowTrial(row)
  const [state, attempt, , hyp, parents, mutated, results, detail] = row.texts.split('\n')
  const trial = { number: row.number, ...proposedValues({ hyp, parents, mutated }), attempt: Number(attempt) }
  switch (state as TrialState) {
    case 'pruned':
      return {
        ...trial,
        state: 'pruned',
        epochs: Number(detail),
        ...(row.fitness === null ? {} : { fitness: row.fitness }),
        metrics: parseMetricsText(results),
      }
    case 'failed':
      return { ...trial, state: 'failed', failure: detail as FailureClass, output: JSON.parse(results) as string[] }
    default:
      return { ...trial, state: state as 'running' }
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
