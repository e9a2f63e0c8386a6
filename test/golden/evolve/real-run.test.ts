// Folders that real trainings of YOLOv5 and YOLOv3 left behind, read as the adapters read them while a trial is trained: the
// last epoch of each training is what the trainer itself wrote down as its result. And real crashes are explained.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { EpochReport } from '../../../src/run/trainer.ts'
import { parseResults, readResults } from '../../../src/run/trainers/installed/results.ts'
import type { Installation } from '../../../src/run/trainers/installed/types.ts'
import { type YoloRelease, yoloReleases } from '../../../src/run/trainers/installed/yolo-releases.ts'
import { yolov3 } from '../../../src/run/trainers/installed/yolov3.ts'
import { yolov5 } from '../../../src/run/trainers/installed/yolov5.ts'
import { golden, referenceFiles, referencePath } from '../reference.ts'

/** The release that a folder's name says; commits between releases are of master. */
function releaseOf(run: string): YoloRelease {
  const [, family, name] = /^(yolov[35])-(.+)$/.exec(run)!
  const rows = yoloReleases.filter((release) => release.family === family)
  return rows.find((release) => release.name === name) ?? rows.find((release) => release.name === 'master')!
}

const resultKeys = (release: YoloRelease) =>
  release.results === 'text-f1'
    ? ['precision', 'recall', 'mAP50', 'f1', 'boxLoss', 'objLoss', 'clsLoss']
    : ['precision', 'recall', 'mAP50', 'mAP50to95', 'boxLoss', 'objLoss', 'clsLoss']

interface Run {
  readonly run: string
  readonly release: YoloRelease
  /** The lines of each training: their releases append all trainings of an evolution to one file. */
  readonly trainings: readonly string[]
}

function readRun(run: string): Run {
  const release = releaseOf(run)
  const folder = referencePath(`evolve/real-run/${run}`)
  const lines = readFileSync(join(folder, release.results === 'csv' ? 'results.csv' : 'results.txt'), 'utf8').split(
    /(?<=\n)/,
  )
  const heading = release.results === 'csv' ? lines.shift()! : ''
  // yolov3 v9.6.0 writes each line of its second training twice, of its third three times.
  const trainings: string[] = []
  for (const [i, line] of lines.entries())
    if (/^ *0[/,]/.test(line) && line !== lines[i - 1]) trainings.push(heading + line)
    else trainings[trainings.length - 1] += line
  return { run, release, trainings }
}

/** What the adapter's reader makes of the lines, as they arrive. */
async function follow({ release, trainings }: Run, index: number) {
  const adapter = { yolov5, yolov3 }[release.family]
  const out = mkdtempSync(join(tmpdir(), 'hypevolve-run-'))
  try {
    const installation = { trainer: release.family, row: release.name } as unknown as Installation
    const reports: EpochReport[] = []
    const reader = adapter.read(installation, out, (report) => reports.push(report), 0)
    const text = trainings[index]!
    const file = join(out, release.results === 'csv' ? 'results.csv' : 'results.txt')
    for (const end of [text.length * 0.3, text.length * 0.7, text.length].map(Math.round)) {
      writeFileSync(file, text.slice(0, end))
      await reader.poll!()
    }
    return { reports, metrics: reader.metrics, problem: reader.problem }
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

golden(
  'evolve/real-run',
  'results of real trainings',
  () => referenceFiles('evolve/real-run', /^yolov[35]-/).map(readRun),
  (runs) => {
    for (const each of runs) {
      const { run, release, trainings } = each
      const keys = resultKeys(release)
      const folder = referencePath(`evolve/real-run/${run}`)

      it(`${run}: each training ends with what its evolution wrote down`, async () => {
        const table = ['evolve.csv', 'evolve.txt'].map((name) => join(folder, name)).find((path) => existsSync(path))!
        const rows = readFileSync(table, 'utf8')
          .trimEnd()
          .split('\n')
          .filter((line) => !line.includes('metrics/'))
          .map((line) =>
            line
              .trim()
              .split(/[\s,]+/)
              .slice(0, 7)
              .map(Number),
          )
        // evolve.txt is sorted by fitness, evolve.csv as it was made; the trainings before the last of a program of
        // yolov3 v8 were overwritten.
        if (run !== 'yolov3-v8') expect(trainings).toHaveLength(rows.length)
        for (let i = 0; i < trainings.length; i++) {
          const { metrics, problem } = await follow(each, i)
          expect(problem).toBeUndefined()
          const found = keys.map((key) => metrics![key]!)
          if (release.results === 'csv') expect(found).toEqual(rows[i])
          // evolve.txt has three digits, sometimes rounded twice
          else expect(rows.some((row) => row.every((value, k) => close(value, found[k]!, 0.01)))).toBe(true)
        }
      })

      it(`${run}: the console said the same`, async () => {
        const said = readFileSync(join(folder, 'console.timed.txt'), 'utf8').split(/[\r\n]+/)
        const numbers = (line: string) =>
          line
            .split(/\s+/)
            .filter((word) => /^[-\d.e]+$/.test(word))
            .map(Number)
        const evolved = said.filter((line) => line.includes('Evolved fitness:')).map((line) => numbers(line).slice(-7))
        // Precision, recall, mAP50, mAP50-95 of the last validation; four digits or three.
        const validated = said.filter((line) => /LF +all +\d/.test(line)).map((line) => numbers(line).slice(-4))
        for (let i = 0; i < trainings.length; i++) {
          const { metrics } = await follow(each, i)
          const found = keys.map((key) => metrics![key]!)
          const candidates = evolved.length > 0 ? evolved : validated
          const fits = candidates.some((row) => row.every((value, k) => close(value, found[k]!, 0.006)))
          expect([i, fits]).toEqual([i, true])
        }
      })

      it(`${run}: every epoch is reported once, and one that was not validated has no results`, async () => {
        const { reports } = await follow(each, 0)
        const rows = parseResults(trainings[0]!, release.results)
        expect(reports).toEqual(rows)
        expect(reports.map(({ epoch }) => epoch)).toEqual(rows.map((_, k) => k + 1))
        for (const { metrics } of reports.slice(0, -1)) // the evolution of these releases validates only the last
          expect(Object.keys(metrics)).toEqual(['trainBoxLoss', 'trainObjLoss', 'trainClsLoss'])
      })

      it(`${run}: the folder as it is has the result of the last training`, () => {
        const last = parseResults(trainings.at(-1)!, release.results).at(-1)
        expect(readResults(folder, { out: 'project', results: release.results }).at(-1)).toEqual(last)
      })
    }
  },
)

const close = (a: number, b: number, tolerance: number) =>
  Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b))

golden(
  'evolve/real-run/crashes',
  'real crashes',
  () => referenceFiles('evolve/real-run/crashes', /\.txt$/),
  (files) => {
    it('are named, with what to do', () => {
      for (const file of files) {
        const adapter = file.startsWith('yolov3') ? yolov3 : yolov5
        const lines = readFileSync(referencePath(`evolve/real-run/crashes/${file}`), 'utf8').split(/\r?\n/)
        expect(adapter.classify!({ code: 1, signal: null }, lines.slice(-40))).toEqual({
          failure: 'bad-configuration',
          reason: expect.stringContaining('Its own evolution failed'),
        })
      }
    })
  },
)
