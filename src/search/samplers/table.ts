// The table that a release keeps in evolve.txt or evolve.csv, as it reads it back to choose parents: its order, its
// precision, its duplicates. Replay computes with this instead of the trials themselves.
import { argsort } from '../../base/index.ts'
import { type FitnessPresetName, fitness, fitnessPresets, metric } from '../fitness.ts'
import type { History } from '../history.ts'
import type { SearchSpace } from '../space.ts'
import { toDigits } from '../table-precision.ts'
import type { CompleteTrial } from '../trial.ts'
import type { Candidate } from './mutation.ts'

export interface TableOptions {
  /** `evolve.csv`: 5 digits, in the order of results. `evolve.txt`: 3 digits, sorted, without duplicates. */
  readonly table: 'evolve.csv' | 'evolve.txt'
  /** The release's weights, on the results as the table holds them; or the study's own fitness. */
  readonly fitness: FitnessPresetName | 'study'
}

/** The rows of the table after all complete trials, in the order of the file. */
export function tableOf(history: History, space: SearchSpace, options: TableOptions): Candidate[] {
  const trials = history.complete
  if (options.table === 'evolve.csv') return trials.map(rowsOf(space, options, [5], 5))
  // a line is appended with 4 digits in its results; then all is read, sorted and written again with 3
  const appended = rowsOf(space, options, [4], 3)
  const written = rowsOf(space, options, [4, 3], 3)
  const last = trials.at(-1)
  const different = uniqueRows(trials.map((trial) => (trial === last ? appended(trial) : written(trial))))
  return argsort(different.map((row) => -row.fitness)).map((i) => written(different[i].trial))
}

interface Row extends Candidate {
  readonly values: readonly number[]
  readonly trial: CompleteTrial
  /** All columns: seven results, then the hyps. */
  readonly columns: readonly number[]
}

/** Rows of complete trials never change: formatted once for each space and precision. */
const formatted = new WeakMap<SearchSpace, Map<string, WeakMap<CompleteTrial, Row>>>()

function rowsOf(
  space: SearchSpace,
  { fitness: ranking }: TableOptions,
  resultDigits: readonly number[],
  hypDigits: number,
) {
  const ofSpace = formatted.get(space) ?? new Map<string, WeakMap<CompleteTrial, Row>>()
  formatted.set(space, ofSpace)
  const key = `${ranking} ${resultDigits} ${hypDigits}`
  const rows = ofSpace.get(key) ?? new WeakMap<CompleteTrial, Row>()
  ofSpace.set(key, rows)
  const preset = fitnessPresets[ranking === 'study' ? 'yolov5' : ranking]
  const names = [...preset.metrics, 'boxLoss', 'objLoss', 'clsLoss']

  return (trial: CompleteTrial): Row => {
    const known = rows.get(trial)
    if (known) return known
    const measured = names.map((name) => metric(trial.metrics, name))
    const results = measured.map((value) => resultDigits.reduce(toDigits, value))
    const values = space.toValues(trial.hyp).map((value) => toDigits(typeof value === 'number' ? value : 0, hypDigits))
    const own = fitness(results, preset.weights)
    const row: Row = {
      number: trial.number,
      trial,
      values,
      columns: [...results, ...values],
      fitness: ranking === 'study' || Number.isNaN(own) ? trial.fitness : own,
    }
    rows.set(trial, row)
    return row
  }
}

/** NumPy's `unique` over rows: ascending column by column, each row once (here: its first trial). */
function uniqueRows(rows: readonly Row[]): Row[] {
  const sorted = [...rows].sort((a, b) => (a === b ? 0 : compareColumns(a, b)) || a.number - b.number)
  return sorted.filter((row, i) => i === 0 || compareColumns(sorted[i - 1], row) !== 0)
}

/** NaN is larger than all else, and equal to nothing. */
function compareColumns({ columns: a }: Row, { columns: b }: Row): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] < b[i]) return -1
    if (a[i] > b[i]) return 1
    if (Number.isNaN(a[i]) || Number.isNaN(b[i])) return Number.isNaN(a[i]) ? 1 : -1
  }
  return 0
}
