// Ultralytics' results.csv: one line per epoch. Titles are padded before 8.3, epochs count from 0 before 8.0.190, and
// since 8.3 there is a column `time`.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { MetricReader } from '../../process/index.ts'
import type { EpochReport } from '../../trainer.ts'
import { type CsvRow, followCsv } from '../metrics/index.ts'

const measures: Readonly<Record<string, string>> = { 'mAP50-95': 'mAP50to95' }

/** What was measured: boxes have no ending of ours. */
const kinds: Readonly<Record<string, string>> = { B: '', M: '/mask', P: '/pose' }

/** Columns of which one must be there: of detectors, or of classifiers. */
const needed = ['mAP50', 'accuracy_top1']

/**
 * Our name of a column; `undefined` for what is none of the results (time, learning rates).
 * `metrics/mAP50-95(B)` is mAP50to95, with `(M)` mAP50to95/mask; `val/box_loss` is boxLoss, of the training trainBoxLoss.
 */
export function metricName(title: string): string | undefined {
  const [, group, rest] = /^(metrics|train|val)\/([\w./() -]+)$/.exec(title) ?? []
  if (group === undefined || rest === undefined) return undefined
  if (group !== 'metrics') {
    const name = rest.replace(/[-_ ]+(\w)/g, (_, letter: string) => letter.toUpperCase())
    return group === 'val' ? name : `train${name[0]!.toUpperCase()}${name.slice(1)}`
  }
  const [, measure = rest, kind = 'B'] = /^(.+)\(([A-Z])\)$/.exec(rest) ?? []
  return (Object.hasOwn(measures, measure) ? measures[measure]! : measure) + (kinds[kind] ?? `/${kind}`)
}

function measured(row: CsvRow) {
  const entries = [...row].flatMap(([title, value]) => {
    const name = metricName(title)
    return name === undefined ? [] : [[name, value] as const]
  })
  const metrics = Object.fromEntries(entries)
  return needed.some((name) => Object.hasOwn(metrics, name)) ? { epoch: row.get('epoch'), metrics } : undefined
}

const fileOf = (out: string) => join(out, 'results.csv')

/** Follows one training. What is in its folder at this moment was said by an earlier attempt. */
export function readUltralytics(
  out: string,
  onEpoch: (report: EpochReport) => void,
  after: number,
): MetricReader & { readonly reduced: string | undefined } {
  const file = followCsv({ path: fileOf(out), onEpoch, after, map: measured })
  let asked: string | undefined
  let reduced: string | undefined
  return {
    // Since 8.4 it goes on with half of the batch, up to three times, if the memory of a GPU does not suffice.
    line(text) {
      const [, from, to] = /with batch=(\d+)\. Reducing to batch=(\d+)/.exec(text) ?? []
      if (from === undefined) return
      asked ??= from
      reduced = `with batch ${to} instead of ${asked}`
    },
    poll: async () => file.poll?.(),
    end: () => file.end?.(),
    get progress() {
      return file.progress ?? 0
    },
    get metrics() {
      return file.metrics
    },
    /** How the training was less than was asked for. */
    get reduced() {
      return reduced
    },
    get problem() {
      return file.problem
    },
  }
}

/** No training writes so much; whatever this is, it is not read. */
const largestFile = 16 * 2 ** 20

/** Epochs that were finished in the folder of a training, so far; 0 if that cannot be said. */
export function epochsDone(out: string): number {
  try {
    if (statSync(fileOf(out)).size > largestFile) return 0
    const lines = readFileSync(fileOf(out), 'latin1').split('\n').slice(0, -1)
    const epochs = lines.flatMap((line) => /^\s*(\d{1,7})\s*,/.exec(line)?.[1] ?? []).map(Number)
    return epochs.length === 0 ? 0 : epochs.at(-1)! + (epochs[0] === 0 ? 1 : 0)
  } catch {
    return 0
  }
}
