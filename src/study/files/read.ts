// Tables of evolutions as input: evolve.csv of any release or ours, evolve.txt, and Ultralytics' tune_results.csv. Safe on
// whatever a file may hold: the answer is a table or a typed error, after one pass.
import {
  EvolveFileColumnsError,
  EvolveFileInvalidError,
  EvolveFileRowError,
  EvolveTextColumnsError,
} from '../../base/index.ts'
import { type Hyp, type HypValue, resultKeys } from '../../search/index.ts'
import { type CsvRecord, cellValue, csvWidth, parseCsv, parseNumber } from './cells.ts'
import { type EvolveFormatName, type EvolveRelease, evolveFormats, formatOfRelease } from './formats.ts'
import { textTableKeys, yoloKeys } from './keys.ts'
import { type EvolveRow, keyOfTitle, titleOf } from './row.ts'

export interface ReadOptions {
  /** What messages call the file. */
  readonly path: string
  /** Hyperparameters that the table must have: all of them, no others, in this order where columns have no titles. */
  readonly keys?: readonly string[]
  /** The release that wrote the file, if it is known. */
  readonly release?: EvolveRelease
}

/** A table that was read. */
export interface ReadTable {
  readonly kind: 'evolve.csv' | 'evolve.txt' | 'tune_results.csv'
  /** The release that wrote it, as told or as the columns of an evolve.txt tell (the last of those alike). */
  readonly release: EvolveRelease | undefined
  /** The format that gives the same bytes again. */
  readonly format: EvolveFormatName
  /** Metrics in `results` of the rows. */
  readonly resultKeys: readonly string[]
  /** Hyperparameters in the order of the columns. */
  readonly keys: readonly string[]
  /** In the order of the file. Results may be NaN: such a training diverged. `fitness` only from Ultralytics' table. */
  readonly rows: readonly EvolveRow[]
  /** Whether the last line was left out, since it was torn while it was written. */
  readonly torn: boolean
}

/**
 * Reads a table; which of the three it is, its first line says.
 *
 * A last line that was torn while it was written (shorter than it must be, and without its end) is left out. Columns with
 * titles are found by title, in any order; in an evolve.txt their number decides, together with `keys` or `release`.
 *
 * @throws {@link EvolveFileInvalidError} if it is none of the three, or has no hyperparameter, or a title twice
 * @throws {@link EvolveFileColumnsError} if `keys` are given and the titles are others
 * @throws {@link EvolveTextColumnsError} if the columns of an evolve.txt fit no release or not `keys` and `release`, or
 *   several releases with different hyperparameters
 * @throws {@link EvolveFileRowError} if a row has another number of values, or one that is no number
 */
export function readEvolveTable(text: string, options: ReadOptions): ReadTable {
  const first = /^\uFEFF?\s*([^\n]*)/.exec(text)![1]
  if (first === '') throw new EvolveFileInvalidError(options.path, 'it is empty')
  return first.includes(',') ? readCsv(text, options) : readText(text, options)
}

function readCsv(text: string, { path, keys: wanted, release }: ReadOptions): ReadTable {
  const [header, ...records] = parseCsv(text)
  if (header.open) throw new EvolveFileInvalidError(path, 'a quote in its first line is never closed')
  if (!header.ended) throw new EvolveFileInvalidError(path, 'its first line has no end, so it may be torn')
  const titles = header.cells.map((cell) => cell.text)
  const repeated = titles.find((title, i) => titles.indexOf(title) !== i)
  const tuned = titles[0] === 'fitness'
  const isResult = (title: string) => (tuned ? title === 'fitness' : keyOfTitle(title) !== undefined)
  const resultTitles = titles.filter(isResult)
  const keys = titles.filter((title) => !isResult(title))

  if (wanted) {
    const sevenTitles = resultKeys.map(titleOf)
    const expected = [...(sevenTitles.some((title) => titles.includes(title)) ? sevenTitles : resultTitles), ...wanted]
    if (
      repeated !== undefined ||
      titles.length !== expected.length ||
      expected.some((title) => !titles.includes(title))
    )
      throw new EvolveFileColumnsError(path, titles, expected)
  }
  if (repeated !== undefined)
    throw new EvolveFileInvalidError(path, `column ${JSON.stringify(repeated)} is there twice`)
  if (titles.some((title) => title === '')) throw new EvolveFileInvalidError(path, 'a column has no title')
  if (resultTitles.length === 0)
    throw new EvolveFileInvalidError(path, 'its first line names no results (such as metrics/precision)')
  if (keys.length === 0) throw new EvolveFileInvalidError(path, 'its first line names no hyperparameters')

  // ours and the originals' columns are padded; a spreadsheet's are not
  const padded = !tuned && text.replace(/^\uFEFF/, '').indexOf(',') >= csvWidth
  const isTorn = (record: CsvRecord) =>
    !record.ended &&
    record.line > header.line &&
    (record.cells.length < titles.length || (padded && record.lastWidth < csvWidth) || record.open)
  const last = records.at(-1)
  const torn = last !== undefined && isTorn(last) && !(last.open && text.slice(last.start).includes('\n'))
  const used = torn ? records.slice(0, -1) : records

  const table = {
    kind: tuned ? ('tune_results.csv' as const) : ('evolve.csv' as const),
    release,
    format: tuned ? ('ultralytics' as const) : csvFormatName(release),
    resultKeys: tuned ? [] : resultTitles.map((title) => keyOfTitle(title)!),
    keys: wanted ?? keys,
    torn,
  }
  const columns = new Map(titles.map((title, column) => [title, column]))
  const rows = used.map((record): EvolveRow => {
    const { cells, line } = record
    if (cells.length !== titles.length)
      throw new EvolveFileRowError(path, line, `${cells.length} values for ${titles.length} columns`)
    if (record.open) throw new EvolveFileRowError(path, line, 'a quote is never closed')
    const problem = (title: string, what: string) =>
      new EvolveFileRowError(
        path,
        line,
        `${JSON.stringify(cells[columns.get(title)!].text)} in column ${title} ${what}`,
      )
    const number = (title: string) => {
      const { text: content, quoted } = cells[columns.get(title)!]
      const value = quoted ? undefined : parseNumber(content)
      if (value === undefined) throw problem(title, 'is no number')
      return value
    }
    const hyp: Record<string, HypValue> = Object.create(null)
    for (const key of table.keys) {
      const value = yoloKeys.has(key) ? number(key) : cellValue(cells[columns.get(key)!])
      if (typeof value === 'number' && !Number.isFinite(value)) throw problem(key, 'is no finite number')
      if (value !== undefined) hyp[key] = value
    }
    const own: Hyp = Object.fromEntries(Object.entries(hyp))
    if (!tuned) return { results: resultTitles.map(number), hyp: own }
    return { results: [], hyp: own, fitness: number('fitness') }
  })
  return { ...table, rows }
}

