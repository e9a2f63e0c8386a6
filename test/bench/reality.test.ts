import { describe, expect, it } from 'vitest'
import { trialsOf } from '../../bench/reality/search.ts'
import { curveOf, incumbentsOf, meanWorthAt, neededFor, worthAt } from '../../bench/reality/summary.ts'
import { type Line, space } from '../../bench/reality/trainings.ts'

const full = 36

/** A trial whose hyp is told from others by its momentum. */
const line = (
  run: string,
  number: number,
  epochs: number,
  fitness: number | null,
  momentum = 0.7 + number / 100,
): Line => ({
  ...{ settings: 's', run, number, epochs, fitness, seed: 1 },
  values: space.toValues({ ...space.start, momentum }) as number[],
})
const momentumOf = (hyp: Readonly<Record<string, unknown>>) => Number(hyp['momentum'])

describe('the bests of a search', () => {
  it('are those at full length, with what was spent until then', () => {
    const trials = [line('m/1', 0, 36, 0.1), line('m/1', 1, 12, 0.9), line('m/1', 2, 36, null), line('m/1', 3, 36, 0.3)]
    const found = incumbentsOf([...trials, line('m/1', 4, 36, 0.2)], full)
    expect(found.map(({ spent, observed }) => [Number(spent.toFixed(3)), observed])).toEqual([
      [1, 0.1],
      [3.333, 0.3],
    ])
  })

  it('are read from the newest lines where a search was made anew', () => {
    const lines = [line('m/1', 0, 36, 0.1), line('m/1', 1, 36, 0.2), line('m/2', 0, 36, 0.5), line('m/1', 2, 36, 0.3)]
    const anew = [...lines, line('m/1', 1, 12, 0.4)]
    expect(trialsOf(lines, 'm/1').map(({ fitness }) => fitness)).toEqual([0.1, 0.2, 0.3])
    expect(trialsOf(anew, 'm/1').map(({ fitness }) => fitness)).toEqual([0.1, 0.4])
  })
})

describe('what a search is worth', () => {
  /** Confirmed: the momentum itself. */
  const search = (method: string, seed: number, momenta: readonly number[]) => {
    const lines = momenta.map((momentum, i) => line(`${method}/${seed}`, i, 36, i, momentum))
    return curveOf(lines, method, seed, full, (hyp) => momentumOf(hyp))
  }

  it('is what its hyp has in other trainings, and nothing before it has spent so much', () => {
    const curve = search('m', 1, [0.7, 0.8, 0.75])
    expect([1, 2, 3].map((budget) => worthAt(curve, budget))).toEqual([0.7, 0.8, 0.75])
    expect(worthAt(curve, 5)).toBeUndefined()
    expect(meanWorthAt([curve, search('m', 2, [0.7, 0.7])], 2)).toBeCloseTo(0.75)
    expect(meanWorthAt([curve, search('m', 2, [0.7])], 3)).toBeUndefined()
  })

  it('is compared by what is needed for the end of others, with an interval', () => {
    const classic = [0.8, 0.81, 0.82].map((end, i) => search('classic', i, [0.7, 0.7, 0.7, end]))
    const fast = [1, 2, 3].map((seed) => search('auto', seed, [0.7, 0.85, 0.85, 0.85]))
    expect(neededFor(fast, classic, 4, [1, 2, 3, 4])).toMatchObject({ budget: 2, interval: [2, 2] })
    const slow = [1, 2, 3].map((seed) => search('auto', seed, [0.7, 0.7, 0.7, 0.7]))
    expect(neededFor(slow, classic, 4, [1, 2, 3, 4])?.budget).toBe(Infinity)
    expect(neededFor(fast, [search('classic', 1, [0.7])], 4, [1, 2, 3, 4])).toBeUndefined() // not there yet
  })
})
