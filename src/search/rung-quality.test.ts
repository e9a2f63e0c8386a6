// Made-up studies whose rungs are known to tell much, little or nothing.
import { describe, expect, it } from 'vitest'
import { NumpyRandom, randomFor } from '../base/index.ts'
import {
  defineSpace,
  float,
  type Grant,
  type GrantContext,
  History,
  nextTraining,
  pruners,
  rungCorrelations,
  rungCorrelationsOfCurves,
  type Sampler,
  type SearchSpace,
  samplers,
  type Trial,
  usableRungs,
  usableRungsOfCurves,
} from './index.ts'

const rungs = [4, 12, 36]

/** Scores of a hyp at the three rungs: normal, correlated by `first` and `second` from each to the next. */
function scoresOf(rng: NumpyRandom, first: number, second: number): number[] {
  const [a, b, c] = [rng.normal(), rng.normal(), rng.normal()]
  const middle = first * a + Math.sqrt(1 - first ** 2) * b
  return [a, middle, second * middle + Math.sqrt(1 - second ** 2) * c]
}

const sync = pruners.hyperband.options.parse({})
const brackets = (context: GrantContext): Grant => pruners.hyperband.grant(context, sync)

/** A study of so many full trainings' worth with random hyps; `seen` is called after every trial. */
function study(
  seed: number,
  [first, second]: readonly [number, number],
  budget: number,
  seen: (history: History) => void = () => {},
): History {
  const history = new History()
  const rng = new NumpyRandom([seed, 1])
  const scores = new Map<number, number[]>()
  for (let number = 0, spent = 0; spent < budget; number++) {
    const context = {
      rungs: usableRungs(history, rungs),
      number,
      history,
      rng: randomFor(seed, number),
    }
    const { epochs, promote }: Grant = number === 0 ? { epochs: 36 } : brackets(context)
    const fresh = scoresOf(rng, first, second)
    const own = promote === undefined ? fresh : scores.get(promote)!
    scores.set(number, own)
    const more = promote === undefined ? {} : { continues: promote }
    const trial = { number, hyp: { x: number }, parents: [], mutated: [], attempt: 1, fidelity: epochs, ...more }
    const fitness = own[rungs.indexOf(epochs)]
    if (epochs < 36) history.set({ ...trial, state: 'pruned', epochs, fitness, metrics: {} })
    else history.set({ ...trial, state: 'complete', fitness, metrics: {} })
    spent += epochs / 36
    seen(history)
  }
  return history
}

const trialsOf = (history: History): Trial[] => [...history.ended]
const seeds = Array.from({ length: 12 }, (_, seed) => seed)

describe('rungs', () => {
  it('that predict are kept', () => {
    const kept = seeds.filter((seed) => usableRungs(study(seed, [0.9, 0.9], 60), rungs).length === 3)
    expect(kept.length).toBeGreaterThanOrEqual(11)
  })

  it('that are noise are dropped; what lies above them stays', () => {
    const left = seeds.map((seed) => usableRungs(study(seed, [0, 0.9], 60), rungs))
    expect(left.filter((each) => !each.includes(4)).length).toBeGreaterThanOrEqual(7)
    expect(left.filter((each) => each.includes(12)).length).toBeGreaterThanOrEqual(10)
    expect(left.every((each) => each.includes(36))).toBe(true)
  })

  it('below one that is noise are judged by full length', () => {
    const dropped = seeds.map((seed) => usableRungs(study(seed, [0.95, 0], 100), rungs))
    expect(dropped.filter((each) => !each.includes(12)).length).toBeGreaterThanOrEqual(7)
    expect(dropped.filter((each) => !each.includes(4)).length).toBeGreaterThanOrEqual(6)
    expect(dropped.every((each) => each.includes(36))).toBe(true)
  })

  it('once dropped stay dropped; what is known again after a restart is the same', () => {
    for (const seed of seeds.slice(0, 4)) {
      const left: number[][] = []
      const history = study(seed, [0, 0], 60, (so) => left.push(usableRungs(so, rungs)))
      for (const [i, each] of left.entries()) {
        if (i > 0) expect(left[i - 1]).toEqual(expect.arrayContaining(each))
        if (i % 10 === 0) expect(usableRungs(new History(trialsOf(history).slice(0, i + 1)), rungs)).toEqual(each)
      }
      expect(left.at(-1)!.length).toBeLessThan(3)
    }
  })

  it('that were dropped get nothing more', () => {
    const of = (seed: number) => study(seed, [0, 0], 150)
    const seed = seeds.find((each) => usableRungs(of(each), rungs).length === 1)!
    expect(
      trialsOf(of(seed))
        .slice(-9)
        .map(({ fidelity }) => fidelity),
    ).toEqual(Array(9).fill(36))
  })
})

describe('nextTraining', () => {
  it('gives no training more to a rung that was dropped, and names none of it to samplers', () => {
    const space = defineSpace({ x: float(0, 1) }) as SearchSpace
    const pruner = { name: 'hyperband', options: {} }
    const schedule = { epochs: 36, lowest: 4, rungs: 'restart', pruner, confirm: 0 } as const
    const told: (readonly number[])[] = []
    const sampler: Sampler<unknown> = {
      ...(samplers.random as Sampler<unknown>),
      propose(context) {
        told.push(context.fidelity!.rungs)
        return samplers.random.propose(context, {})
      },
    }
    const rng = new NumpyRandom(11)
    const history = new History()
    for (let number = 0; ; number++) {
      const request = { space, sampler, samplerOptions: {}, schedule, history, seed: 1, number, target: 150 }
      const left = usableRungs(history, rungs)
      const next = nextTraining(request)
      if (next === undefined) break
      expect(left).toContain(next.fidelity)
      if (next.continues === undefined) expect(told.at(-1)).toEqual(left)
      const trial = { number, mutated: [], attempt: 1, metrics: {}, ...next, fitness: rng.normal() }
      const epochs = next.fidelity!
      history.set(epochs < 36 ? { ...trial, state: 'pruned', epochs } : { ...trial, state: 'complete' })
    }
    expect(told[0]).toEqual(rungs)
    expect(told.at(-1)!.length).toBeLessThan(3)
  })
})

