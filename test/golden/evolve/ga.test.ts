// The population search of YOLOv5 since 2024, bit for bit: individuals, selection and the next generation.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { expect, it } from 'vitest'
import { NumpyRandom, PythonRandom, type Random } from '../../../src/base/index.ts'
import {
  type CompleteTrial,
  findRelease,
  History,
  type Range,
  rangeSpace,
  releases,
  type SearchSpace,
  samplers,
} from '../../../src/search/index.ts'
import { genesOf, individual, nextGeneration, ratesOf } from '../../../src/search/samplers/yolov5-ga.ts'
import { golden, readReferenceJson, referenceFiles } from '../reference.ts'

const files = () => referenceFiles('evolve/ga', /\.json$/).map((file) => readReferenceJson(`evolve/ga/${file}`))

const spaceOf = (genes: any[]): SearchSpace => {
  const ranges = genes.map(({ name, low, high }): [string, Range] => [name, { gain: 1, lower: low, upper: high }])
  return rangeSpace(Object.fromEntries(genes.map(({ name, low }) => [name, low])), Object.fromEntries(ranges))
}

golden(
  'evolve/ga',
  'individuals',
  () => files().flatMap(({ genes, generate_individual: cases }) => cases.map((each: any) => ({ genes, ...each }))),
  (cases) => {
    it('drawn one after the other', () => {
      for (const { genes, python_seed, individuals } of cases as any[]) {
        const python = new PythonRandom(python_seed)
        const list = genesOf(spaceOf(genes))
        expect(individuals.map(() => individual(list, python))).toEqual(individuals)
      }
    })
  },
)

const generations = () =>
  files().flatMap(({ release, genes, config, cases }) =>
    cases.map((each: any) => ({ release, genes, config, ...each })),
  )

golden('evolve/ga', 'generations', generations, (cases: readonly any[]) => {
  for (const release of new Set(cases.map((each) => each.release)))
    it(release, () => {
      const group = cases.filter((each) => each.release === release)
      const { options } = releases[findRelease(release)]
      const aliasing = 'aliasing' in options && options.aliasing === true
      // the reference counts children that are the list of another child: only in releases of which we say so
      if (group.some((each) => each.aliased_children > 0)) expect(aliasing).toBe(true)
      for (const each of group) {
        const label = `generation ${each.generation} of ${each.evolve}, ${each.kind}, seed ${each.python_seed}`
        const check = (what: string, found: unknown, expected: unknown) =>
          expect([label, what, found]).toEqual([label, what, expected])
        const rates = ratesOf(each.generation, each.evolve)
        check('rates', rates, {
          elite: each.elite_size,
          tournament: each.tournament_size,
          crossover: each.crossover_rate,
          mutation: each.mutation_rate,
        })
        const genes = genesOf(spaceOf(each.genes))
        const python = new PythonRandom(each.python_seed)
        const next = nextGeneration(each.population, each.fitness_scores, genes, rates, aliasing, python)
        check('selected', next.selected, each.selected_indices)
        check('elite', next.elite, each.elite_indices)
        check('next generation', next.individuals, each.next_generation)
        check('through the sampler', sampled(each, aliasing), each.next_generation)
      }
    })
})

/** The fifty trials of the next generation, asked of the registry's sampler one by one. */
function sampled(each: any, aliasing: boolean): unknown {
  const space = spaceOf(each.genes)
  const first = each.generation * each.population.length
  const trials = each.population.map(
    (values: number[], i: number): CompleteTrial => ({
      state: 'complete',
      number: first + i,
      attempt: 1,
      parents: [],
      mutated: [],
      fitness: 0.5,
      metrics: { mAP50: each.fitness_scores[i] },
      hyp: Object.fromEntries(space.keys.map((key, j) => [key, values[j]])),
    }),
  )
  const history = new History(trials)
  const options = samplers['yolov5-ga'].options.parse({ mode: 'replay', generations: each.evolve, aliasing })
  const rngOf = (): Random => ({ numpy: new NumpyRandom(0), python: new PythonRandom(each.python_seed) })
  return trials.map((_: unknown, i: number) => {
    const number = first + trials.length + i
    const { hyp } = samplers['yolov5-ga'].propose({ space, number, history, rng: rngOf(), rngOf }, options)
    return Object.values(hyp)
  })
}
