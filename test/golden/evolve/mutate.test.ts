// The classic mutation of every release, bit for bit: from the rows of its table to the next hyp.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { expect, it } from 'vitest'
import { NumpyRandom, PythonRandom, type Random } from '../../../src/base/index.ts'
import {
  type CompleteTrial,
  findRelease,
  fitness,
  fitnessPresets,
  History,
  type Range,
  type Ranges,
  type Release,
  rangeSpace,
  rangeTables,
  releases,
  type SearchSpace,
  samplers,
} from '../../../src/search/index.ts'
import { type Candidate, fittestOf } from '../../../src/search/samplers/mutation.ts'
import * as yolov3 from '../../../src/search/samplers/yolov3.ts'
import * as yolov5 from '../../../src/search/samplers/yolov5.ts'
import { golden, readReferenceJson, referenceFiles } from '../reference.ts'

interface Case {
  readonly release: Release
  readonly meta: readonly { name: string; gain: number; low: number; high: number }[] | null
  readonly [field: string]: any
}

const hillClimb = /hillclimb/

const mutations = (): Case[] =>
  referenceFiles('evolve/mutate', /\.json$/)
    .filter((file) => !hillClimb.test(file))
    .flatMap((file) => {
      const { release, meta = null, cases } = readReferenceJson(`evolve/mutate/${file}`)
      return cases.map((each: any) => ({ ...each, meta, name: release, release: releases[findRelease(release)] }))
    })

const rngOf = (seeds: { numpy_seed: number; python_seed: number }): Random => ({
  numpy: new NumpyRandom(seeds.numpy_seed),
  python: new PythonRandom(seeds.python_seed),
})

function metaRanges(meta: NonNullable<Case['meta']> | any): Ranges {
  const rows: [string, Range][] = Array.isArray(meta)
    ? meta.map(({ name, gain, low, high }) => [name, { gain: Number(gain), lower: low, upper: high }])
    : Object.entries<any>(meta).map(([name, [gain, lower, upper]]) => [name, { gain: Number(gain), lower, upper }])
  return Object.fromEntries(rows)
}

function spaceOf({ meta, hyp_keys: keys, history, release }: Case): SearchSpace {
  const all = meta ? metaRanges(meta) : rangeTables[release.ranges]
  const ranges = Object.fromEntries(Object.entries(all).filter(([key]) => keys.includes(key)))
  const hyp = Object.fromEntries(keys.map((key: string, i: number) => [key, Number(history[0][i + 7])]))
  return rangeSpace(hyp, ranges, release.decimals === undefined ? {} : { decimals: release.decimals })
}

/** What the originals do on the rows of a table: the parts that samplers are made of. */
function step(each: Case, space: SearchSpace, rows: readonly Candidate[]) {
  const chosen = { ...each.release.options, parent: each.parent, ...(each.method ? { method: each.method } : {}) }
  if (each.release.sampler === 'yolov3') {
    const settings = yolov3.withDefaults(samplers.yolov3.options.parse(chosen))
    return { ...yolov3.mutatedRow(rows, space, settings, rngOf(each as any)), gains: undefined }
  }
  return yolov5.mutatedRow(rows, space, samplers.yolov5.options.parse(chosen), rngOf(each as any))
}

golden('evolve/mutate', 'mutation', mutations, (cases) => {
  const groups = new Map<string, Case[]>()
  for (const each of cases) {
    const name = [each.name, each.variant, each.parent, each.method ? `method ${each.method}` : ''].join(' ')
    groups.set(name, [...(groups.get(name) ?? []), each])
  }
  for (const [name, group] of groups)
    it(`${name} (${group.length} cases)`, () => {
      for (const each of group) {
        const label = `${each.kind}, ${each.rows} rows, seeds ${each.numpy_seed} ${each.python_seed}`
        const check = (what: string, found: unknown, expected: unknown) =>
          expect([label, what, found]).toEqual([label, what, expected])
        // up to Python 3.8 equally fit parents meant the last one; since then the old releases raise an error
        const expected = { ...each, ...(each.error ? each.python38 : {}) }
        const weights = fitnessPresets[each.release.fitness].weights
        const space = spaceOf(each)
        const rows = each.history.map((row: any[], i: number): Candidate => {
          const numbers = row.map(Number)
          return { number: i, values: numbers.slice(7), fitness: fitness(numbers, weights) }
        })
        check(
          'fitness',
          rows.map((row: Candidate) => row.fitness),
          each.fitness.map(Number),
        )
        check(
          'top',
          fittestOf(rows, each.n).map(({ number }) => number),
          each.top_n,
        )

        const { parent, factors, gains } = step(each, space, rows)
        if (gains) check('gains', gains, expected.gains ?? gains)
        check('parent', parent.values, expected.parent_row.slice(7).map(Number))
        if (expected.chosen_row !== undefined) check('chosen', parent.parents, [expected.chosen_row])
        check('factors', factors, expected.v.map(Number))
        const values = parent.values.map((value, i) => Number(value) * factors[i])
        if (expected.unclipped) check('unclipped', values, expected.unclipped.map(Number))
        const hyp = space.toHyp(values)
        if (expected.next_in_order) check('order', Object.values(hyp), expected.next_in_order.map(Number))
        const next = Object.entries(expected.next).map(([key, value]) => [key, Number(value)])
        check('next', hyp, Object.fromEntries(next))

        if (each.release.options.table === 'evolve.csv') check('sampler', proposed(each, space), hyp)
      }
    })
})

/** The same through the registry, with the rows as trials of a study. */
function proposed(each: Case, space: SearchSpace): unknown {
  const names = [...fitnessPresets[each.release.fitness].metrics, 'boxLoss', 'objLoss', 'clsLoss']
  const trials = each.history.map(
    (row: any[], number: number): CompleteTrial => ({
      state: 'complete',
      number,
      attempt: 1,
      parents: [],
      mutated: [],
      fitness: 0,
      metrics: Object.fromEntries(names.map((name, i) => [name, Number(row[i])])),
      hyp: Object.fromEntries(each.hyp_keys.map((key: string, i: number) => [key, Number(row[i + 7])])),
    }),
  )
  const rng = rngOf(each as any)
  const options = samplers.yolov5.options.parse({ ...each.release.options, parent: each.parent })
  const history = new History(trials)
  return samplers.yolov5.propose({ space, number: trials.length, history, rng, rngOf: () => rng }, options).hyp
}

const climbs = (): any[] =>
  referenceFiles('evolve/mutate', hillClimb).flatMap((file) => readReferenceJson(`evolve/mutate/${file}`).cases)

golden('evolve/mutate', 'hill climb of 2019', climbs, (cases) => {
  it('next hyp', () => {
    for (const { numpy_seed, hyp, next } of cases) {
      const table = rangeTables['yolov3-v6']
      const space = rangeSpace(hyp, Object.fromEntries(Object.keys(hyp).map((key) => [key, table[key]])))
      const trial: CompleteTrial = {
        state: 'complete',
        number: 0,
        attempt: 1,
        parents: [],
        mutated: [],
        fitness: 0.5,
        metrics: {},
        hyp,
      }
      const rng = rngOf({ numpy_seed, python_seed: 0 })
      const options = samplers.yolov3.options.parse(releases['yolov3-v6'].options)
      const context = { space, number: 1, history: new History([trial]), rng, rngOf: () => rng }
      const proposal = samplers.yolov3.propose(context, options)
      const label = `seed ${numpy_seed}`
      expect([label, Object.entries(proposal.hyp)]).toEqual([label, Object.entries(next)])
    }
  })
})
