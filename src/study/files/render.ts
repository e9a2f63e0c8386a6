// The files of a study, from its trials: what the release would have left after telling them one by one.
import { type CompleteTrial, fitness } from '../../search/index.ts'
import type { EvolveFormat, EvolveTable, FilePlace, Ranking } from './format.ts'
import { type EvolveRow, resultsOf } from './row.ts'

/** A file and what it holds. */
export interface EvolveFileText extends FilePlace {
  readonly text: string
}

export interface RenderOptions {
  /** Hyperparameters, in the order of the columns. */
  readonly keys: readonly string[]
  /** Complete trials at full length, in the order in which they were told. */
  readonly trials: readonly CompleteTrial[]
  /**
   * As many of the first trials were read from a file of this format: they are in its order and precision already, and
   * without further trials the file comes out byte for byte. Default 0.
   */
  readonly imported?: number
  /** Default `table`. */
  readonly ranking?: Ranking
}

/**
 * The table of a study. YOLOv5's seven results are its first columns; in a titled table of trials that measured none of
 * them, the metrics that they did measure.
 */
export function evolveTable(format: EvolveFormat, options: RenderOptions): EvolveTable {
  const { keys, trials, imported = 0, ranking = 'table' } = options
  const empty = format.empty(sameKeys(keys), format.titled ? measuredKeys(format, trials) : undefined)
  const rows = trials.map((trial) => rowOf(trial, empty.resultKeys))
  const start = imported > 0 ? { ...empty, rows: rows.slice(0, imported) } : empty
  return format.addAll(start, rows.slice(imported), ranking)
}

/**
 * The texts of a study's table and hyp file. Equal to `add` for each trial in turn, but in one go.
 *
 * @returns the table, and the file with the best hyp if the release writes one and there is a trial
 */
export function renderEvolveFiles(format: EvolveFormat, options: RenderOptions): EvolveFileText[] {
  const table = evolveTable(format, options)
  const hyp = format.hypText(table, options.ranking)
  const files: EvolveFileText[] = [{ ...format.table, text: format.tableText(table) }]
  if (format.hyp && hyp !== undefined) files.push({ ...format.hyp, text: hyp })
  return files
}

/** The same table as the figure of src/report takes it. */
export function pictureTable(format: EvolveFormat, table: EvolveTable, ranking: Ranking = 'table') {
  const own = ranking !== 'table' || format.resultKeys.length === 0
  return {
    keys: table.keys,
    rows: table.rows.map(({ hyp }) => table.keys.map((key) => (Object.hasOwn(hyp, key) ? hyp[key] : undefined))),
    fitness: table.rows.map((row) => (own ? (row.fitness ?? Number.NaN) : fitness(row.results, format.weights))),
    bestIndex: format.best(table, ranking) ?? -1,
  }
}

// Lines are kept by row and keys: callers that make the list anew each time still find them.
let knownKeys: readonly string[] = []

function sameKeys(keys: readonly string[]): readonly string[] {
  if (keys.length !== knownKeys.length || keys.some((key, i) => key !== knownKeys[i])) knownKeys = [...keys]
  return knownKeys
}

// Trials do not change, so neither do their rows; large tables are written again after every trial.
const rows = new WeakMap<CompleteTrial, { keys: string; row: EvolveRow }>()

/** A trial as a row of a table with these result columns. */
export function rowOf(trial: CompleteTrial, resultKeys: readonly string[]): EvolveRow {
  const keys = resultKeys.join()
  const kept = rows.get(trial)
  if (kept?.keys === keys) return kept.row
  const { hyp, number, metrics } = trial
  const results = resultsOf({ fitness: trial.fitness, ...metrics }, resultKeys)
  const row = { results, hyp, fitness: trial.fitness, number }
  rows.set(trial, { keys, row })
  return row
}

function measuredKeys(format: EvolveFormat, trials: readonly CompleteTrial[]): readonly string[] | undefined {
  const found = new Set<string>()
  for (const { metrics } of trials) {
    for (const key of Object.keys(metrics)) {
      if (format.resultKeys.includes(key)) return undefined
      found.add(key)
    }
  }
  return found.size > 0 ? [...found] : trials.length > 0 ? ['fitness'] : undefined
}
