// What the tables of an evolution are made of: one row per complete trial, in the words of the release that wrote it.
import type { Hyp, Metrics } from '../../search/index.ts'

/** One line of evolve.csv or evolve.txt: a complete trial. */
export interface EvolveRow {
  /** What the training measured, in the order of the table's `resultKeys`; NaN where it is not known. */
  readonly results: readonly number[]
  readonly hyp: Hyp
  /** The study's own fitness; only read where a table is asked to rank by it. */
  readonly fitness?: number
  /** Of equally fit trials the lowest number is the best, where the study's own fitness ranks. */
  readonly number?: number
}

/** Metrics and titles of YOLOv5's seven result columns. */
export const resultTitles = {
  precision: 'metrics/precision',
  recall: 'metrics/recall',
  mAP50: 'metrics/mAP_0.5',
  mAP50to95: 'metrics/mAP_0.5:0.95',
  boxLoss: 'val/box_loss',
  objLoss: 'val/obj_loss',
  clsLoss: 'val/cls_loss',
} as const

const titleToKey = new Map<string, string>(Object.entries(resultTitles).map(([key, title]) => [title, key]))

/** Title of a metric in evolve.csv: YOLOv5's own, else `metrics/` and its name. */
export const titleOf = (key: string): string => (resultTitles as Record<string, string>)[key] ?? `metrics/${key}`

/** The metric behind a title of evolve.csv; `undefined` if the title is none of a result. */
export function keyOfTitle(title: string): string | undefined {
  const known = titleToKey.get(title)
  if (known !== undefined) return known
  return title.startsWith('metrics/') && title.length > 8 ? title.slice(8) : undefined
}

/**
 * The metrics in the order of `keys`; NaN where one is missing. `loss` is the sum of the three losses if it was not
 * measured by itself (yolov3's table of 2019 has only that).
 */
export function resultsOf(metrics: Metrics, keys: readonly string[]): number[] {
  return keys.map((key) => {
    if (Object.hasOwn(metrics, key)) return metrics[key]
    if (key === 'loss') return (metrics.boxLoss ?? Number.NaN) + (metrics.objLoss ?? 0) + (metrics.clsLoss ?? 0)
    if (key === 'f1') return f1(metrics)
    return Number.NaN
  })
}

/** Harmonic mean of precision and recall, where the trainer did not say F1 itself. */
function f1({ precision, recall }: Metrics): number {
  return precision === undefined || recall === undefined
    ? Number.NaN
    : (2 * precision * recall) / (precision + recall + 1e-16)
}

/** The metrics of a row by name; unknown ones (NaN) are left out. */
export const metricsOf = (row: EvolveRow, keys: readonly string[]): Metrics =>
  Object.fromEntries(keys.flatMap((key, i) => (Number.isNaN(row.results[i]) ? [] : [[key, row.results[i]]])))
