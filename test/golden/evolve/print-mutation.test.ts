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

/** The reference calls the seed document's version by its commit. */
const releaseOf = (folder: string) => folder.replace('01dbdc45', '2020-01') as EvolveRelease

const sequences = () =>
  referenceFiles('evolve/print_mutation', /^yolov[35]-/).flatMap((release) =>
    readdirSync(referencePath(`evolve/print_mutation/${release}`))
      .filter((name) => existsSync(referencePath(`evolve/print_mutation/${release}/${name}/input.json`)))
      .map((sequence) => ({ release, sequence })),
  )

golden('evolve/print_mutation', 'files and console of every release', sequences, (cases) => {
  for (const { release, sequence } of cases)
    it(`${release}/${sequence}`, () => {
      const folder = referencePath(`evolve/print_mutation/${release}/${sequence}`)
      const names = readdirSync(folder)
      const { steps } = readReferenceJson(`evolve/print_mutation/${release}/${sequence}/input.json`)
      expect(formatOfRelease).toHaveProperty([releaseOf(release)])
      const format: EvolveFormat = evolveFormats[formatOfRelease[releaseOf(release)]]
      const keys: string[] = steps[0].hyp_keys

      let compared = 0
      const compare = (name: string, text: string | undefined) => {
        if (!names.includes(name)) return
        expect([name, text]).toEqual([name, readFileSync(join(folder, name), 'utf8')])
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
