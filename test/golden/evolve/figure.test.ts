// evolve.png: how crowded each point's place is, and the console lines, as YOLOv5 gives them.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { density } from '../../../src/report/density.ts'
import { evolveConsoleLines } from '../../../src/report/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

golden(
  'evolve/plot_evolve/density.json',
  'density of the points',
  () => readReferenceJson<any>('evolve/plot_evolve/density.json').cases as any[],
  (cases) => {
    it('ln of the count of the cell', () => {
      for (const { x, y, n, density: expected } of cases) {
        const found = density(x.map(Number), y.map(Number), n)
        expect(found.length).toBe(expected.length)
        found.forEach((value, i) => {
          expect(value).toBeCloseTo(Number(expected[i]), 12)
        })
      }
    })
  },
)

golden(
  'evolve/plot_evolve',
  'console lines (v7.0)',
  () => referenceFiles('evolve/plot_evolve', /^console_(v7\.0|master)\.txt$/),
  (cases) => {
    it('"Best results" and one line per hyperparameter', () => {
      const [titles, ...rows] = readFileSync(referencePath('evolve/plot_evolve/evolve.csv'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(',').map((cell) => cell.trim()))
      const fitness = rows.map((row) => 0.1 * Number(row[2]) + 0.9 * Number(row[3]))
      const table = {
        keys: titles!.slice(7),
        rows: rows.map((row) => row.slice(7).map(Number)),
        bestIndex: fitness.indexOf(Math.max(...fitness)),
      }
      for (const file of cases) {
        const expected = readFileSync(referencePath(`evolve/plot_evolve/${file}`), 'utf8').split('\n')
        expect(evolveConsoleLines(table)).toEqual(expected.slice(0, titles!.length - 7 + 1))
      }
    })
  },
)
