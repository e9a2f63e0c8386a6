// Metrics from a table with one line per epoch (or per step) that a program writes while it trains.
import type { MetricReader, MetricSource } from '../../process/index.ts'
import type { EpochReport } from '../../trainer.ts'
import { Epochs, type Measured } from './epochs.ts'
import { fileIn, missingNames, type Names } from './names.ts'
import { TextFile } from './text-file.ts'

/** Numbers of a row by the title of their column. Cells that are empty or text are not there; NaN and infinities are. */
export type CsvRow = ReadonlyMap<string, number>

export interface CsvOptions {
  /** The file; `*` in its path stands for anything, and the newest one is meant. */
  readonly path: string
  readonly onEpoch: (report: EpochReport) => void
  /** Epochs up to this one are no news. What stands in the file now is none either. */
  readonly after: number
  /** Titles of columns by the metrics that they become; other columns keep their title. `epoch` and `epochs` too. */
  readonly names?: Names
  /** What a row measured, in place of `names`; `undefined` if it is none of a training. */
  readonly map?: (row: CsvRow) => Omit<Measured, 'whole'> | undefined
}

/**
 * Follows a CSV file: titles in the first line, separated by commas, semicolons or tabs, with spaces around them or not.
 * A new line of titles holds for what follows; a file that is written anew is read anew; a last line without its end is
 * still being written. Rows of one epoch that each have a part of the columns are put together.
 */
export function followCsv({ path, onEpoch, after, names = {}, map }: CsvOptions): MetricReader {
  const epochs = new Epochs(onEpoch, after)
  const table = new Table()
  let rows = 0
  epochs.old = true
  const file = new TextFile(path, {
    onLine(line) {
      const found = table.row(line)
      if (!found) return
      rows++
      const measured = map ? map(found.row) : rename(found.row, names)
      if (!measured) return
      const wanted = map ? [] : Object.keys(names)
      const whole = wanted.length > 0 ? wanted.every((name) => has(measured, name)) : found.whole
      epochs.add({ ...measured, whole })
    },
    onRestart() {
      table.clear()
      epochs.restart()
      epochs.old = false
      rows = 0
    },
  })
  epochs.end()
  epochs.old = false

  const problem = () => {
    if (!file.isTouched && file.problem === undefined) return 'was not written by this training'
    if (file.problem !== undefined) return file.problem
    if (table.titles.length === 0) return 'has no line with the titles of its columns'
    const titles = table.titles.join(', ')
    if (rows === 0) return `has titles (${titles}), but no row of numbers below them`
    const missing = missingNames(names, (title) => table.hasHad(title))
    return `has no column ${missing.map((title) => JSON.stringify(title)).join(' or ')}; it has: ${titles}`
  }
  const metrics = () =>
    file.isTouched && missingNames(names, (title) => table.hasHad(title)).length === 0 ? epochs.metrics : undefined

  return {
    poll: async () => file.poll(),
    end() {
      file.end()
      epochs.end()
    },
    get progress() {
      return file.bytesRead
    },
    get metrics() {
      return metrics()
    },
    get problem() {
      return metrics() ? undefined : `It ended well, but ${path}, where its metrics are expected, ${problem()}.`
    },
  }
}

/** `csv:results.csv`, `csv:results.csv:mAP50=metrics/mAP50(B)`. */
export const csvSource =
  (path: string, names: Names): MetricSource =>
  ({ out, onEpoch, after }) =>
    followCsv({ path: fileIn(out, path), onEpoch, after, names })

const has = ({ epoch, epochs, metrics }: Omit<Measured, 'whole'>, name: string) =>
  name === 'epoch' ? epoch !== undefined : name === 'epochs' ? epochs !== undefined : metrics[name] !== undefined

function rename(row: CsvRow, names: Names): Omit<Measured, 'whole'> {
  const metrics = new Map(row)
  const own = (name: string) => [...row.keys()].find((title) => title.toLowerCase() === name) ?? name
  const taken = new Set<string>()
  const take = (name: 'epoch' | 'epochs') => {
    const title = names[name] ?? own(name)
    const value = row.get(title)
    taken.add(title)
    return value
  }
  const epoch = take('epoch')
  const epochs = take('epochs')
  for (const title of [...taken, ...Object.values(names)]) metrics.delete(title)
  for (const [name, title] of Object.entries(names)) {
    const value = row.get(title)
    if (value !== undefined && name !== 'epoch' && name !== 'epochs') metrics.set(name, value)
  }
  return { epoch, epochs, metrics: Object.fromEntries(metrics) }
}

/** Knows the titles, and what is a row below them. */
class Table {
  #titles: readonly string[] = []
  #separator = ','
  #rowsBelow = 0
  readonly #had = new Set<string>()

  /** Without columns that have none. */
  get titles(): readonly string[] {
    return this.#titles.filter((title) => title !== '')
  }

  /** Whether some line of titles had this one. */
  hasHad(title: string): boolean {
    return this.#had.has(title)
  }

  clear(): void {
    this.#titles = []
    this.#rowsBelow = 0
    this.#had.clear()
  }

  /** The numbers of a line; `undefined` if it is none with numbers, or another number of cells than titles. */
  row(line: string): { readonly row: CsvRow; readonly whole: boolean } | undefined {
    if (line.trim() === '') return undefined
    if (this.#takeTitles(line)) return undefined
    const cells = split(line, this.#separator)
    if (this.#titles.length === 0 || cells.length !== this.#titles.length) return undefined
    const entries = this.#titles.flatMap((title, i) => {
      const value = title === '' ? undefined : numberOf(cells[i]!)
      return value === undefined ? [] : [[title, value] as const]
    })
    if (entries.length === 0) return undefined
    this.#rowsBelow++
    return { row: new Map(entries), whole: this.#titles.every((title, i) => title === '' || cells[i] !== '') }
  }

  /** Takes a line of titles: it has no numbers. One below rows must share a title with them; others are just text. */
  #takeTitles(line: string): boolean {
    const text = line.replace(/^\uFEFF?#?/, '')
    const separator = [',', ';', '\t'].sort((a, b) => text.split(b).length - text.split(a).length)[0]!
    const cells = split(text, separator)
    if (cells.some((cell) => numberOf(cell) !== undefined) || cells.every((cell) => cell === '')) return false
    if (this.#rowsBelow > 0 && !cells.some((cell) => cell !== '' && this.#titles.includes(cell))) return false
    this.#titles = cells
    this.#separator = separator
    this.#rowsBelow = 0
    for (const cell of cells) this.#had.add(cell)
    return true
  }
}

/** Cells without the spaces and quotes around them. */
function split(line: string, separator: string): string[] {
  if (!line.includes('"')) return line.split(separator).map((cell) => cell.trim())
  const cells: string[] = []
  let cell = ''
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const sign = line[i]!
    if (quoted && sign === '"' && line[i + 1] === '"') cell += line[++i]
    else if (sign === '"' && (quoted || cell.trim() === '')) {
      quoted = !quoted
    } else if (sign === separator && !quoted) {
      cells.push(cell.trim())
      cell = ''
    } else cell += sign
  }
  return [...cells, cell.trim()]
}

function numberOf(cell: string): number | undefined {
  if (/^[-+]?nan$/i.test(cell)) return Number.NaN
  if (/^[-+]?inf(inity)?$/i.test(cell)) return cell.startsWith('-') ? -Infinity : Infinity
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(cell) ? Number(cell) : undefined
}
