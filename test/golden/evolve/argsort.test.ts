// Order of ties, as NumPy 1.24 gives it.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { expect, it } from 'vitest'
import { argsort } from '../../../src/base/index.ts'
import { golden, readReferenceJson } from '../reference.ts'

/** The reference writes non-finite numbers as the strings NaN, Infinity, -Infinity; Number() reads them. */
const number = (value: number | string) => Number(value)

golden(
  'evolve/argsort.json',
  'order of ties',
  () => readReferenceJson<any[]>('evolve/argsort.json'),
  (cases) => {
    it('ascending and descending', () => {
      for (const { n, kind, fitness, ...expected } of cases) {
        const values = fitness.map(number)
        const label = `${n} ${kind}`
        expect([label, argsort(values)]).toEqual([label, expected.argsort])
        expect([label, argsort(values.map((f: number) => -f))]).toEqual([label, expected.argsort_of_minus_fitness])
      }
    })
  },
)
