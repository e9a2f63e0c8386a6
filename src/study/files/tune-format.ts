// tune_results.csv of Ultralytics' tuner: fitness and hyperparameters with 5 decimals, one row per trial, as Python prints
// them. So a table that was imported can be given back.
import { pythonRepr, roundHalfEven } from '../../base/index.ts'
import { type HypValue, yolov5Fitness } from '../../search/index.ts'
import { formatCell } from './cells.ts'
import { bestRow } from './csv-format.ts'
import type { EvolveFormat, EvolveTable } from './format.ts'
import type { EvolveRow } from './row.ts'

/** The only whole number among Ultralytics' hyperparameters; all others are floats, `0.0` too. */
const wholeNumbers = new Set(['close_mosaic'])

function cell(key: string, value: HypValue | undefined): string {
  if (typeof value !== 'number') return formatCell(value).trim()
  const rounded = roundHalfEven(value, 5)
  return wholeNumbers.has(key) && Number.isInteger(rounded) ? String(rounded) : pythonRepr(rounded)
}

const addAll = (table: EvolveTable, rows: readonly EvolveRow[]): EvolveTable => {
  const row = rows.at(-1)
  if (row === undefined) return table
  const all = [...table.rows, ...rows]
  return { ...table, rows: all, last: { row, best: all[best({ rows: all })!] } }
}

/** Its fitness is the tuner's own, so it ranks whichever way is asked for. */
const best = ({ rows }: Pick<EvolveTable, 'rows'>) => bestRow(rows, 'trial', yolov5Fitness)

const lineOf = ({ fitness = Number.NaN, hyp }: EvolveRow, keys: readonly string[]) =>
  [fitness, ...keys.map((key) => (Object.hasOwn(hyp, key) ? hyp[key] : undefined))]
    .map((value, i) => cell(i === 0 ? 'fitness' : keys[i - 1], value))
    .join(',')

export const tuneFormat: EvolveFormat = {
  name: 'ultralytics',
  table: { folder: 'study', name: 'tune_results.csv' },
  hyp: undefined,
  figure: { folder: 'study', name: 'evolve.png' },
  figureStyle: 'yolov5-v6.1',
  folder: { project: 'runs/evolve', name: 'exp', numbered: true },
  resultKeys: [],
  weights: yolov5Fitness,
  titled: true,
  empty: (keys) => ({ resultKeys: [], keys, rows: [] }),
  add: (table, row) => addAll(table, [row]),
  addAll,
  best,
  tableText: ({ keys, rows }) =>
    `${['fitness', ...keys].join(',')}\n${rows.map((row) => `${lineOf(row, keys)}\n`).join('')}`,
  hypText: () => undefined,
  consoleText: ({ keys }, row) => `${['fitness', ...keys].join(',')}\n${lineOf(row, keys)}\n`,
}
