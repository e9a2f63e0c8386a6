// Importance, on functions whose answer is known.
import { describe, expect, it } from 'vitest'
import { randomFor } from '../base/index.ts'
import { choice, defineSpace, float, integer } from './define-space.ts'
import { comparableTrials, importance, type ScoredHyp } from './importance.ts'
import { addProduct, binned, effect, emptyDecomposition, growTree } from './importance-forest.ts'
import { evenDraw } from './samplers/fresh.ts'
import { unitCube } from './samplers/unit-cube.ts'
import type { SearchSpace } from './space.ts'
import type { Trial } from './trial.ts'

function drawn(space: SearchSpace, count: number, score: (hyp: never) => number, noise = 0, seed = 1): ScoredHyp[] {
  const rng = randomFor(seed, 11)
  return Array.from({ length: count }, (_, number) => {
    const hyp = space.toHyp(evenDraw(space, rng))
    return { number, hyp, score: score(hyp as never) + noise * rng.numpy.normal() }
  })
}

const cube = (keys: readonly string[]) => defineSpace(Object.fromEntries(keys.map((key) => [key, float(0, 1)])))

describe('the parts of a tree', () => {
  const space = defineSpace({ x: float(0, 1), n: integer(1, 4), c: choice('a', 'b', 'c') })
  const { axes } = unitCube(space)
  const trials = drawn(space, 90, ({ x, n, c }: { x: number; n: number; c: string }) => x * n + (c === 'b' ? 2 : 0))
  const columns = axes.map((_, a) => Float64Array.from(trials, ({ hyp }) => unitCube(space).toPositions(hyp)[a]!))
  const sample = binned({ axes, columns, targets: Float64Array.from(trials, ({ score }) => score) })
  const rows = Uint32Array.from(trials.keys())
  const [f, g] = [growTree(sample, rows, randomFor(1, 1)), growTree(sample, rows, randomFor(1, 2))]

  it('are those of sums over a fine grid', () => {
    // Cells of whole numbers and choices are met exactly; along x the grid is as fine as needed for three digits.
    const steps = 400
    const grid = axes.map((axis, a) =>
      axis.kind === 'choice'
        ? [0, 1, 2]
        : a === 1
          ? [1 / 8, 3 / 8, 5 / 8, 7 / 8]
          : Array.from({ length: steps }, (_, i) => (i + 0.5) / steps),
    )
    const values = (tree: typeof f) => {
      const at = (point: readonly number[]) => {
        const leaf = tree.leaves.find(({ sides }) =>
          sides.every(({ axis, from, to, places }) =>
            places ? places[point[axis]!] === 1 : point[axis]! > from && point[axis]! <= to,
          ),
        )
        return leaf!.value
      }
      return grid[0]!.map((x) => grid[1]!.map((n) => grid[2]!.map((c) => at([x, n, c]))))
    }
    const [u, v] = [values(f), values(g)]
    const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length
    const marginal = (table: number[][][], axis: number) =>
      grid[axis]!.map((_, i) =>
        mean(
          axis === 0
            ? table[i]!.flat()
            : axis === 1
              ? table.flatMap((n) => n[i]!)
              : table.flatMap((n) => n.map((c) => c[i]!)),
        ),
      )
    const product = (a: readonly number[], b: readonly number[]) => mean(a.map((x, i) => x * b[i]!)) - mean(a) * mean(b)
    const parts = emptyDecomposition(3)
    addProduct(parts, f, g)
    expect(parts.whole).toBeCloseTo(product(u.flat(2), v.flat(2)), 2)
    for (const a of [0, 1, 2]) {
      expect(parts.single[a]).toBeCloseTo(product(marginal(u, a), marginal(v, a)), 2)
      for (const [i, y] of effect(f, a, grid[a]!).entries()) expect(y).toBeCloseTo(marginal(u, a)[i]!, 2)
    }
    const pair = (table: number[][][]) => table.flatMap((n) => n.map(mean))
    expect(parts.pairs[1]).toBeCloseTo(product(pair(u), pair(v)) - parts.single[0]! - parts.single[1]!, 2)
    const withoutX = (table: number[][][]) =>
      grid[1]!.flatMap((_, n) => grid[2]!.map((_c, c) => mean(table.map((x) => x[n]![c]!))))
    expect(parts.total[0]).toBeCloseTo(parts.whole - product(withoutX(u), withoutX(v)), 2)
  })

  it('divide its variance among all sets of axes', () => {
    const parts = emptyDecomposition(3)
    addProduct(parts, f, f)
    const [x, n, c] = parts.single as unknown as [number, number, number]
    const pairs = parts.pairs[1]! + parts.pairs[2]! + parts.pairs[5]!
    const three = parts.whole - x - n - c - pairs
    expect(three).toBeGreaterThan(-1e-9)
    expect(parts.total[0]).toBeCloseTo(x + parts.pairs[1]! + parts.pairs[2]! + three, 9)
  })
})

