// What a training reports: results.csv as YOLOv5 v7.0 writes it, and a reader that goes by titles.
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { formatG, ResultsColumnMissingError, ResultsFileInvalidError, ResultsWriteError } from '../base/index.ts'
import type { EpochResults } from './train/events.ts'

/** Titles of v7.0's results.csv, in order. */
export const resultsColumns = [
  'epoch',
  'train/box_loss',
  'train/obj_loss',
  'train/cls_loss',
  'metrics/precision',
  'metrics/recall',
  'metrics/mAP_0.5',
  'metrics/mAP_0.5:0.95',
  'val/box_loss',
  'val/obj_loss',
  'val/cls_loss',
  'x/lr0',
  'x/lr1',
  'x/lr2',
] as const

/** Width of a column, and significant digits in it. */
const WIDTH = 20
const DIGITS = 5

/** One epoch. */
export interface ResultsRow {
  readonly epoch: number
  /** box, obj, cls */
  readonly trainLosses: readonly [number, number, number]
  /** Undefined if the epoch was not validated; written as zeros, as there. */
  readonly results?: EpochResults | undefined
  /** Learning rates of bias, decayed and batch-norm weights at the end of the epoch. */
  readonly lr: readonly [number, number, number]
}

/** Heading line, without newline. */
export const formatResultsHeader = (): string => resultsColumns.map((title) => title.padStart(WIDTH)).join(',')

/** The line of an epoch, without newline. */
export function formatResultsRow({ epoch, trainLosses, results, lr }: ResultsRow): string {
  const validated = results
    ? [
        results.precision,
        results.recall,
        results.mAP50,
        results.mAP50to95,
        results.valBoxLoss,
        results.valObjLoss,
        results.valClsLoss,
      ]
    : [0, 0, 0, 0, 0, 0, 0]
  return [epoch, ...trainLosses, ...validated, ...lr].map((value) => formatG(value, DIGITS, WIDTH)).join(',')
}

/**
 * A results.csv that grows. Each epoch is one write; a row that a crash or a full disk cut short never stays in the
 * file. Several trainings may follow one another in it, as in an evolution.
 */
export class ResultsFile {
  /**
   * Opens a file, or begins it with the first row. A row without an end, left by a crash, is cut off.
   *
   * @throws {@link ResultsFileInvalidError} if the file has other columns
   */
  constructor(readonly path: string) {
    const text = readIfThere(path)
    if (text === undefined || text.length === 0) return
    const whole = text.lastIndexOf('\n') + 1
    if (whole < text.length) this.replace(text.slice(0, whole))
    if (whole === 0) return
    const titles = splitLine(text.slice(0, text.indexOf('\n')))
    if (titles.join() !== resultsColumns.join())
      throw new ResultsFileInvalidError(path, 1, `columns are ${titles.join(', ')}, not those of a training here`)
  }

  /** @throws {@link ResultsWriteError} if it cannot be written; the file is then as before */
  append(row: ResultsRow): void {
    const line = `${formatResultsRow(row)}\n`
    let file: number | undefined
    try {
      file = openSync(this.path, 'a')
      const before = fstatSync(file).size
      const text = before === 0 ? `${formatResultsHeader()}\n${line}` : line
      try {
        writeAll(file, text)
      } catch (error) {
        ftruncateSync(file, before)
        throw error
      }
    } catch (error) {
      throw new ResultsWriteError(this.path, line, error as NodeJS.ErrnoException)
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  /**
   * Takes back the last rows as long as their epoch is `epoch` or later: a training that continues from a checkpoint
   * writes them again.
   */
  dropFrom(epoch: number): void {
    const text = readIfThere(this.path)
    if (text === undefined) return
    const lines = text.split('\n').filter((line) => line !== '')
    let end = lines.length
    while (end > 1 && Number(splitLine(lines[end - 1]!)[0]) >= epoch) end--
    if (end < lines.length)
      this.replace(
        lines
          .slice(0, end)
          .map((line) => `${line}\n`)
          .join(''),
      )
  }

  /** Whole file at once: a reader sees the old or the new one. */
  private replace(text: string): void {
    const draft = `${this.path}.${process.pid}.tmp`
    let file: number | undefined
    try {
      file = openSync(draft, 'w')
      writeAll(file, text)
      closeSync(file)
      file = undefined
      renameSync(draft, this.path)
    } catch (error) {
      if (file !== undefined) closeSync(file)
      rmSync(draft, { force: true })
      throw new ResultsWriteError(this.path, '', error as NodeJS.ErrnoException)
    }
  }
}

/** A results file as read: values by title, never by position. */
export class ResultsTable {
  constructor(
    readonly file: string,
    readonly columns: readonly string[],
    /** One list of numbers per row, in the order of `columns`. */
    readonly rows: readonly (readonly number[])[],
  ) {}

  /**
   * All values of a column.
   *
   * @throws {@link ResultsColumnMissingError}
   */
  column(title: string): number[] {
    const index = this.columns.indexOf(title)
    if (index < 0) throw new ResultsColumnMissingError(title, this.file, this.columns)
    return this.rows.map((row) => row[index]!)
  }
}

/**
 * Reads results.csv, also of other releases and programs: a heading, then rows of as many numbers. A last line without
 * an end is still being written and left out.
 *
 * @throws {@link ResultsFileInvalidError}
 */
export function parseResults(text: string, file = 'results.csv'): ResultsTable {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  if (lines.pop() !== '' && lines.length === 0) return new ResultsTable(file, [], [])
  const columns = splitLine(lines[0] ?? '')
  if (columns.length === 1 && columns[0] === '') throw new ResultsFileInvalidError(file, 1, 'there is no heading')
  const rows: number[][] = []
  for (let i = 1; i < lines.length; i++) {
    if (lines[i]!.trim() === '') continue
    const fields = splitLine(lines[i]!)
    if (fields.length !== columns.length)
      throw new ResultsFileInvalidError(file, i + 1, `${fields.length} fields under ${columns.length} titles`)
    rows.push(
      fields.map((field, c) => {
        const value = readNumber(field)
        if (value === undefined)
          throw new ResultsFileInvalidError(file, i + 1, `"${field}" under ${columns[c]} is not a number`)
        return value
      }),
    )
  }
  return new ResultsTable(file, columns, rows)
}

/** {@link parseResults} of a file. */
export const readResults = (path: string): ResultsTable => parseResults(readFileSync(path, 'utf8'), path)

const splitLine = (line: string): string[] => line.split(',').map((field) => field.trim())

/** A number as C prints it, `nan` and `inf` included. */
function readNumber(text: string): number | undefined {
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text)
  if (special) {
    if (special[2]!.toLowerCase() === 'nan') return Number.NaN
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** write(2) may take a part only, as on a disk that is nearly full. */
function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}
