// evolve.csv and hyp_evolve.yaml: YOLOv5 v6.0 and later, yolov3 v9.6.0 and later. Rows are appended in the order of time,
// with 5 significant digits and titles.
import { formatG } from '../../base/index.ts'
import { fitness, type HypValue, resultKeys, tablePrecision, yolov5Fitness } from '../../search/index.ts'
import { csvWidth, formatCell, formatTitle } from './cells.ts'
import type { EvolveFormat, EvolveTable, Ranking } from './format.ts'
import { evolvePrefix } from './format.ts'
import { yamlLines } from './hyp-yaml.ts'
import { type EvolveRow, titleOf } from './row.ts'

interface CsvVariant {
  readonly name: string
  /** As the hyp file's first line says it. */
  readonly program: 'YOLOv5' | 'YOLOv3'
  /**
   * v6.0 (and yolov3 v9.6.0) count the rows wrongly in the hyp file, put the last hyp there instead of the best one, and
   * do not say on the console how many are done.
   */
  readonly first: boolean
}

/** A row as evolve.csv holds it. Its hyp is made when it is asked for: large studies keep many rows. */
const asInFile = ({ results, hyp, ...rest }: EvolveRow): EvolveRow => ({
  ...rest,
  results: results.map(tablePrecision),
  get hyp() {
    const rounded = ([key, value]: [string, HypValue]) => [
      key,
      typeof value === 'number' ? tablePrecision(value) : value,
    ]
    return Object.fromEntries(Object.entries(hyp).map(rounded))
  },
})

// A row never changes, and tables of many rows are written again after each trial.
const lines = new WeakMap<EvolveRow, { keys: readonly string[]; text: string }>()

function lineOf(row: EvolveRow, keys: readonly string[]): string {
  const kept = lines.get(row)
  if (kept?.keys === keys) return kept.text
  const text = `${cellsOf(row, keys).join(',')}\n`
  lines.set(row, { keys, text })
  return text
}

const cellsOf = ({ results, hyp }: EvolveRow, keys: readonly string[]): string[] => [
  ...results.map((value) => formatG(value, 5, csvWidth)),
  ...keys.map((key) => formatCell(Object.hasOwn(hyp, key) ? hyp[key] : undefined)),
]

const titlesOf = ({ resultKeys, keys }: EvolveTable) => [...resultKeys.map(titleOf), ...keys]

/** Index of the first best row. With `table` the first NaN wins over all, as NumPy's argmax has it. */
export function bestRow(
  rows: readonly EvolveRow[],
  ranking: Ranking,
  weights: readonly [number, number, number, number],
): number | undefined {
  if (typeof ranking === 'object') {
    const winner = rows.findIndex(({ number }) => number === ranking.winner)
    if (winner >= 0) return winner
  }
  const own = ranking !== 'table'
  let best: number | undefined
  let most = Number.NaN
  for (const [i, row] of rows.entries()) {
    const value = own ? (row.fitness ?? Number.NaN) : fitness(row.results, weights)
    if (!own && Number.isNaN(value)) return i
    const better =
      best === undefined || value > most || (own && value === most && (row.number ?? i) < (rows[best].number ?? best))
    if (!better) continue
    best = i
    most = value
  }
  return best
}

export function csvFormat({ name, program, first }: CsvVariant): EvolveFormat {
  const weights = yolov5Fitness
  const comment = (cells: readonly string[]) => `# ${cells.map((cell) => cell.padStart(csvWidth)).join(', ')}\n`
  const addAll = (table: EvolveTable, rows: readonly EvolveRow[], ranking: Ranking = 'table'): EvolveTable => {
    const row = rows.at(-1)
    if (row === undefined) return table
    const all = [...table.rows, ...rows.map(asInFileOnce)]
    return { ...table, rows: all, last: { row, best: all[bestRow(all, ranking, weights)!] } }
  }
  return {
    name,
    table: { folder: 'study', name: 'evolve.csv' },
    hyp: { folder: 'study', name: 'hyp_evolve.yaml' },
    figure: { folder: 'study', name: 'evolve.png' },
    figureStyle: first ? 'yolov5-v6.0' : 'yolov5-v6.1',
    folder: { project: 'runs/evolve', name: 'exp', numbered: true },
    resultKeys,
    weights,
    titled: true,
    empty: (keys, measured = resultKeys) => ({ resultKeys: measured, keys, rows: [] }),
    add: (table, row, ranking) => addAll(table, [row], ranking),
    addAll,
    best: (table, ranking = 'table') => bestRow(table.rows, ranking, weights),

    tableText(table) {
      const header = `${titlesOf(table).map(formatTitle).join(',')}\n`
      return header + table.rows.map((row) => lineOf(row, table.keys)).join('')
    },

    hypText(table, ranking = 'table') {
      const index = bestRow(table.rows, ranking, weights)
      if (index === undefined) return undefined
      const best = table.rows[index]
      const body = first ? (table.last?.row ?? table.rows.at(-1)!) : best
      return (
        `# ${program} Hyperparameter Evolution Results\n` +
        `# Best generation: ${index}\n` +
        `# Last generation: ${table.rows.length - (first ? 0 : 1)}\n` +
        comment(table.resultKeys.map(titleOf)) +
        comment(best.results.map((value) => formatG(value, 5))) +
        `\n${yamlLines(body.hyp)}`
      )
    },

    consoleText(table, row, prefix = evolvePrefix) {
      const names = titlesOf(table).map((title) => title.padStart(csvWidth))
      const head = first ? '' : `${prefix}${table.rows.length} generations finished, current result:\n`
      return `${head}${prefix}${names.join(', ')}\n${prefix}${cellsOf(row, table.keys).join(', ')}\n\n\n`
    },
  }
}

const rounded = new WeakMap<EvolveRow, EvolveRow>()

function asInFileOnce(row: EvolveRow): EvolveRow {
  const kept = rounded.get(row)
  if (kept) return kept
  const made = asInFile(row)
  rounded.set(row, made)
  return made
}
