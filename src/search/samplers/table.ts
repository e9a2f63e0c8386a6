// The table that a release keeps in evolve.txt or evolve.csv, as it reads it back to choose parents: its order, its
// precision, its duplicates. Replay computes with this instead of the trials themselves.
import { argsort, formatG } from '../../base/index.ts'
import { type FitnessPresetName, fitness, fitnessPresets } from '../fitness.ts'
import type { History } from '../history.ts'
import type { SearchSpace } from '../space.ts'
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
  if (options.table === 'evolve.csv') return trials.map((trial) => rowOf(trial, space, options, 5, 5))
  // what was written before has 3 digits; the line just added has 4 in its results until the file is next read
  const last = trials.length - 1
  const rows = trials.map((trial, i) => rowOf(trial, space, options, i === last ? 4 : 3, 3))
  const different = uniqueRows(rows)
  return argsort(different.map((row) => -row.fitness)).map((i) =>
    different[i].trial === trials[last] ? rowOf(trials[last], space, options, 3, 3) : different[i],
  )
}

interface Row extends Candidate {
  readonly values: readonly number[]
  readonly trial: CompleteTrial
  /** All columns: seven results, then the hyps. */
  readonly columns: readonly number[]
}

/** Rows of ended trials never change: formatted once. */
const formatted = new WeakMap<CompleteTrial, Map<string, Row>>()

function rowOf(
  trial: CompleteTrial,
  space: SearchSpace,
  options: TableOptions,
  resultDigits: number,
  hypDigits: number,
): Row {
  const key = `${options.fitness} ${resultDigits} ${hypDigits} ${space.keys.length}`
  const rows = formatted.get(trial) ?? new Map<string, Row>()
  formatted.set(trial, rows)
  const known = rows.get(key)
  if (known) return known
  const preset = fitnessPresets[options.fitness === 'study' ? 'yolov5' : options.fitness]
  const names = [...preset.metrics, 'boxLoss', 'objLoss', 'clsLoss']
  const results = names.map((name) => toDigits(trial.metrics[name] ?? 0, resultDigits))
  const values = space.toValues(trial.hyp).map((value) => toDigits(typeof value === 'number' ? value : 0, hypDigits))
  const measured = preset.metrics.every((name, i) => preset.weights[i] === 0 || Object.hasOwn(trial.metrics, name))
  const row: Row = {
    number: trial.number,
    trial,
    values,
    columns: [...results, ...values],
    fitness: options.fitness !== 'study' && measured ? fitness(results, preset.weights) : trial.fitness,
  }
  rows.set(key, row)
  return row
}

/** The value as C's `%.<digits>g` leaves it. */
export function toDigits(value: number, digits: number): number {
  const text = formatG(value, digits)
  return text === 'nan' ? Number.NaN : text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text)
}

/** NumPy's `unique` over rows: ascending column by column, each row once (here: its first trial). */
function uniqueRows(rows: readonly Row[]): Row[] {
  const sorted = [...rows].sort((a, b) => compareColumns(a, b) || a.number - b.number)
  return sorted.filter((row, i) => i === 0 || compareColumns(sorted[i - 1], row) !== 0)
}

function compareColumns({ columns: a }: Row, { columns: b }: Row): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i]
  return 0
}
