// Fitness of the commits that changed its weights, bit for bit.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { expect, it } from 'vitest'
import { type FitnessWeights, fitness, fitnessPresets, parseFitness } from '../../../src/search/index.ts'
import { golden, readReferenceJson } from '../reference.ts'

golden(
  'evolve/fitness.json',
  'fitness',
  () => readReferenceJson<any[]>('evolve/fitness.json'),
  (cases) => {
    it('is the weighted sum, bit for bit', () => {
      for (const { release, weights, results, ...expected } of cases) {
        const values = results.map((row: any[]) => fitness(row.map(Number), weights as FitnessWeights))
        expect([release, values]).toEqual([release, expected.fitness.map(Number)])
      }
    })

    it('comes out the same from the preset with these weights, by the names of its metrics', () => {
      for (const { release, weights, results, ...expected } of cases) {
        const found = Object.entries(fitnessPresets).find(([, preset]) =>
          weights.every((w: number, i: number) => w === preset.weights[i]),
        )
        expect([release, found?.[0]]).not.toEqual([release, undefined])
        const [name, preset] = found!
        const { evaluate } = parseFitness(name)
        results.forEach((row: any[], i: number) => {
          const metrics = Object.fromEntries(preset.metrics.map((key, column) => [key, Number(row[column])]))
          // a NaN in a metric of weight 0 makes the originals' fitness NaN; ours does not read it
          if (row.slice(0, 4).every((x) => Number.isFinite(Number(x))))
            expect([release, evaluate(metrics)]).toEqual([release, Number(expected.fitness[i])])
        })
      }
    })
  },
)
