import { describe, expect, it } from 'vitest'
import { NumpyRandom } from '../base/index.ts'
import { confirmationOf, nextRepeat } from './confirm.ts'
import { History } from './index.ts'
import { compare, noiseOf, spreadOf } from './noise.ts'

describe('noise', () => {
  it('is pooled over what was repeated', () => {
    expect(noiseOf([[1, 3], [5], [2, 2, 5]])).toEqual({ sigma: Math.sqrt((2 + 6) / 3), degreesOfFreedom: 3 })
    expect(noiseOf([[1], [2]])).toEqual({ sigma: undefined, degreesOfFreedom: 0 })
  })

  it('is looked for in the better half of all results', () => {
    expect(spreadOf([0, 1, 2])).toBeUndefined()
    expect(spreadOf([4, -100, 2, 3, 1])).toEqual({ center: 2, sd: Math.sqrt((4 + 1) / 2), count: 5 })
  })
})

describe('a comparison', () => {
  // SciPy 1.15: scipy.stats.t.cdf(difference / (s sqrt(2 / n)), 2 (n - 1))
  it('follows the t distribution where nothing but the repeats is known', () => {
    const values = [0.1, 0.4, 0.2, 0.5]
    const [, other] = compare([{ values }, { values: values.map((value) => value + 0.2) }], { reference: 0 })
    expect(other.better).toBeCloseTo(0.9156, 2) // t = 1.549 with 6 degrees of freedom
    const [two] = compare([{ values: [1, 2, 4] }])
    const half = (4.302653 * Math.sqrt(7 / 3)) / Math.sqrt(3)
    expect((two.interval[1] - two.interval[0]) / 2 / half).toBeCloseTo(1, 1)
    expect(two.mean).toBeCloseTo(7 / 3)
  })

  it('shrinks what was selected, and less so with every repeat', () => {
    const spread = { center: 0, sd: 1, count: 40 }
    const others = [
      [0, 1],
      [3, 2],
      [5, 6],
      [8, 8.5],
    ]
    const means = [0, 1, 4, 16].map(
      (n) => compare([{ values: Array(n).fill(2), selected: 2 }], { spread, others })[0].mean,
    )
    expect(means.slice(1).every((mean, i) => mean > means[i])).toBe(true)
    expect(means[0]).toBeGreaterThan(0.5)
    expect(means[3]).toBeLessThan(2)
    expect(means[3]).toBeGreaterThan(1.8)
  })
})

const base = { attempt: 1, parents: [], mutated: [], metrics: {}, state: 'complete' } as const

/** A study whose truth is known: results of full length, then a confirmation of so many trainings. */
function study(truths: readonly number[], sigma: number, trainings: number, random: NumpyRandom): History {
  const history = new History()
  const measure = (number: number) => truths[number] + sigma * random.normal()
  for (const number of truths.keys()) history.set({ ...base, number, hyp: { x: number }, fitness: measure(number) })
  for (;;) {
    const repeat = nextRepeat(history, trainings)
    if (!repeat) return history
    history.set({ ...base, ...repeat, mutated: [], number: history.size, fitness: measure(repeat.repeats!) })
  }
}

/** A start that is good, and hyps of which few are better. */
const populations: Record<string, (random: NumpyRandom) => number[]> = {
  normal: (random) => [random.normal(1, 0.3), ...Array.from({ length: 23 }, () => random.normal())],
  'many bad ones': (random) => [
    -0.16 - 0.2 * random.random(),
    ...Array.from({ length: 23 }, () => Math.log(1 - random.random())),
  ],
  'a search that gets better': (random) => {
    const truths = [random.normal(0.5, 0.5)]
    while (truths.length < 24) truths.push(Math.max(...truths) + random.normal(-0.5, 0.5))
    return truths
  },
}

describe('over many studies with a known truth', () => {
  const each = 80
  const noise = [0.3, 1]
  const runs = Object.values(populations).flatMap((population, kind) =>
    noise.flatMap((sigma) =>
      Array.from({ length: each }, (_, seed) => {
        const random = new NumpyRandom([seed, kind, 10 * sigma])
        const truths = population(random)
        const history = study(truths, sigma, 8, random)
        return { truths, sigma, history, confirmation: confirmationOf(history) }
      }),
    ),
  )
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

  it('the answer is not too good, as the best of the search is', () => {
    const bias = runs.map(
      ({ truths, sigma, confirmation: { winner } }) => (winner!.expected - truths[winner!.number]) / sigma,
    )
    const naive = runs.map(({ truths, sigma, history }) => {
      const [{ number, fitness }] = history.fittest(1)
      return (fitness - truths[number]) / sigma
    })
    expect(mean(naive)).toBeGreaterThan(1)
    expect(Math.abs(mean(bias))).toBeLessThan(0.15)
  })

  it('probabilities are what they say', () => {
    const said = runs.flatMap(({ truths, confirmation }) =>
      confirmation.candidates.flatMap(({ number, better }) =>
        better === undefined ? [] : [{ better, isTrue: truths[number] > truths[0] }],
      ),
    )
    for (const [low, high] of [
      [0, 0.25],
      [0.25, 0.5],
      [0.5, 0.75],
      [0.75, 1.01],
    ]) {
      const some = said.filter(({ better }) => better >= low && better < high)
      const [claimed, found] = [mean(some.map(({ better }) => better)), mean(some.map(({ isTrue }) => Number(isTrue)))]
      expect(Math.abs(found - claimed)).toBeLessThan(0.16)
    }
    const inside = runs.map(({ truths, confirmation: { winner } }) =>
      Number(truths[winner!.number] >= winner!.interval[0] && truths[winner!.number] <= winner!.interval[1]),
    )
    expect(mean(inside)).toBeGreaterThan(0.88)
  })

  it('the answer is better than the best of the search', () => {
    const gain = runs.map(({ truths, sigma, history, confirmation: { winner } }) => {
      return (truths[winner!.number] - truths[history.fittest(1)[0].number]) / sigma
    })
    expect(mean(gain)).toBeGreaterThan(0)
  })

  it('the start is the answer where nothing is better', () => {
    const starts = Array.from({ length: each }, (_, seed) => {
      const random = new NumpyRandom([seed, 77])
      const truths = [1, ...Array.from({ length: 23 }, () => 1 - 1.5 - 2 * random.random())]
      return Number(confirmationOf(study(truths, 1, 8, random)).winner!.isStart)
    })
    expect(mean(starts)).toBeGreaterThan(0.9)
  })
})