describe('correlations', () => {
  it('are those of all, though only the best of a rung are pairs; the bounds hold in 90 % of studies', () => {
    for (const rho of [0, 0.5, 0.8]) {
      const tables = Array.from({ length: 150 }, (_, seed) => {
        const rng = new NumpyRandom([seed, 3])
        const history = new History()
        for (let number = 0; number < 10 * 12; number += 12) {
          const scores = Array.from({ length: 9 }, () => scoresOf(rng, rho, 1)).sort(([a], [b]) => b - a)
          const first = { hyp: {}, parents: [], mutated: [], attempt: 1, metrics: {}, state: 'pruned' } as const
          for (const [i, [fitness]] of scores.entries())
            history.set({ ...first, number: number + i, fidelity: 4, epochs: 4, fitness })
          for (const [i, [, fitness]] of scores.slice(0, 3).entries())
            history.set({ ...first, number: number + 9 + i, fidelity: 12, epochs: 12, continues: number + i, fitness })
        }
        const [only, ...others] = rungCorrelations(history, rungs)
        expect(others).toEqual([])
        expect(only).toMatchObject({ lower: 4, upper: 12, pairs: 30 })
        return only
      })
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
      expect(Math.abs(mean(tables.map((table) => table.rho!)) - rho)).toBeLessThan(0.06)
      expect(mean(tables.map((table) => table.spearman!))).toBeLessThan(Math.max(0.05, 0.75 * rho))
      expect(tables.filter(({ interval }) => rho <= interval![1]).length / 150).toBeGreaterThan(0.83)
      expect(tables.filter(({ interval }) => rho >= interval![0]).length / 150).toBeGreaterThan(0.83)
    }
  })

  it('need pairs, and leave out what failed and what confirms', () => {
    expect(rungCorrelations(new History(), rungs)).toEqual([])
    const first = { hyp: {}, parents: [], mutated: [], attempt: 1, metrics: {} }
    const history = new History()
    for (let i = 0; i < 6; i++) {
      history.set({ ...first, number: 2 * i, fidelity: 4, state: 'pruned', epochs: 4, fitness: i })
      const above = { ...first, number: 2 * i + 1, fidelity: 12, continues: 2 * i }
      if (i === 5) history.set({ ...above, state: 'failed', failure: 'crash', output: ['?'] })
      else history.set({ ...above, state: 'pruned', epochs: 12, fitness: i })
    }
    history.set({ ...first, number: 12, fidelity: 36, repeats: 0, repetition: 1, state: 'complete', fitness: 9 })
    const [only, ...others] = rungCorrelations(history, rungs)
    expect(others).toEqual([])
    expect(only).toMatchObject({ lower: 4, upper: 12, pairs: 5, dropped: false })
    expect(only.spearman).toBeCloseTo(1, 6)
    expect(only.rho).toBeGreaterThan(0.99)
  })

  it('survive results that are all alike', () => {
    const first = { hyp: {}, parents: [], mutated: [], attempt: 1, metrics: {}, fitness: 0 }
    const history = new History()
    for (let i = 0; i < 40; i++) {
      history.set({ ...first, number: 2 * i, fidelity: 4, state: 'pruned', epochs: 4 })
      history.set({ ...first, number: 2 * i + 1, fidelity: 12, continues: 2 * i, state: 'pruned', epochs: 12 })
    }
    expect(usableRungs(history, rungs)).toEqual(rungs)
    expect(rungCorrelations(history, rungs)).toEqual([
      { lower: 4, upper: 12, pairs: 40, spearman: undefined, rho: undefined, interval: undefined, dropped: false },
    ])
  })
})

describe('curves', () => {
  const curvesOf = (first: number, second: number): Map<number, (number | undefined)[]> => {
    const rng = new NumpyRandom([5, 2])
    const all = Array.from({ length: 90 }, () => scoresOf(rng, first, second))
    const cut = (rung: number) => all.map((scores) => scores[rung]).sort((a, b) => b - a)[30 - 20 * rung]
    return new Map(
      all.map(([a, b, c], number) => {
        const epochs = a < cut(0) ? 4 : b < cut(1) ? 12 : 36
        return [number, Array.from({ length: epochs + 1 }, (_, e) => (e < 5 ? a : e < 13 ? b : c))]
      }),
    )
  }

  it('tell the same as trainings of their own', () => {
    expect(usableRungsOfCurves(curvesOf(0.9, 0.9), rungs)).toEqual(rungs)
    expect(usableRungsOfCurves(curvesOf(0, 0.9), rungs)).toEqual([12, 36])
    const [first] = rungCorrelationsOfCurves(curvesOf(0.9, 0.9), rungs)
    expect(first).toMatchObject({ lower: 4, upper: 12, dropped: false })
    expect(first.rho).toBeGreaterThan(0.7)
  })

  it('stop nothing at a rung that is noise', () => {
    const stop = (others: ReturnType<typeof curvesOf>) =>
      pruners['successive-halving'].verdict({ rungs, number: 99, epoch: 4, curve: [-9, -9, -9, -9, -9], others }, {})
    expect(stop(curvesOf(0.9, 0.9))).toBe('stop')
    expect(stop(curvesOf(0, 0.9))).toBe('continue')
  })
})
