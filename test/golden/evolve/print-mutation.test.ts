// Every release's table, hyp file and console text, byte for byte, after each step of print_mutation's sequences.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Hyp } from '../../../src/search/index.ts'
import {
  type EvolveFormat,
  type EvolveRelease,
  type EvolveRow,
  evolveFormats,
  formatOfRelease,
} from '../../../src/study/files/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

/** `yolov5@v7.0`; the seed document's version goes by its commit. */
const releaseOf = (name: string) => name.replace('@', '-').replace('01dbdc45', '2020-01') as EvolveRelease

const sequences = () =>
  referenceFiles('evolve/print_mutation', /^(?!.*\.json$)/).flatMap((release) =>
    referenceFiles(`evolve/print_mutation/${release}`, /./)
      .map((sequence) => `${release}/${sequence}`)
      .filter((name) => existsSync(referencePath(`evolve/print_mutation/${name}/input.json`))),
  )

golden('evolve/print_mutation', 'files and console of every release', sequences, (cases) => {
  for (const name of cases)
    it(name, () => {
      const folder = referencePath(`evolve/print_mutation/${name}`)
      const names = readdirSync(folder)
      const { release, steps } = readReferenceJson(`evolve/print_mutation/${name}/input.json`)
      expect(formatOfRelease).toHaveProperty([releaseOf(release)])
      const format: EvolveFormat = evolveFormats[formatOfRelease[releaseOf(release)]]
      const keys: string[] = steps[0].hyp_keys

      let compared = 0
      const compare = (file: string, text: string | undefined) => {
        if (!names.includes(file)) return
        expect([file, text]).toEqual([file, readFileSync(join(folder, file), 'utf8')])
        compared++
      }
      const compareFiles = (prefix: string, table: ReturnType<EvolveFormat['empty']>) => {
        compare(prefix + format.table.name, format.tableText(table))
        if (format.hyp) compare(prefix + format.hyp.name, format.hypText(table))
      }

      let table = format.empty(keys)
      let console = ''
      const rows: EvolveRow[] = []
      steps.forEach((step: any, i: number) => {
        const hyp: Hyp = Object.fromEntries(keys.map((key) => [key, Number(step.hyp[key])]))
        const row = { results: step.results.map(Number), hyp }
        rows.push(row)
        table = format.add(table, row)
        console += format.consoleText(table, row)
        compareFiles(`step${i + 1}_`, table)
      })
      compareFiles('', table)
      compare('console.txt', console)
      expect(compared).toBe(names.length - 1) // each file but input.json

      const atOnce = format.addAll(format.empty(keys), rows)
      expect(format.tableText(atOnce)).toBe(format.tableText(table))
      expect(format.hypText(atOnce)).toBe(format.hypText(table))
    })
})
