// evolve.csv, hyp_evolve.yaml and the console text, byte for byte, after each step of print_mutation's sequences. The
// writer claims yolov5 v6.1 to v7.0 (one format); older ones and yolov3's title are still to come.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fitness, type Hyp, type Results, resultKeys } from '../../../src/search/index.ts'
import {
  bestRow,
  type EvolveRow,
  evolveConsoleText,
  evolveCsvHeader,
  evolveCsvLine,
  evolvePrefix,
  evolveTitles,
  hypEvolveYaml,
  readEvolveCsv,
  toEvolveRow,
} from '../../../src/study/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

const toResults = (row: number[]) =>
  Object.fromEntries(resultKeys.map((key, i) => [key, Number(row[i])])) as unknown as Results

const sequences = () =>
  referenceFiles('evolve/print_mutation', /^yolov5-(v6\.[12]|v7\.0)$/).flatMap((release) =>
    referenceFiles(`evolve/print_mutation/${release}`, /^seq/).map((sequence) => `${release}/${sequence}`),
  )

golden('evolve/print_mutation', 'files and console', sequences, (cases) => {
  for (const name of cases)
    it(name, () => {
      const folder = `evolve/print_mutation/${name}`
      const { steps } = readReferenceJson(`${folder}/input.json`)
      const keys: string[] = steps[0].hyp_keys
      const titles = evolveTitles(keys)
      const rows: EvolveRow[] = []
      let csv = evolveCsvHeader(titles)
      let yaml = ''
      let console = ''
      const compare = (prefix: string) => {
        for (const [file, text] of [
          ['evolve.csv', csv],
          ['hyp_evolve.yaml', yaml],
        ]) {
          const path = join(referencePath(folder), prefix + file)
          if (existsSync(path)) expect([prefix + file, text]).toEqual([prefix + file, readFileSync(path, 'utf8')])
        }
      }
      steps.forEach((step: any, i: number) => {
        const hyp: Hyp = Object.fromEntries(keys.map((key) => [key, step.hyp[key]]))
        const row = toEvolveRow(toResults(step.results), hyp)
        rows.push(row)
        csv += evolveCsvLine(titles, row)
        yaml = hypEvolveYaml(rows, bestRow(rows)!)
        console += evolveConsoleText(evolvePrefix, rows.length, titles, row)
        compare(`step${i + 1}_`)
      })
      compare('')
      expect(console).toBe(readFileSync(join(referencePath(folder), 'console.txt'), 'utf8'))
      expect(readEvolveCsv(csv, keys, name).rows).toEqual(rows)
    })
})

const realRuns = () =>
  referenceFiles('evolve/real-run', /^yolov5-v7\.0$/).flatMap((run) =>
    ['', 'resumed_'].map((prefix) => ({ run, prefix })),
  )

golden('evolve/real-run', 'a real run read and written again', realRuns, (cases) => {
  for (const { run, prefix } of cases)
    it(`${run}/${prefix}evolve.csv`, () => {
      const folder = referencePath(`evolve/real-run/${run}`)
      const text = readFileSync(join(folder, `${prefix}evolve.csv`), 'utf8')
      const keys = text
        .split('\n')[0]
        .split(',')
        .slice(7)
        .map((title) => title.trim())
      const { titles, rows } = readEvolveCsv(text, keys, 'evolve.csv')
      expect(evolveCsvHeader(titles) + rows.map((row) => evolveCsvLine(titles, row)).join('')).toBe(text)
      const yaml = readFileSync(join(folder, `${prefix}hyp_evolve.yaml`), 'utf8')
      expect(hypEvolveYaml(rows, bestRow(rows)!)).toBe(yaml)
      const best = rows[bestRow(rows)!].results
      expect(fitness([best.precision, best.recall, best.mAP50, best.mAP50to95])).toBeGreaterThan(0)
    })
})
