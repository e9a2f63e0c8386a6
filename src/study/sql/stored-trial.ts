// Rows as trials. A trial read from the tables parses its texts when they are looked at: opening 100,000 trials costs
// their bytes, not their objects.
import { sql } from 'kysely'
import type { FailureClass, Hyp, Metrics, Trial, TrialState } from '../../search/index.ts'
import type { StoredTrial } from '../storage.ts'
import { parseHypText, parseMetricsText } from '../stored-values.ts'

/** A trial as it is read: the fewer values a row has, the faster. */
export interface TrialRow {
  readonly number: number
  readonly state: TrialState
  readonly attempt: number
  readonly digest: number
  readonly fitness: number | null
  /** Lines: hyp, parents, mutated, metrics or output, epochs or failure. JSON has no line ends. */
  readonly texts: string
}

export const trialColumns = ['number', 'state', 'attempt', 'digest', 'fitness'] as const

const line = sql.lit('\n')
export const trialTexts = sql<string>`hyp || ${line} || parents || ${line} || mutated || ${line} ||
  coalesce(metrics, output, '') || ${line} || coalesce(cast(epochs as text), failure, '')`.as('texts')

/** Its values are parsed each time they are looked at. */
class RowTrial {
  readonly number: number
  readonly state: TrialState
  readonly attempt: number
  readonly fitness: number
  readonly #texts: string

  constructor({ number, state, attempt, fitness, texts }: TrialRow) {
    this.number = number
    this.state = state
    this.attempt = attempt
    this.fitness = fitness!
    this.#texts = texts
  }

  get hyp(): Hyp {
    return parseHypText(this.#texts.slice(0, this.#texts.indexOf('\n')))
  }

  get parents(): readonly number[] {
    return JSON.parse(this.#texts.split('\n', 2)[1]) as number[]
  }

  get mutated(): readonly string[] {
    return JSON.parse(this.#texts.split('\n', 3)[2]) as string[]
  }

  get metrics(): Metrics {
    return parseMetricsText(this.#texts.split('\n', 4)[3])
  }
}

/** A trial as the storage hands it over. */
export const toStoredTrial = (row: TrialRow): StoredTrial => ({ trial: toTrial(row), digest: row.digest })

function toTrial(row: TrialRow): Trial {
  if (row.state === 'complete') return new RowTrial(row) as Trial
  const [hyp, parents, mutated, results, detail] = row.texts.split('\n')
  const trial = { number: row.number, ...proposedValues({ hyp, parents, mutated }), attempt: row.attempt }
  switch (row.state) {
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
      return { ...trial, state: row.state }
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
