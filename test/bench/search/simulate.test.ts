import { describe, expect, it } from 'vitest'
import type { Ask, Job, Method, Search } from '../../../bench/search/method.ts'
import type { Problem } from '../../../bench/search/problem.ts'
import { regretOf } from '../../../bench/search/problem.ts'
import { regretAt, runSeed, simulate } from '../../../bench/search/simulate.ts'
import { reachedAt } from '../../../bench/search/statistics.ts'
import { defineSpace, float } from '../../../src/search/index.ts'

/** Ten epochs; the score is x, reached evenly. A training with `x` takes 1 + x times as long as a typical one. */
function problem(change: Partial<Problem> = {}): Problem {
  return {
    name: 'line',
    space: defineSpace({ x: float(0, 1, { default: 0.5 }) }),
    epochs: 10,
    firstEpoch: 2,
    resumable: true,
    best: 1,
    median: 0.5,
    regret: regretOf(1, 0.5),
    async train(hyp) {
      const x = Number(hyp['x'])
      const epochs = Array.from({ length: 11 }, (_, e) => e)
      return { scores: epochs.map((e) => (x * e) / 10), times: epochs.map((e) => ((1 + x) * e) / 10) }
    },
    ...change,
  }
}

/** Gives out these, then waits; keeps what it was told. */
function scripted(asks: readonly (Ask | undefined)[], more: Partial<Search> = {}) {
  const told: [number: number, score: number, running: number][] = []
  const running: number[][] = []
  const list = [...asks]
  const method: Method = {
    name: 'scripted',
    summary: '',
    version: '1',
    start: () => ({
      ask(_number, jobs) {
        running.push(jobs.map(({ number }) => number))
        return list.shift()
      },
      tell(job: Job, score) {
        told.push([job.number, score, job.epochs])
      },
      ...more,
    }),
  }
  return { method, told, running }
}

const ask = (x: number, epochs: number, continues?: number): Ask => ({
  hyp: { x },
  epochs,
  ...(continues === undefined ? {} : { continues }),
})

