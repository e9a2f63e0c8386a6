// Cells of evolve.csv: numbers as `%20.5g`, texts quoted where they could be taken for something else; and back.
import { formatG } from '../../base/index.ts'
import type { HypValue } from '../../search/index.ts'

/** Columns of evolve.csv are at least this wide. */
export const csvWidth = 20

/** A cell as it stands in the file. */
export interface Cell {
  readonly text: string
  readonly quoted: boolean
}

/** One record: a line, unless a quoted text holds line ends. */
export interface CsvRecord {
  readonly cells: readonly Cell[]
  /** Number of its first line, from 1. */
  readonly line: number
  /** Where it begins, in UTF-16 units. */
  readonly start: number
  /** Where the next one begins. */
  readonly end: number
  /** Whether a line end follows. */
  readonly ended: boolean
  /** A quote that is never closed. */
  readonly open: boolean
  /** Length of the last cell with its blanks. */
  readonly lastWidth: number
}

/** A hyperparameter as a cell; one that the hyp does not have is blank. */
export function formatCell(value: HypValue | undefined): string {
  if (typeof value === 'number') return formatG(value, 5, csvWidth)
  return (value === undefined ? '' : typeof value === 'boolean' ? String(value) : quoteText(value)).padStart(csvWidth)
}

/** A title as a cell. */
export const formatTitle = (title: string): string =>
  (/[",\r\n]|^\s|\s$/.test(title) ? quote(title) : title).padStart(csvWidth)

const quote = (text: string) => `"${text.replaceAll('"', '""')}"`

const quoteText = (text: string) =>
  text === '' || /[",\r\n]|^\s|\s$/.test(text) || typeof parseValue(text) !== 'string' ? quote(text) : text

/** The value of a cell; `undefined` if it is blank. */
export function cellValue({ text, quoted }: Cell): HypValue | undefined {
  if (quoted) return text
  return text === '' ? undefined : parseValue(text)
}

function parseValue(text: string): HypValue {
  if (text === 'true') return true
  if (text === 'false') return false
  return parseNumber(text) ?? text
}

/** The number that a text is in C and Python (`nan` and `inf` too), or `undefined`. */
export function parseNumber(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text)
  if (/^[+-]?nan$/i.test(text)) return Number.NaN
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text)
  return infinite ? (infinite[1] === '-' ? -Infinity : Infinity) : undefined
}

/** Splits a csv text into records; blank lines are left out. Linear in its length, whatever it holds. */
export function parseCsv(text: string): CsvRecord[] {
  const records: CsvRecord[] = []
  let at = text.startsWith('\uFEFF') ? 1 : 0
  let line = 1
  while (at < text.length) {
    const record = parseRecord(text, at, line)
    for (let i = at; i < record.end; i++) if (text.charCodeAt(i) === 10) line++
    at = record.end
    if (record.cells.length > 1 || record.cells[0].text !== '' || record.cells[0].quoted) records.push(record)
  }
  return records
}

function parseRecord(text: string, start: number, line: number): CsvRecord {
  const cells: Cell[] = []
  let at = start
  for (;;) {
    const cellStart = at
    while (text[at] === ' ' || text[at] === '\t') at++
    let cell: Cell
    if (text[at] === '"') {
      let content = ''
      for (at++; ; ) {
        const close = text.indexOf('"', at)
        if (close < 0) {
          cells.push({ text: content + text.slice(at), quoted: true })
          const lastWidth = text.length - cellStart
          return { cells, line, start, end: text.length, ended: false, open: true, lastWidth }
        }
        content += text.slice(at, close)
        at = close + 1
        if (text[at] !== '"') break
        content += '"'
        at++
      }
      // what stands behind a closing quote belongs to the text: no writer makes it, but nothing is lost
      const rest = at
      while (at < text.length && text[at] !== ',' && text[at] !== '\n') at++
      cell = { text: content + text.slice(rest, at).trimEnd(), quoted: true }
    } else {
      while (at < text.length && text[at] !== ',' && text[at] !== '\n') at++
      cell = { text: text.slice(cellStart, at).trim(), quoted: false }
    }
    cells.push(cell)
    if (text[at] === ',') {
      at++
      continue
    }
    const ended = text[at] === '\n'
    return { cells, line, start, end: ended ? at + 1 : at, ended, open: false, lastWidth: at - cellStart }
  }
}
