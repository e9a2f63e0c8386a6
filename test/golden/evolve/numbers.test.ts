// Order of ties (argsort) and text of numbers, as NumPy 1.24, C and PyYAML give them.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { expect, it } from 'vitest'
import { argsort, formatG, pythonRepr, roundHalfEven, yamlFloat } from '../../../src/base/index.ts'
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

golden(
  'evolve/format.json',
  'text of numbers',
  () => readReferenceJson<any[]>('evolve/format.json').filter((entry) => 'value' in entry),
  (cases) => {
    it('%g, round, repr, yaml', () => {
      for (const entry of cases) {
        const value = number(entry.value)
        for (const [key, expected] of Object.entries<any>(entry)) {
          const format = key.match(/^%(\d*)\.(\d+)g$/)
          const label = `${key} of ${entry.value}`
          if (format) expect([label, formatG(value, Number(format[2]), Number(format[1]))]).toEqual([label, expected])
        }
        expect(pythonRepr(value)).toBe(entry.repr)
        expect(yamlFloat(value)).toBe(entry.yaml)
        if ('round5' in entry) expect(roundHalfEven(value, 5)).toBe(number(entry.round5))
      }
    })
  },
)
