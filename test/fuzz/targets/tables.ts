// Tables of evolutions and of trainings, and what other programs print about theirs.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseResults, ResultsFile, readResults } from '../../../src/detect/index.ts'
import { parseMetricLine } from '../../../src/run/process/metric-line.ts'
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

export const tables: readonly FuzzTarget[] = [
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