describe('the bill', () => {
  it('counts a rung that begins anew in full, and one that goes on by its further epochs', async () => {
    const anew = scripted([ask(0.6, 2), ask(0.6, 6), ask(0.6, 10)])
    expect((await simulate(problem(), anew.method, { budget: 1.8, workers: 1, seed: 1 })).spent).toBeCloseTo(1.8)
    const on = scripted([ask(0.6, 2), ask(0.6, 6, 0), ask(0.6, 10, 1)])
    const run = await simulate(problem(), on.method, { budget: 1, workers: 1, seed: 1 })
    expect([run.spent, run.trainings, run.full]).toEqual([1, 3, 1])
    expect(run.time).toBeCloseTo(1.6) // and takes the time of one training
  })

  it('gives out no more when the budget is given out, and lets the last one end', async () => {
    const { method, told } = scripted([ask(0.1, 10), ask(0.2, 10), ask(0.3, 10)])
    const run = await simulate(problem(), method, { budget: 1.5, workers: 1, seed: 1 })
    expect([told.length, run.spent]).toEqual([2, 2])
  })

  it('counts of a stopped training the epochs that it ran', async () => {
    const seen: number[] = []
    const { method, told } = scripted([ask(0.1, 10), ask(0.9, 10)], {
      report(job, epoch) {
        seen.push(epoch)
        return job.number === 0 && epoch === 4
      },
      stopped: (job, epoch, score) => void told.push([job.number, score, epoch]),
    })
    const run = await simulate(problem(), method, { budget: 1.4, workers: 1, seed: 1 })
    expect(seen).toEqual([2, 3, 4, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(told.map(([number, , epochs]) => [number, epochs])).toEqual([
      [0, 4],
      [1, 10],
    ])
    expect(run.spent).toBeCloseTo(1.4)
  })

  it.each([
    ['a training that is too short', [ask(0.1, 1)], /a training of 1 epochs is none of 2 to 10/],
    ['going on from one that has another hyp', [ask(0.1, 4), ask(0.2, 8, 0)], /cannot go on from 0/],
    ['going on from one that was not shorter', [ask(0.1, 4), ask(0.1, 4, 0)], /cannot go on from 0/],
    ['waiting for nothing', [undefined], /waits although nothing runs/],
  ])('refuses %s', async (_, asks, message) => {
    await expect(simulate(problem(), scripted(asks).method, { budget: 2, workers: 1, seed: 1 })).rejects.toThrow(
      message,
    )
  })

  it('refuses to go on where the problem cannot', async () => {
    const { method } = scripted([ask(0.1, 4), ask(0.1, 8, 0)])
    const run = simulate(problem({ resumable: false }), method, { budget: 2, workers: 1, seed: 1 })
    await expect(run).rejects.toThrow(/cannot go on where others ended/)
  })
})

describe('the clock', () => {
  it('hands the next training to the worker that is free first', async () => {
    // lengths 2, 1.2 and 1.4: worker 2 takes the third at 1.2, which ends at 2.6
    const { method, told, running } = scripted([ask(1, 10), ask(0.2, 10), ask(0.4, 10)])
    const run = await simulate(problem(), method, { budget: 3, workers: 2, seed: 1 })
    expect(told.map(([number]) => number)).toEqual([1, 0, 2])
    expect(running).toEqual([[], [0], [0]])
    expect(run.time).toBeCloseTo(2.6)
    expect(run.steps.map(({ time }) => Number(time.toFixed(6)))).toEqual([0, 1.2, 2])
  })

  it('asks a problem for the epochs that are looked at, and for each of them once', async () => {
    const wanted: (readonly number[])[] = []
    const line = problem()
    const watched = problem({
      train(hyp, epochs) {
        wanted.push(epochs)
        return line.train(hyp, epochs)
      },
    })
    const { method } = scripted([ask(0.6, 2), ask(0.6, 6, 0), ask(0.6, 10, 1)])
    await simulate(watched, method, { budget: 1, workers: 1, seed: 1 })
    expect(wanted).toEqual([[10], [2, 10], [6]])
  })

  it('does not go back where a later epoch has an earlier time', async () => {
    const falling = problem({
      train: async () => ({
        scores: Array.from({ length: 11 }, (_, e) => e),
        times: Array.from({ length: 11 }, (_, e) => (e === 10 ? 0.5 : e / 10)),
      }),
    })
    const { method } = scripted([ask(0.6, 10), ask(0.7, 10)], { report: () => false })
    const run = await simulate(falling, method, { budget: 1, workers: 1, seed: 1 })
    expect(run.time).toBeCloseTo(0.9)
  })

  it('lets a search wait while something runs', async () => {
    const { method, told } = scripted([ask(0.5, 10), undefined, ask(0.6, 10)])
    const run = await simulate(problem(), method, { budget: 2, workers: 2, seed: 1 })
    expect(told.map(([number]) => number)).toEqual([0, 1])
    expect(run.time).toBeCloseTo(1.5 + 1.6)
  })

  it('varies the time by at most 30 % where the problem tells none, the same under one seed', async () => {
    const timeless = problem({ train: async () => ({ scores: Array.from({ length: 11 }, (_, e) => e / 10) }) })
    const asks = Array.from({ length: 50 }, (_, i) => ask(i / 100, 10))
    const timeOf = async (seed: number) =>
      (await simulate(timeless, scripted(asks).method, { budget: 50, workers: 1, seed })).time / 50
    expect(await timeOf(1)).toBe(await timeOf(1))
    expect(await timeOf(1)).not.toBe(await timeOf(2))
    expect(await timeOf(1)).toBeGreaterThan(0.7)
    expect(await timeOf(1)).toBeLessThan(1.3)
  })
})

describe('what would be handed over', () => {
  it('is the default at first, then the best of the longest trainings', async () => {
    const { method } = scripted([ask(0.9, 2), ask(0.7, 4), ask(0.95, 2), ask(0.6, 10), ask(0.8, 4), ask(0.55, 10)])
    const { steps } = await simulate(problem(), method, { budget: 3.2, workers: 1, seed: 1 })
    const shown = steps.map(({ spent, regret }) => [Number(spent.toFixed(6)), Number(regret.toFixed(6))])
    expect(shown).toEqual([
      [0, 1], // the default, 0.5
      [0.2, 0.2], // 0.9 after two epochs
      [0.6, 0.6], // 0.7 after four
      [1.8, 0.8], // 0.6 at full length counts more than all shorter ones
    ])
    expect(regretAt(steps, 0.1, 'spent')).toBe(1)
    expect(regretAt(steps, 0.6, 'spent')).toBeCloseTo(0.6)
    expect(regretAt(steps, 99, 'spent')).toBeCloseTo(0.8)
    expect(reachedAt(steps, 0.8, 'spent')).toBeCloseTo(0.2)
    expect(reachedAt(steps, 0.6, 'spent')).toBeUndefined() // it was handed over for a while only
    expect(reachedAt(steps, 1, 'spent')).toBe(0)
  })

  it('is chosen by what was observed and judged without noise', async () => {
    const noisy = problem({ noise: () => 10 })
    const asks = Array.from({ length: 20 }, (_, i) => ask(i / 20, 10))
    const { method, told } = scripted(asks)
    const { steps } = await simulate(noisy, method, { budget: 20, workers: 1, seed: 3 })
    const [best] = [...told].sort((a, b) => b[1] - a[1])
    expect(steps.at(-1)!.regret).toBeCloseTo((1 - best[0] / 20) / 0.5)
    expect(Math.abs(best[1])).toBeGreaterThan(2)
  })
})

it('gives every task and seed random numbers of its own', () => {
  const seeds = ['3945', '7593', '34539'].flatMap((task) => [1, 2, 3, 11].map((seed) => runSeed(task, seed)))
  expect(new Set(seeds).size).toBe(12)
  expect(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)).toBe(true)
  expect(runSeed('3945', 1)).toBe(seeds[0])
})