describe('importance', () => {
  it('finds the shares of a sum', () => {
    // Variances 4/12, 1/12 and 0.25/12 of two, one and a half times a uniform number.
    const space = cube(['a', 'b', 'c', 'd', 'e'])
    const trials = drawn(space, 200, ({ a, b, c }: Record<string, number>) => 2 * a! + b! + 0.5 * c!, 0.1)
    const { keys, pairs, explained, constant } = importance(space, trials)
    expect(explained).toBeGreaterThan(0.8)
    expect(keys.slice(0, 3).map(({ key }) => key)).toEqual(['a', 'b', 'c'])
    expect(keys[0]!.importance).toBeGreaterThan(0.7)
    expect(keys[1]!.importance).toBeGreaterThan(0.1)
    expect(keys[1]!.importance).toBeLessThan(0.25)
    expect(keys.slice(0, 2).map(({ distinguishable }) => distinguishable)).toEqual([true, true])
    for (const { key, importance: share, total } of keys)
      if ('de'.includes(key)) expect(share + total).toBeLessThan(0.02)
    expect(pairs.every(({ importance: share }) => share < 0.02)).toBe(true)
    const { effect: rising } = keys[0]!
    expect(rising[0]!.mean).toBeLessThan(rising.at(-1)!.mean - 1)
    expect(rising.map(({ value }) => value as number)).toEqual(
      [...rising.map(({ value }) => value as number)].sort((p, q) => p - q),
    )
    expect(constant).toEqual([])
  })

  it('finds what two do in concert', () => {
    const space = cube(['a', 'b', 'c'])
    const bump = ({ a, b }: Record<string, number>) => Math.exp(-((a! - 0.3) ** 2 + (b! - 0.7) ** 2) / 0.08)
    const { pairs, keys } = importance(space, drawn(space, 150, bump, 0.03))
    expect([...pairs[0]!.keys].sort()).toEqual(['a', 'b'])
    expect(pairs[0]!.distinguishable).toBe(true)
    expect(keys.find(({ key }) => key === 'a')!.total).toBeGreaterThan(keys.find(({ key }) => key === 'a')!.importance)
    expect(keys.find(({ key }) => key === 'c')!.distinguishable).toBe(false)
  })

  it('sees choices, whole numbers and what exists under a condition', () => {
    const space = defineSpace({
      kind: choice('a', 'b', 'c'),
      layers: integer(1, 6),
      onlyA: float(0, 1, { when: { kind: ['a'] } }),
      idle: float(0, 1, { when: { kind: ['b', 'c'] } }),
    })
    const score = ({ kind, layers, onlyA = 0 }: { kind: string; layers: number; onlyA?: number }) =>
      (kind === 'b' ? 2 : 0) + 0.2 * layers + onlyA
    const { keys } = importance(space, drawn(space, 150, score, 0.05))
    const of = (key: string) => keys.find((each) => each.key === key)!
    expect(keys[0]!.key).toBe('kind')
    expect(of('layers').distinguishable).toBe(true)
    expect(of('layers').effect.map(({ value }) => value)).toEqual([1, 2, 3, 4, 5, 6])
    // It says nothing by being there: that is the merit of the condition.
    expect(of('idle').total).toBeLessThan(0.02)
    expect(of('idle').trials).toBeLessThan(150)
    expect(of('kind').effect.map(({ value }) => value)).toEqual(['a', 'b', 'c'])
  })

  it('sees where a number that may be zero is zero', () => {
    const space = defineSpace({ mixup: float(0, 1, { default: 0 }), x: float(0, 1) })
    const trials = drawn(space, 60, ({ mixup }: { mixup: number }) => (mixup > 0.3 ? 1 : 0))
    const zeros = trials.map((trial, i) =>
      i % 3 === 0 ? { ...trial, hyp: { ...trial.hyp, mixup: 0 }, score: 3 } : trial,
    )
    const { effect: curve } = importance(space, zeros).keys[0]!
    expect(curve[0]).toMatchObject({ value: 0 })
    expect(curve[0]!.mean).toBeGreaterThan(2)
    expect(curve[2]!.mean).toBeLessThan(1.5)
  })

  it('tells nothing from nothing, by either method', () => {
    const space = cube(['a', 'b', 'c', 'd'])
    const trials = drawn(space, 60, () => 0, 1, 4)
    for (const method of ['fanova', 'ped-anova'] as const) {
      const { keys, explained } = importance(space, trials, { method })
      expect(explained).toBeLessThan(0.1)
      expect(keys.filter(({ distinguishable }) => distinguishable).length).toBeLessThanOrEqual(1)
    }
    const { keys } = importance(
      space,
      drawn(space, 30, () => 1),
    )
    expect(keys.every((key) => key.importance === 0 && !key.distinguishable)).toBe(true)
  })

  it('by density: what sets the best quarter apart', () => {
    const space = cube(['a', 'b', 'c'])
    const trials = drawn(space, 80, ({ a, b }: Record<string, number>) => -Math.abs(a! - 0.7) - 0.2 * b!, 0.02)
    const { keys, pairs, method } = importance(space, trials, { method: 'ped-anova' })
    expect(method).toBe('ped-anova')
    expect(keys[0]).toMatchObject({ key: 'a', distinguishable: true })
    expect(keys.reduce((sum, { importance: share }) => sum + share, 0)).toBeCloseTo(1, 9)
    expect(pairs).toEqual([])
  })

  it('repeats, and names what never moved; a few ruined trials do not outshine the rest', () => {
    const space = cube(['a', 'b'])
    const trials = drawn(space, 40, ({ a }: Record<string, number>) => a!).map((trial, i) => ({
      ...trial,
      hyp: { ...trial.hyp, b: 0.5 },
      score: i === 7 ? -1000 : trial.score,
    }))
    const first = importance(space, trials)
    expect(importance(space, trials)).toEqual(first)
    expect(first.constant).toEqual(['b'])
    expect(first.keys[0]!.importance).toBeGreaterThan(0.9)
    expect(first.floor).toBeGreaterThan(-10)
  })
})

