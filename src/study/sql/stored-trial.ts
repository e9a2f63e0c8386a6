// Rows as trials. A trial read from the tables parses its texts when they are looked at: opening 100,000 trials costs
// their bytes, not their objects.
import type { FailureClass, Hyp, Metrics, Trial, TrialState } from '../../search/index.ts'
import type { StoredTrial } from '../storage.ts'
import { parseHypText, parseMetricsText } from '../stored-values.ts'
import type { TrialTable } from './schema.ts'

export type TrialRow = Pick<
  TrialTable,
  | 'number'
  | 'state'
  | 'attempt'
  | 'hyp'
  | 'digest'
  | 'parents'
  | 'mutated'
  | 'fitness'
  | 'metrics'
  | 'epochs'
  | 'failure'
  | 'output'
>

export const trialColumns = [
  'number',
  'state',
  'attempt',
  'hyp',
  'digest',
  'parents',
  'mutated',
  'fitness',
  'metrics',
  'epochs',
  'failure',
  'output',
] as const satisfies readonly (keyof TrialRow)[]

class RowTrial {
  readonly number: number
  readonly state: TrialState
  readonly attempt: number
  readonly #hyp: string
  readonly #parents: string
  readonly #mutated: string
  readonly #metrics: string | null

  constructor(row: TrialRow) {
    this.number = row.number
    this.state = row.state
    this.attempt = row.attempt
    this.#hyp = row.hyp
    this.#parents = row.parents
    this.#mutated = row.mutated
    this.#metrics = row.metrics
  }

  get hyp(): Hyp {
    return parseHypText(this.#hyp)
  }

  get parents(): readonly number[] {
    return JSON.parse(this.#parents) as number[]
  }

  get mutated(): readonly string[] {
    return JSON.parse(this.#mutated) as string[]
  }

  get metrics(): Metrics {
    return parseMetricsText(this.#metrics ?? '{}')
  }
}

class ScoredTrial extends RowTrial {
  readonly fitness: number

  constructor(row: TrialRow, fitness: number) {
    super(row)
    this.fitness = fitness
  }
}

/** A trial as the storage hands it over: its texts are parsed each time they are looked at. */
export function toStoredTrial(row: TrialRow): StoredTrial {
  return { trial: toTrial(row) as Trial, digest: row.digest }
}

function toTrial(row: TrialRow): Trial | RowTrial {
  switch (row.state) {
    case 'complete':
      return new ScoredTrial(row, row.fitness!)
    case 'pruned': {
      const { fitness, epochs, metrics } = row
      return {
        ...proposed(row),
        state: 'pruned',
        epochs: epochs!,
        ...(fitness === null ? {} : { fitness }),
        metrics: parseMetricsText(metrics!),
      }
    }
    case 'failed':
      return {
        ...proposed(row),
        state: 'failed',
        failure: row.failure as FailureClass,
        output: JSON.parse(row.output!) as string[],
      }
    default:
      return { ...proposed(row), state: row.state as 'running' }
  }
}

/** What all trials have, as plain values. */
export const proposed = (row: Pick<TrialRow, 'number' | 'hyp' | 'parents' | 'mutated' | 'attempt'>) => ({
  number: row.number,
  hyp: Object.freeze(parseHypText(row.hyp)),
  parents: JSON.parse(row.parents) as number[],
  mutated: JSON.parse(row.mutated) as string[],
  attempt: row.attempt,
})