const csvFormatName = (release: EvolveRelease | undefined): EvolveFormatName =>
  release !== undefined && evolveFormats[formatOfRelease[release]].titled ? formatOfRelease[release] : 'yolov5-v7.0'

function readText(text: string, { path, keys: wanted, release: told }: ReadOptions): ReadTable {
  const lines: { cells: string[]; text: string; line: number; ended: boolean }[] = []
  let at = 0
  for (let line = 1; at < text.length; line++) {
    const end = text.indexOf('\n', at)
    const content = text.slice(at, end < 0 ? text.length : end).replace(/^\uFEFF/, '')
    const trimmed = content.trim()
    if (trimmed !== '' && !trimmed.startsWith('#'))
      lines.push({ cells: trimmed.split(/\s+/), text: content, line, ended: end >= 0 })
    at = end < 0 ? text.length : end + 1
  }
  const first = lines[0]
  if (first?.cells.some((cell) => parseNumber(cell) === undefined) ?? true)
    throw new EvolveFileInvalidError(path, 'its first line holds neither titles with commas nor numbers alone')
  if (lines.length === 1 && !first.ended)
    throw new EvolveFileInvalidError(
      path,
      'its only row has no line end, so it may be torn. If it is whole, add an empty line; else delete the file',
    )
  const { keys, format, release } = textColumns(first.cells.length, path, wanted, told)
  const measured = evolveFormats[format].resultKeys

  const last = lines.at(-1)!
  const torn = !last.ended && last.text.trimEnd().length < first.text.trimEnd().length
  const rows = (torn ? lines.slice(0, -1) : lines).map(({ cells, line }): EvolveRow => {
    if (cells.length !== first.cells.length)
      throw new EvolveFileRowError(
        path,
        line,
        `${cells.length} values, but line ${first.line} has ${first.cells.length}`,
      )
    const values = cells.map((cell, column) => {
      const value = parseNumber(cell)
      if (value === undefined)
        throw new EvolveFileRowError(path, line, `${JSON.stringify(cell)} in column ${column + 1} is no number`)
      if (column >= measured.length && !Number.isFinite(value))
        throw new EvolveFileRowError(path, line, `${cell}, the ${keys[column - measured.length]}, is no finite number`)
      return value
    })
    const hyp = Object.fromEntries(keys.map((key, i) => [key, values[measured.length + i]]))
    return { results: values.slice(0, measured.length), hyp }
  })
  return { kind: 'evolve.txt', release, format, resultKeys: measured, keys, rows, torn }
}

/** Which hyperparameters the columns of an evolve.txt are, and whose. */
function textColumns(
  columns: number,
  path: string,
  wanted: readonly string[] | undefined,
  release: EvolveRelease | undefined,
): { keys: readonly string[]; format: EvolveFormatName; release: EvolveRelease | undefined } {
  const fits = textLayouts.filter(({ results, keys }) => results + keys.length === columns)
  const candidates = [...new Set(fits.map((layout) => layout.release))]
  const told = release !== undefined && !evolveFormats[formatOfRelease[release]].titled ? release : undefined
  const resultsOfTold = told && evolveFormats[formatOfRelease[told]].resultKeys.length
  if (wanted) {
    const results = resultsOfTold ?? fits[0]?.results ?? 7
    if (results + wanted.length !== columns)
      throw new EvolveTextColumnsError(path, columns, candidates, { keys: wanted, results })
    const known = told ?? fits.findLast(({ keys }) => keys.every((key, i) => key === wanted[i]))?.release
    return { keys: wanted, format: known ? formatOfRelease[known] : 'yolov5-v4.0', release: known }
  }
  const own = release === undefined ? fits : fits.filter((layout) => layout.release === release)
  if (own.length === 0 && told !== undefined)
    throw new EvolveTextColumnsError(path, columns, candidates, {
      keys: textTableKeys(told)[0],
      results: resultsOfTold!,
    })
  const last = own.at(-1)
  if (last === undefined || own.some(({ keys }) => keys.join() !== last.keys.join()))
    throw new EvolveTextColumnsError(path, columns, candidates)
  return last
}

/** Every layout of an evolve.txt; v2.0 wrote none (its hyps hold a text, and printing them failed). */
const textLayouts = (Object.keys(formatOfRelease) as EvolveRelease[])
  .filter((release) => release !== 'yolov5-v2.0' && !evolveFormats[formatOfRelease[release]].titled)
  .flatMap((release) => {
    const format = formatOfRelease[release]
    const results = evolveFormats[format].resultKeys.length
    return textTableKeys(release).map((keys) => ({ release, format, results, keys }))
  })