describe('trials that can be compared', () => {
  const trial = (number: number, epochs?: number): Trial => ({
    ...{
      number,
      hyp: { x: number },
      parents: [],
      mutated: [],
      attempt: 1,
      metrics: { loss: number },
      fitness: -number,
    },
    ...(epochs === undefined ? { state: 'complete' } : { state: 'pruned', epochs }),
  })
  const many = (count: number, from: number, epochs?: number) =>
    Array.from({ length: count }, (_, i) => trial(from + i, epochs))

  it('are full trainings where there are enough', () => {
    const chosen = comparableTrials([...many(40, 100, 3), ...many(20, 0)])
    expect(chosen).toMatchObject({ epochs: undefined, full: 20 })
    expect(chosen.trials).toHaveLength(20)
    expect(chosen.trials[3]).toEqual({ number: 3, hyp: { x: 3 }, score: -3 })
  })

  it('else those of the length that most have, never of two lengths', () => {
    const chosen = comparableTrials([...many(19, 0), ...many(30, 100, 3), ...many(22, 200, 9)])
    expect(chosen).toMatchObject({ epochs: 3, full: 19 })
    expect(chosen.trials.map(({ number }) => number)).toEqual(many(30, 100).map(({ number }) => number))
    expect(comparableTrials([...many(7, 0), ...many(9, 20, 3)]).trials).toHaveLength(7)
  })

  it('are no repeats and no failures, with a score of one’s own if wanted', () => {
    const repeat = { ...trial(1), repeats: 0, repetition: 1 } as Trial
    const failed: Trial = { ...trial(2), state: 'failed', failure: 'crash', output: ['?'] } as Trial
    const { trials } = comparableTrials([trial(0), repeat, failed, trial(3)], ({ metrics }) => metrics['loss']!)
    expect(trials.map(({ score }) => score)).toEqual([0, 3])
  })
})
