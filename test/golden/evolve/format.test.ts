// Text of numbers as C, Python and PyYAML give it; tables of real runs read and written again, byte for byte.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { formatG, pythonRepr, roundHalfEven, yamlFloat } from '../../../src/base/index.ts'
import type { CompleteTrial } from '../../../src/search/index.ts'
import {
  type EvolveFormat,
  type EvolveRelease,
  evolveFormats,
  formatOfRelease,
  metricsOf,
  readEvolveTable,
  renderEvolveFiles,
} from '../../../src/study/files/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

golden(
  'evolve/format.json',
  'text of numbers',
  () => readReferenceJson<any[]>('evolve/format.json').filter((entry) => 'value' in entry),
  (cases) => {
    it('%g, round, repr, yaml', () => {
      for (const entry of cases) {
        const value = Number(entry.value) // the reference writes non-finite numbers as NaN, Infinity, -Infinity
        for (const [key, expected] of Object.entries<any>(entry)) {
          const format = key.match(/^%(\d*)\.(\d+)g$/)
          const label = `${key} of ${entry.value}`
          if (format) expect([label, formatG(value, Number(format[2]), Number(format[1]))]).toEqual([label, expected])
        }
        expect(pythonRepr(value)).toBe(entry.repr)
        expect(yamlFloat(value)).toBe(entry.yaml)
        if ('round5' in entry) expect(roundHalfEven(value, 5)).toBe(Number(entry.round5))
      }
    })
  },
)

/** Commits of the population search write as master does. */
const releaseOf = (run: string): EvolveRelease =>
  run in formatOfRelease ? (run as EvolveRelease) : run.startsWith('yolov3') ? 'yolov3-master' : 'yolov5-master'

const tables = () =>
  referenceFiles('evolve/real-run', /^yolov[35]-/).flatMap((run) =>
    readdirSync(referencePath(`evolve/real-run/${run}`))
      .filter((file) => /evolve\.(csv|txt)$/.test(file))
      .map((file) => ({ run, file })),
  )

golden('evolve/real-run', 'tables of real runs, imported and exported', tables, (cases) => {
  for (const { run, file } of cases)
    it(`${run}/${file}`, () => {
      const folder = referencePath(`evolve/real-run/${run}`)
      const text = readFileSync(join(folder, file), 'utf8')
      const release = releaseOf(run)
      const format: EvolveFormat = evolveFormats[formatOfRelease[release]]
      const table = readEvolveTable(text, { path: file, release })
      expect(format.tableText(table)).toBe(text)

      const trials = table.rows.map(
        (row, number): CompleteTrial => ({
          state: 'complete',
          number,
          hyp: row.hyp,
          parents: [],
          mutated: [],
          attempt: 1,
          fitness: 0,
          metrics: metricsOf(row, table.resultKeys),
        }),
      )
      const [first, second] = renderEvolveFiles(format, { keys: table.keys, trials, imported: trials.length })
      expect(first.text).toBe(text)
      const yaml = join(folder, file.replace('evolve.csv', 'hyp_evolve.yaml'))
      // before v6.1 the yaml holds what the table does not: the last hyp, or results with more digits
      if (format.name !== 'yolov5-v7.0' || !existsSync(yaml)) return
      expect(second.text).toBe(readFileSync(yaml, 'utf8'))
    })
})
