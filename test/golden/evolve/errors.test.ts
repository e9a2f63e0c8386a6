// The situations that stop the originals (and those that do not): each has an outcome here, in replay mode.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import {
  EvolveFileColumnsError,
  EvolveTextColumnsError,
  HypKeyNotInSpaceError,
  NumpyRandom,
  PythonRandom,
} from '../../../src/base/index.ts'
import {
  findRelease,
  type Hyp,
  type Ranges,
  type Release,
  rangeSpace,
  rangeTables,
  releaseSpace,
  releases,
  samplers,
} from '../../../src/search/index.ts'
import type { Candidate } from '../../../src/search/samplers/mutation.ts'
import { mutatedRow } from '../../../src/search/samplers/yolov5.ts'
import { readEvolveTable } from '../../../src/study/files/index.ts'
import { resultTitles } from '../../../src/study/files/row.ts'
import { golden, readReferenceJson, referencePath } from '../reference.ts'

const rngOf = (situation: any) => ({
  numpy: new NumpyRandom(situation.numpy_seed),
  python: new PythonRandom(situation.python_seed),
})

/** Hyps as shipped; a case set may lack them. */
const shippedHyps = (): any =>
  existsSync(referencePath('evolve/hyps.json')) ? readReferenceJson('evolve/hyps.json') : {}

const startHyp = (release: string, keys: string[]): Hyp => {
  const hyps = shippedHyps()
  const all = Object.assign({}, ...Object.values<any>(hyps[release]?.files ?? {}))
  return Object.fromEntries(keys.map((key) => [key, all[key] ?? (key === 'anchors' ? 3 : 0.1)]))
}

/** The original's step on the rows of a table, which fits the keys of the hyp. */
function next(situation: any, hyp: Hyp, ranges: Ranges): Hyp {
  const release: Release = releases[findRelease(situation.release)]
  const space = rangeSpace(hyp, ranges, { decimals: 5 })
  if (situation.history === null) return space.start
  const rows = situation.history.map((row: any[], i: number): Candidate => {
    const numbers = row.map(Number)
    return { number: i, values: numbers.slice(7), fitness: 0.1 * numbers[2] + 0.9 * numbers[3] }
  })
  const finite = rows.filter(({ fitness }: Candidate) => !Number.isNaN(fitness)) // a NaN row is a failed trial here
  const settings = samplers.yolov5.options.parse({ ...release.options, parent: situation.parent ?? 'single' })
  const { parent, factors } = mutatedRow(finite, space, settings, rngOf(situation))
  return space.toHyp(parent.values.map((value, i) => Number(value) * factors[i]))
}

golden(
  'evolve/errors.json',
  'situations',
  () => readReferenceJson<any[]>('evolve/errors.json'),
  (cases) => {
    for (const situation of cases)
      it(`${situation.release}: ${situation.note}`, () => {
        const name = findRelease(situation.release)
        const table = rangeTables[(releases[name] as Release).ranges]
        const keys: string[] = situation.hyp_keys
        const meta: string[] = situation.meta_keys
        const columns = situation.history === null ? undefined : situation.history[0].length - 7
        const hyp = startHyp(situation.release, keys)
        const ranges = Object.fromEntries(meta.map((key) => [key, table[key]]))

        if (columns !== undefined && columns !== keys.length) {
          // a stale table (IndexError 34 there, or values silently shifted by a column): its reader refuses it
          const file = releases[name].options.table as string
          const titles = [...Object.values(resultTitles), ...keys, 'one_more'].slice(0, columns + 7)
          const rows = situation.history.map((row: any[]) => row.join(file === 'evolve.csv' ? ',' : ' '))
          const text = `${[...(file === 'evolve.csv' ? [titles.join(',')] : []), ...rows].join('\n')}\n`
          const refused = file === 'evolve.csv' ? EvolveFileColumnsError : EvolveTextColumnsError
          expect(() => readEvolveTable(text, { path: file, keys })).toThrow(refused)
          return
        }
        if (keys.some((key) => !Object.hasOwn(table, key))) {
          // a name that no release knows: said before anything is trained
          expect(() => releaseSpace(hyp, { release: name })).toThrow(HypKeyNotInSpaceError)
          return
        }
        if (meta.includes('anchors') && !keys.includes('anchors')) {
          // KeyError 'anchors' there; here the hyp gets anchors: 3 where the release's table has it
          expect(situation.error).toBe("KeyError: 'anchors'")
          const space = releaseSpace(hyp, { release: name })
          expect(space.keys).toEqual(Object.keys(table).filter((key) => space.keys.includes(key)))
          expect(space.start.anchors).toBe(3)
          return
        }
        if (keys.includes('anchors') && !meta.includes('anchors')) {
          // IndexError 27 there; here anchors stay where the hyp has them
          expect(situation.error).toContain('IndexError')
          const space = releaseSpace(hyp, { release: name, fixed: ['anchors'] })
          expect(space.frozen().map(({ key }) => key)).toContain('anchors')
          expect(space.keys).toEqual(keys)
          return
        }
        if (situation.error === null) {
          // without a table the originals start with the shipped values: compared where this case set has them
          const start = situation.history === null ? shippedStart(situation) : hyp
          expect(next(situation, start, ranges)).toEqual(situation.next)
          return
        }
        const found = next(situation, hyp, ranges)
        expect(Object.values(found).every((value) => Number.isFinite(value))).toBe(true)
        if (situation.error.includes('must be finite')) {
          // a NaN row there stops everything; here it is a failed trial and never a parent
          expect(situation.history.some((row: any[]) => row.slice(0, 4).some((x) => Number.isNaN(Number(x))))).toBe(
            true,
          )
        } else {
          // all weights zero: as on Python 3.8 and before, the last of the pool is the parent
          expect(situation.error).toContain('Total of weights must be greater than zero')
        }
      })
  },
)

/** The first generation is that of one of the shipped files: the one that it comes from, or itself without files. */
function shippedStart(situation: any): Hyp {
  const files = shippedHyps()[situation.release]?.files ?? {}
  const fits = Object.values<any>(files).find((hyp) =>
    Object.keys(hyp).every((key) => hyp[key] === situation.next[key]),
  )
  const hyp = fits ?? situation.next
  return Object.fromEntries(situation.hyp_keys.map((key: string) => [key, hyp[key] ?? 3]))
}
