// The table that a release keeps, as replay computes it from the trials of a study: order, precision and duplicates are
// those of the files that the originals left.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import {
  type CompleteTrial,
  findRelease,
  fitnessPresets,
  History,
  type Release,
  rangeSpace,
  releases,
  samplers,
} from '../../../src/search/index.ts'
import { tableOf } from '../../../src/search/samplers/table.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

/** The hill climb of 2019 keeps no table, and the population search reads none. */
const sequences = () =>
  referenceFiles('evolve/print_mutation', /^yolov[35]-/)
    .filter((release) => !['yolov3-v6', 'yolov5-master'].includes(release))
    .flatMap((release) => referenceFiles(`evolve/print_mutation/${release}`, /^seq/).map((seq) => ({ release, seq })))

golden('evolve/print_mutation', 'tables in replay', sequences, (cases) => {
  for (const { release: name, seq } of cases)
    it(`${name} ${seq}`, () => {
      const release: Release = releases[findRelease(name)]
      const table = release.sampler === 'yolov3' ? 'evolve.txt' : samplers.yolov5.options.parse(release.options).table
      const folder = `evolve/print_mutation/${name}/${seq}`
      const { steps } = readReferenceJson(`${folder}/input.json`)
      const keys: string[] = steps[0].hyp_keys
      const columns = [...fitnessPresets[release.fitness].metrics, 'boxLoss', 'objLoss', 'clsLoss']
      const ranges = Object.fromEntries(keys.map((key) => [key, { gain: 1 }]))
      const space = rangeSpace(steps[0].hyp, ranges)
      const history = new History()
      let compared = 0
      steps.forEach((step: any, i: number) => {
        const metrics = Object.fromEntries(columns.map((column, c) => [column, Number(step.results[c])]))
        const hyp = Object.fromEntries(keys.map((key) => [key, step.hyp[key]]))
        const trial: CompleteTrial = {
          state: 'complete',
          number: i,
          attempt: 1,
          parents: [],
          mutated: [],
          fitness: 0,
          metrics,
          hyp,
        }
        history.set(trial)
        for (const prefix of [`step${i + 1}_`, ...(i === steps.length - 1 ? [''] : [])]) {
          const path = referencePath(`${folder}/${prefix}${table}`)
          if (!existsSync(path)) continue
          compared++
          const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
          const rows = (table === 'evolve.csv' ? lines.slice(1) : lines).map((line) =>
            line
              .trim()
              .split(/[\s,]+/)
              .map(Number),
          )
          const ours = tableOf(history, space, { table, fitness: release.fitness })
          expect([i, ours.map(({ values }) => values)]).toEqual([i, rows.map((row) => row.slice(7))])
        }
      })
      expect(compared).toBeGreaterThan(0)
    })
})
