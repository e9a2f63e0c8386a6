// evolve.csv and hyp_evolve.yaml as yolov5 v7.0 writes them, byte for byte; evolve.csv also as input. Pure: who touches
// the files is evolve-folder.ts.
import { EvolveFileColumnsError, EvolveFileRowError, formatG, yamlFloat } from '../base/index.ts'
import { fitness, type Hyp, type Results, resultKeys, tablePrecision } from '../search/index.ts'

/** Titles of the first seven columns. */
const resultTitles = [
  'metrics/precision',
  'metrics/recall',
  'metrics/mAP_0.5',
  'metrics/mAP_0.5:0.95',
  'val/box_loss',
  'val/obj_loss',
  'val/cls_loss',
] as const

/** One finished trial as a line of evolve.csv; numbers have the 5 significant digits of the file. */
export interface EvolveRow {
  readonly results: Results
  readonly hyp: Hyp
}

const width = 20

/** Titles of all columns: seven results, then the hyperparameters. */
export const evolveTitles = (keys: readonly string[]): string[] => [...resultTitles, ...keys]

/** Rounds a trial to what evolve.csv holds of it. */
export const toEvolveRow = (results: Results, hyp: Hyp): EvolveRow => ({
  results: pickResults((key) => tablePrecision(results[key])),
  hyp: Object.fromEntries(Object.entries(hyp).map(([key, value]) => [key, tablePrecision(value)])),
})

const pickResults = (value: (key: (typeof resultKeys)[number]) => number) =>
  Object.fromEntries(resultKeys.map((key) => [key, value(key)])) as unknown as Results

const cellsOf = (titles: readonly string[], { results, hyp }: EvolveRow): number[] =>
  titles.map((title) => {
    const i = resultTitles.indexOf(title as (typeof resultTitles)[number])
    return i < 0 ? hyp[title] : results[resultKeys[i]]
  })

/** The header line, with its end. */
export const evolveCsvHeader = (titles: readonly string[]): string =>
  `${titles.map((title) => title.padStart(width)).join(',')}\n`

/** The line of a trial, with its end; columns in the order of the titles. */
export const evolveCsvLine = (titles: readonly string[], row: EvolveRow): string =>
  `${cellsOf(titles, row)
    .map((value) => formatG(value, 5, width))
    .join(',')}\n`

/** What an evolve.csv holds. */
export interface EvolveCsv {
  /** Titles in the order of the file. */
  readonly titles: readonly string[]
  readonly rows: readonly EvolveRow[]
  /** Length of the text that was used, in UTF-16 units. Less than all of it if the last line is torn. */
  readonly usedLength: number
}

/**
 * Reads an evolve.csv, ours or one of the originals. Columns are found by title, in any order. A last line that was
 * torn while it was written (no line end and too short) is left out.
 *
 * @param keys - hyperparameters of the search
 * @param path - what messages call the file
 * @throws {@link EvolveFileColumnsError} if a column is missing, unknown or there twice
 * @throws {@link EvolveFileRowError} if a row has another number of values or one that is no number (`nan` is one)
 */
export function readEvolveCsv(text: string, keys: readonly string[], path: string): EvolveCsv {
  const lines = text.split('\n')
  const titles = lines[0]
    .replace(/^\uFEFF/, '')
    .split(',')
    .map((title) => title.trim())
  const expected = evolveTitles(keys)
  const same = titles.length === expected.length && expected.every((title) => titles.includes(title))
  if (!same) throw new EvolveFileColumnsError(path, titles, expected)

  const padded = lines[0].split(',')[0].length >= width // as ours and the originals are; a spreadsheet's are not
  let usedLength = text.length
  const rows: EvolveRow[] = []
  for (let i = 1; i < lines.length; i++) {
    if (lines[i].trim() === '') continue
    const cells = lines[i].split(',')
    const short = cells.length < titles.length || (padded && cells.at(-1)!.trimEnd().length < width)
    const torn = i === lines.length - 1 && short
    if (torn) {
      usedLength = text.length - lines[i].length
      break
    }
    if (cells.length !== titles.length)
      throw new EvolveFileRowError(path, i + 1, `${cells.length} values for ${titles.length} columns`)
    const values = new Map(titles.map((title, column) => [title, parseNumber(cells[column], title, path, i + 1)]))
    rows.push({
      results: pickResults((key) => values.get(resultTitles[resultKeys.indexOf(key)])!),
      hyp: Object.fromEntries(keys.map((key) => [key, values.get(key)!])),
    })
  }
  return { titles, rows, usedLength }
}

function parseNumber(cell: string, title: string, path: string, line: number): number {
  const text = cell.trim()
  const lower = text.toLowerCase()
  if (lower === 'nan') return Number.NaN
  if (/^[+-]?inf(inity)?$/.test(lower)) return lower.startsWith('-') ? -Infinity : Infinity
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(lower) ? Number(text) : Number.NaN
  if (Number.isNaN(value)) throw new EvolveFileRowError(path, line, `"${text}" in column ${title} is no number`)
  return value
}

/** Fitness of results as the file holds them. */
export const rowFitness = ({ results }: Pick<EvolveRow, 'results'>): number =>
  fitness(resultKeys.map((key) => results[key]))

/** Index of the fittest row, the first of several; rows with NaN never win. `undefined` without a row to choose. */
export function bestRow(rows: readonly EvolveRow[]): number | undefined {
  let best: number | undefined
  let bestFitness = Number.NaN
  for (const [i, row] of rows.entries()) {
    const fitnessOfRow = rowFitness(row)
    if (fitnessOfRow > bestFitness || (best === undefined && !Number.isNaN(fitnessOfRow))) {
      best = i
      bestFitness = fitnessOfRow
    }
  }
  return best
}

/**
 * The text of hyp_evolve.yaml: the best row's hyp, below comments that name it.
 *
 * @param rows - all rows of evolve.csv, at least one
 * @param best - index of the best row
 */
export function hypEvolveYaml(rows: readonly EvolveRow[], best: number): string {
  const { results, hyp } = rows[best]
  const comment = (cells: readonly string[]) => `# ${cells.map((cell) => cell.padStart(width)).join(', ')}\n`
  const head = [
    '# YOLOv5 Hyperparameter Evolution Results\n',
    `# Best generation: ${best}\n`,
    `# Last generation: ${rows.length - 1}\n`,
    comment(resultTitles),
    comment(resultKeys.map((key) => formatG(results[key], 5))),
    '\n',
  ]
  return (
    head.join('') +
    Object.entries(hyp)
      .map(([key, value]) => `${key}: ${yamlFloat(value)}\n`)
      .join('')
  )
}

/**
 * The console text after a generation, with line ends: how many are done, titles, values, two empty lines.
 *
 * @param prefix - stands before the three lines; v7.0's is {@link evolvePrefix}
 * @param finished - rows in evolve.csv
 */
export function evolveConsoleText(prefix: string, finished: number, titles: readonly string[], row: EvolveRow): string {
  const names = titles.map((title) => title.padStart(width)).join(', ')
  const values = cellsOf(titles, row).map((value) => formatG(value, 5, width))
  const head = `${prefix}${finished} generations finished, current result:\n`
  return `${head}${prefix}${names}\n${prefix}${values.join(', ')}\n\n\n`
}

/** `evolve: ` in blue and bold, as v7.0 prints it. */
export const evolvePrefix = '\u001b[34m\u001b[1mevolve: \u001b[0m'
