// The classic mutation, from a table of results to the next hyp: fitness, selection, draws, limits, rounding.
// The sampler `yolov5` claims the releases whose cases have no legacy fields: yolov5 v6.0 to v7.0, yolov3 v9.6.0 and
// later. Older forms (tables of 3 digits, gains in another order, 2019's hill climb) belong to samplers still to come.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { expect, it } from 'vitest'
import {
  EvolveFileColumnsError,
  HypKeyNotInSpaceError,
  NumpyRandom,
  PythonRandom,
  type Random,
} from '../../../src/base/index.ts'
import {
  type FinishedTrial,
  type FitnessWeights,
  fitness,
  type Ranges,
  SearchSpace,
  samplers,
  yolov5Ranges,
} from '../../../src/search/index.ts'
import { mutationFactors } from '../../../src/search/samplers/yolov5.ts'
import { evolveTitles, readEvolveCsv } from '../../../src/study/index.ts'
import { golden, readReferenceJson, referenceFiles } from '../reference.ts'

const claimed = /^(yolov5@v6\.\d|yolov5@v7\.0|yolov3@v9\.6\.0|yolov3@master)$/

const number = (value: number | string) => Number(value)

const toRanges = (meta: Record<string, [number, number, number]>): Ranges =>
  Object.fromEntries(Object.entries(meta).map(([key, [gain, lower, upper]]) => [key, { gain, lower, upper }]))

const toHyp = (keys: string[], values: (number | string)[]) =>
  Object.fromEntries(keys.map((key, i) => [key, number(values[i])]))

const toHistory = (keys: string[], rows: (number | string)[][]): FinishedTrial[] =>
  rows.map((row, i) => ({
    state: 'finished',
    number: i,
    parents: [],
    hyp: toHyp(keys, row.slice(7)),
    fitness: fitness(row.map(number)),
  }))

const rngOf = (mutation: { numpy_seed: number; python_seed: number }): Random => ({
  numpy: new NumpyRandom(mutation.numpy_seed),
  python: new PythonRandom(mutation.python_seed),
})

golden(
  'evolve/fitness.json',
  'fitness',
  () => readReferenceJson<any[]>('evolve/fitness.json'),
  (cases) => {
    it('is the weighted sum, bit for bit', () => {
      for (const { release, weights, results, ...expected } of cases) {
        const values = results.map((row: any[]) => fitness(row.map(number), weights as FitnessWeights))
        expect([release, values]).toEqual([release, expected.fitness.map(number)])
      }
    })
  },
)

golden(
  'evolve/meta.json',
  'gains and bounds of the claimed releases',
  () => Object.entries<any>(readReferenceJson('evolve/meta.json')).filter(([release]) => claimed.test(release)),
  (cases) => {
    for (const [release, { meta }] of cases)
      it(release, () => {
        const ranges = meta.map(({ name, gain, low, high }: any) => [name, { gain, lower: low, upper: high }])
        expect(Object.entries(yolov5Ranges)).toEqual(ranges)
      })
  },
)

const mutations = () =>
  referenceFiles('evolve/mutate', /\.json$/).flatMap((file) => {
    const { release, meta, cases } = readReferenceJson(`evolve/mutate/${file}`)
    return claimed.test(release) ? cases.map((mutation: any) => ({ file, meta, ...mutation })) : []
  })

golden('evolve/mutate', 'mutation', mutations, (cases: readonly any[]) => {
  const groups = new Map<string, any[]>()
  for (const mutation of cases) {
    const name = `${mutation.release} ${mutation.variant} ${mutation.parent}`
    groups.set(name, [...(groups.get(name) ?? []), mutation])
  }
  for (const [name, group] of groups)
    it(`${name} (${group.length} cases)`, () => {
      for (const mutation of group) {
        const label = `${mutation.kind}, ${mutation.rows} rows, seeds ${mutation.numpy_seed} ${mutation.python_seed}`
        const keys: string[] = mutation.hyp_keys
        const history = toHistory(keys, mutation.history)
        expect([label, history.map((trial) => trial.fitness)]).toEqual([label, mutation.fitness.map(number)])

        const ranges = Object.fromEntries(Object.entries(toRanges(mutation.meta)).filter(([key]) => keys.includes(key)))
        const space = new SearchSpace(toHyp(keys, mutation.history[0].slice(7)), ranges)
        expect([label, space.gains]).toEqual([label, mutation.gains])

        const factors = mutationFactors(space.gains, mutation.mp, mutation.s, rngOf(mutation))
        expect([label, factors]).toEqual([label, mutation.v])

        const options = samplers.yolov5.options.parse({ parent: mutation.parent })
        const { hyp, parents } = samplers.yolov5.propose({ space, history, rng: rngOf(mutation) }, options)
        const expectedParents = mutation.parent === 'single' ? [mutation.chosen_row] : mutation.top_n
        expect([label, parents]).toEqual([label, expectedParents])
        expect([label, Object.entries(hyp)]).toEqual([label, keys.map((key, i) => [key, mutation.next_in_order[i]])])
        expect([label, hyp]).toEqual([label, mutation.next])
      }
    })
})

const situations = () =>
  readReferenceJson<any[]>('evolve/errors.json').filter((situation) => claimed.test(situation.release))

golden('evolve/errors.json', 'situations that stop the originals', situations, (cases) => {
  for (const situation of cases)
    it(`${situation.release}: ${situation.note}`, () => {
      const keys: string[] = situation.hyp_keys
      const ranges = Object.fromEntries(situation.meta_keys.map((key: string) => [key, yolov5Ranges[key]]))
      const table: (number | string)[][] | null = situation.history
      const columns = table ? table[0].length - 7 : keys.length
      const propose = () => {
        // the start values do not matter once there is a table; without one they are those of v7.0's scratch-low
        const space = new SearchSpace(toHyp(keys, startValues(keys)), ranges)
        const history = table ? toHistory(keys, table) : []
        return samplers.yolov5.propose(
          { space, history, rng: rngOf(situation) },
          samplers.yolov5.options.parse({ parent: situation.parent }),
        )
      }
      if (situation.error === null) {
        expect(propose().hyp).toEqual(situation.next)
      } else if (situation.error.startsWith('KeyError')) {
        // ours says so before the first training, not after it
        expect(propose).toThrow(HypKeyNotInSpaceError)
      } else if (columns !== keys.length) {
        const header = evolveTitles(keys.slice(0, columns)).join(',')
        const text = `${header}\n${table!.map((row) => row.join(',')).join('\n')}\n`
        expect(() => readEvolveCsv(text, keys, 'evolve.csv')).toThrow(EvolveFileColumnsError)
      } else {
        // on purpose: a NaN row is kept in the table, but is no parent
        expect(situation.error).toContain('must be finite')
        const nanRows = table!.flatMap((row, i) => (row.slice(0, 4).some((x) => Number.isNaN(number(x))) ? [i] : []))
        expect(nanRows).not.toEqual([])
        const { hyp, parents } = propose()
        expect(nanRows).not.toContain(parents[0])
        expect(Object.values(hyp).every(Number.isFinite)).toBe(true)
      }
    })
})

const startValues = (keys: string[]) => {
  const hyps = readReferenceJson<any>('evolve/hyps.json')['yolov5@v7.0'].files['data/hyps/hyp.scratch-low.yaml']
  return keys.map((key) => hyps[key] ?? (key === 'anchors' ? 3 : 0))
}
