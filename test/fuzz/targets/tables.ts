// Tables of evolutions and of trainings, and what other programs print about theirs.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../../../src/base/index.ts'
import { parseResults, ResultsFile, readResults } from '../../../src/detect/index.ts'
import { parseMetricLine } from '../../../src/run/process/metric-line.ts'
import { parseResults as parseTrainerResults } from '../../../src/run/trainers/installed/results.ts'
import { parseMetrics } from '../../../src/run/trainers/metrics/index.ts'
import { evolveFormats, metricsOf, readEvolveTable } from '../../../src/study/index.ts'
import { type FuzzTarget, textOf, utf8 } from '../target.ts'
import { all } from './all.ts'

const realRun = (file: string) => readFileSync(`test/golden/reference/evolve/real-run/${file}`)
const tokens = [
  ',',
  '"',
  '""',
  '\n',
  '\r\n',
  'nan',
  'inf',
  '-inf',
  'true',
  'lr0',
  'metrics/precision',
  'metrics/mAP_0.5:0.95',
  'anchors',
  '#',
]

/** Reads a table as `hypevolve import` does, and writes it again as `hypevolve best` and the study's files do. */
function readTable(bytes: Uint8Array, name: string): void {
  const table = readEvolveTable(textOf(bytes), { path: name })
  const format = evolveFormats[table.format]
  for (const row of table.rows) metricsOf(row, table.resultKeys)
  const all = format.addAll(format.empty(table.keys, table.resultKeys), table.rows)
  format.tableText(all)
  format.hypText(all)
}

const evolveTarget = (name: string, seeds: () => readonly Uint8Array[]): FuzzTarget => ({
  name,
  seeds,
  tokens,
  run: (bytes) => readTable(bytes, name),
})

/** A file of a program that trains, looked at when half of it is there and when all is. */
const followed = (name: string, metrics: string, seeds: () => readonly Uint8Array[]): FuzzTarget => ({
  name,
  seeds,
  tokens: [...tokens, ';', '\t', '"epoch": ', 'NaN', 'Infinity', '[', ']', '{', '}', '"__proto__"', 'step', 'val/map'],
  async run(bytes, folder) {
    const file = join(folder, 'followed')
    rmSync(file, { force: true })
    const numbers = (values: object) => {
      for (const value of Object.values(values))
        if (typeof value !== 'number') throw new Error(`a metric is ${typeof value}`)
    }
    let last = 0
    const reader = parseMetrics(metrics)({
      out: folder,
      after: 0,
      onEpoch(report) {
        if (!(report.epoch > last)) throw new Error(`epoch ${report.epoch} after ${last}`)
        last = report.epoch
        numbers(report.metrics)
      },
    })
    for (const length of [Math.floor(bytes.length / 2), bytes.length]) {
      writeFileSync(file, bytes.subarray(0, length))
      await reader.poll?.()
    }
    numbers(reader.metrics ?? {})
    if (reader.metrics !== undefined) return
    if (!reader.problem) throw new Error('neither metrics nor a problem')
    throw new UsageError(reader.problem) // this is how it is refused
  },
})

export const tables: readonly FuzzTarget[] = [
  followed('followed-csv', 'csv:followed', () => [
    utf8('epoch, metrics/mAP_0.5, val/map\n 0, 0.1, 0.2\n 1, nan, 1e-3\n'),
    utf8('step;val/map\n10;\n10;0.5\n'),
  ]),
  followed('followed-json', 'json:followed:map=eval.map', () => [
    utf8('{"epoch": 2, "eval": {"map": 0.4, "list": [1, NaN]}}'),
    utf8('{"eval": {"map": 0.4}}'),
  ]),
  followed('followed-json-lines', 'json-lines:followed', () => [
    utf8('{"epoch": 1, "map": 0.4}\n{"epoch": 2, "map": NaN}\n'),
  ]),
  {
    name: 'trainer-results',
    seeds: () => [realRun('yolov5-v7.0/results.csv'), realRun('yolov5-v5.0/results.txt')],
    tokens,
    run(bytes) {
      const forms = ['csv', 'text', 'text-f1'] as const
      const rows = forms.flatMap((form) => parseTrainerResults(textOf(bytes), form))
      if (rows.length === 0) throw new UsageError('no row of results')
    },
  },
  evolveTarget('evolve.csv', () => [realRun('yolov5-v7.0/evolve.csv'), realRun('yolov3-v9.6.0/evolve.csv')]),
  evolveTarget('evolve.txt', () => [realRun('yolov5-v5.0/evolve.txt')]),
  evolveTarget('tune_results.csv', () => [
    utf8('fitness,lr0,lrf,close_mosaic\n0.31234,0.01,0.01,10\n0.29,0.0123,0.00911,9\n'),
  ]),
  {
    name: 'results.csv',
    seeds: () => [
      utf8('epoch, train/box_loss, metrics/mAP_0.5\n 0, 0.1, 0.2\n 1, nan, 1e-3\n'),
      utf8(`${'epoch'.padStart(20)},${'lr'.padStart(20)}\n${'0'.padStart(20)},${'inf'.padStart(20)}\n`),
    ],
    tokens,
    run(bytes, folder) {
      const file = join(folder, 'results.csv')
      writeFileSync(file, bytes)
      return all(
        () => readResults(file).column('epoch'),
        () => parseResults(textOf(bytes)),
        () => {
          try {
            new ResultsFile(file).dropFrom(1)
          } catch (error) {
            // The valid inputs are of other programs, whose columns are refused here.
            if (!(error instanceof Error && 'code' in error && error.code === 'RESULTS_FILE_INVALID')) throw error
          }
        },
      )
    },
  },
  {
    name: 'metric-lines',
    seeds: () => [utf8('{"epoch": 1, "mAP50": 0.4, "loss": NaN}\nplain text\n{"epochs": 3, "x": null, "y": "z"}\n')],
    tokens: ['{', '}', '"epoch": ', 'NaN', '-Infinity', 'null', '1e999', '\\u0000', '"__proto__": 1', '{"a": '],
    run(bytes) {
      for (const line of textOf(bytes).split('\n'))
        for (const value of Object.values(parseMetricLine(line)?.metrics ?? {}))
          if (typeof value !== 'number') throw new Error(`a metric that is ${typeof value}`)
    },
  },
]
