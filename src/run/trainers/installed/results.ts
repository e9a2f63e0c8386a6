// The results files of YOLOv5 and YOLOv3, followed while a training writes them: results.csv, and results.txt before v6.0.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Metrics } from '../../../search/index.ts'
import type { MetricReader } from '../../process/metric-reader.ts'
import type { EpochReport } from '../../trainer.ts'
import type { YoloRelease } from './yolo-releases.ts'

/** One line of a results file. */
export interface ResultsRow {
  /** Epochs finished, from 1; a training that goes on counts on. */
  readonly epoch: number
  /** In all, if the file says so. */
  readonly epochs?: number
  readonly metrics: Metrics
}

/** No training writes so much; whatever this is, it is not read. */
const largestFile = 16 * 2 ** 20

/** Titles of results.csv and our names for them. */
const titles: Readonly<Record<string, string>> = {
  'train/box_loss': 'trainBoxLoss',
  'train/obj_loss': 'trainObjLoss',
  'train/cls_loss': 'trainClsLoss',
  'metrics/precision': 'precision',
  'metrics/recall': 'recall',
  'metrics/mAP_0.5': 'mAP50',
  'metrics/mAP_0.5:0.95': 'mAP50to95',
  'val/box_loss': 'boxLoss',
  'val/obj_loss': 'objLoss',
  'val/cls_loss': 'clsLoss',
}

const measured = ['precision', 'recall', 'mAP50', 'mAP50to95', 'f1', 'boxLoss', 'objLoss', 'clsLoss']

/** Columns of results.txt behind epoch and memory: losses of the training, their sum, objects, pixels, then these. */
const textColumns = {
  text: ['precision', 'recall', 'mAP50', 'mAP50to95', 'boxLoss', 'objLoss', 'clsLoss'],
  'text-f1': ['precision', 'recall', 'mAP50', 'f1', 'boxLoss', 'objLoss', 'clsLoss'],
} as const

/**
 * The rows of a results file, as far as they are whole: a last line without its end is still being written. A line that is
 * none of a training is left out, a new heading holds for what follows.
 */
export function parseResults(text: string, form: YoloRelease['results']): ResultsRow[] {
  const lines = text.split('\n').slice(0, -1)
  return form === 'csv' ? csvRows(lines) : lines.flatMap((line) => textRow(line, textColumns[form]) ?? [])
}

function csvRows(lines: readonly string[]): ResultsRow[] {
  const rows: ResultsRow[] = []
  let heading: readonly string[] | undefined
  for (const line of lines) {
    const cells = line.split(',').map((cell) => cell.trim())
    if (cells[0] === 'epoch') heading = cells
    else if (heading !== undefined && cells.length === heading.length && /^\d+$/.test(cells[0]!)) {
      const entries = heading.flatMap((title, i) => {
        const value = numberOf(cells[i]!)
        return Object.hasOwn(titles, title) && value !== undefined ? [[titles[title]!, value] as const] : []
      })
      rows.push({ epoch: Number(cells[0]) + 1, metrics: withoutEmptyValidation(Object.fromEntries(entries)) })
    }
  }
  return rows
}

function textRow(line: string, results: readonly string[]): ResultsRow | undefined {
  const cells = line.trim().split(/\s+/)
  const [, epoch, last] = /^(\d+)\/(\d+)$/.exec(cells[0]!) ?? []
  if (epoch === undefined || cells.length !== 15) return undefined
  const names = ['trainBoxLoss', 'trainObjLoss', 'trainClsLoss', '', '', '', ...results]
  const entries = names.flatMap((name, i) => {
    const value = numberOf(cells[i + 2]!)
    return name !== '' && value !== undefined ? [[name, value] as const] : []
  })
  return {
    epoch: Number(epoch) + 1,
    epochs: Number(last) + 1,
    metrics: withoutEmptyValidation(Object.fromEntries(entries)),
  }
}

function numberOf(cell: string): number | undefined {
  if (/^[-+]?nan$/i.test(cell)) return Number.NaN
  if (/^[-+]?inf(inity)?$/i.test(cell)) return cell.startsWith('-') ? -Infinity : Infinity
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(cell) ? Number(cell) : undefined
}

/** Epochs that were not validated (--noval) have zeros: a loss of exactly 0 does not come from images. */
function withoutEmptyValidation(metrics: Metrics): Metrics {
  if (!['boxLoss', 'objLoss', 'clsLoss'].every((key) => metrics[key] === 0)) return metrics
  return measured.every((key) => metrics[key] === undefined || metrics[key] === 0)
    ? Object.fromEntries(Object.entries(metrics).filter(([key]) => !measured.includes(key)))
    : metrics
}

/** The results file below a folder that a trial writes into, where that release puts it; the newest of several. */
export function findResults(out: string, release: Pick<YoloRelease, 'out' | 'results'>): string {
  return join(newestRun(out, release), release.results === 'csv' ? 'results.csv' : 'results.txt')
}

/** The folder that the last training in `out` made. */
export function newestRun(out: string, release: Pick<YoloRelease, 'out'>): string {
  if (release.out === 'project' || release.out === 'here') return out
  const parent = release.out === 'runs' ? join(out, 'runs') : out
  const numbers = existsSync(parent)
    ? readdirSync(parent).flatMap((name) => (/^exp\d+$/.test(name) ? [Number(name.slice(3))] : []))
    : []
  return join(parent, `exp${numbers.length > 0 ? Math.max(...numbers) : 0}`)
}

/** The rows that are there now; none if there is no file that can be read. */
export function readResults(out: string, release: Pick<YoloRelease, 'out' | 'results'>): readonly ResultsRow[] {
  const path = findResults(out, release)
  try {
    if (statSync(path).size > largestFile) return []
    return parseResults(readFileSync(path, 'latin1'), release.results)
  } catch {
    return []
  }
}

/**
 * Follows the results of one training.
 *
 * @param after - epochs up to this one are no news; those that are in the file now are none either
 */
export function followResults(
  out: string,
  release: Pick<YoloRelease, 'out' | 'results'>,
  onEpoch: (report: EpochReport) => void,
  after: number,
): MetricReader {
  let reported = readResults(out, release).reduce((most, { epoch }) => Math.max(most, epoch), after)
  let seen = ''
  let last: Metrics | undefined
  let epochs = 0

  return {
    async poll() {
      const path = findResults(out, release)
      const file = statSync(path, { throwIfNoEntry: false })
      const state = file ? `${path} ${file.ino} ${file.size} ${file.mtimeMs}` : ''
      if (state === seen) return
      seen = state
      const rows = readResults(out, release)
      for (const row of rows.filter(({ epoch }) => epoch > reported)) {
        reported = Math.max(reported, row.epoch)
        onEpoch(row)
      }
      epochs = rows.length
      last = rows.at(-1)?.metrics
    },
    get metrics() {
      return last !== undefined && measured.some((key) => key in last!) ? last : undefined
    },
    get problem() {
      if (this.metrics !== undefined) return undefined
      const path = findResults(out, release)
      if (epochs > 0) return `The last of ${epochs} epochs in ${path} was not validated, so there is no result.`
      return existsSync(path) ? `${path} has no line of a finished epoch.` : `${path} was not written.`
    },
  }
}
