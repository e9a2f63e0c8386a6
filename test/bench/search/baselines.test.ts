import { describe, expect, it } from 'vitest'
import { BracketSearch, bracketOf, rungsOf, type Seen } from '../../../bench/search/baselines/brackets.ts'
import { normalCdf, truncatedLogDensity } from '../../../bench/search/baselines/draws.ts'
import { mixtureAt } from '../../../bench/search/baselines/priorband.ts'
import type { Ask, Job, Method, Search, Setting } from '../../../bench/search/method.ts'
import { localMethods } from '../../../bench/search/methods.ts'
import { openScenario } from '../../../bench/search/problems/index.ts'
import { regretAt, simulate } from '../../../bench/search/simulate.ts'
import { UnitCube } from '../../../bench/search/unit-cube.ts'
import { choice, defineSpace, float, type Hyp, integer } from '../../../src/search/index.ts'

const space = defineSpace({
  x: float(0, 1, { default: 0.25 }),
  rate: float(1e-4, 1, { log: true }),
  layers: integer(1, 5),
  kind: choice('a', 'b', 'c'),
  only: float(0, 1, { when: { kind: ['b', 'c'] } }),
})

const setting: Setting = { space, epochs: 27, firstEpoch: 1, workers: 1, budget: 27 * 20, seed: 1 }
const methods = localMethods({ samplers: 's', baselines: 'b' })

describe('rungs and brackets', () => {
  it('lie a factor of three apart, none below a ninth of a full training', () => {
    expect(rungsOf({ epochs: 51, firstEpoch: 2 })).toEqual([6, 17, 51])
    expect(rungsOf({ epochs: 50, firstEpoch: 2 })).toEqual([6, 17, 50])
    expect(rungsOf({ epochs: 27, firstEpoch: 1 })).toEqual([3, 9, 27])
    expect(rungsOf({ epochs: 27, firstEpoch: 9 })).toEqual([9, 27])
    expect(rungsOf({ epochs: 10, firstEpoch: 5 })).toEqual([10])
  })

  it('have the sizes of the reference', () => {
    const sizes = (rungs: number) =>
      Array.from({ length: rungs }, (_, first) => bracketOf(rungs, first).map(({ rung, size }) => [rung, size]))
    expect(sizes(3)).toEqual([
      [
        [0, 9],
        [1, 3],
        [2, 1],
      ],
      [
        [1, 3],
        [2, 1],
      ],
      [[2, 3]],
    ])
    expect(sizes(4).map((bracket) => bracket[0][1])).toEqual([27, 9, 6, 4])
  })
})

describe('the search by brackets', () => {
  /** Asks and tells one after the other; the score is x. */
  function play(search: Search, count: number): Job[] {
    const jobs: Job[] = []
    for (let number = 0; number < count; number++) {
      const job: Job = { ...(search.ask(number, []) as Ask), number }
      jobs.push(job)
      search.tell(job, Number(job.hyp['x']))
    }
    return jobs
  }
  const points = () => {
    let i = 0
    return () => [((i++ * 7) % 23) / 23, 0.5, 0.5, 0.5, 0.5]
  }

  it('trains the default in full, then promotes the best third of each rung', () => {
    const jobs = play(new BracketSearch(setting, points(), { resumes: false }), 18)
    expect(jobs.map(({ epochs }) => epochs)).toEqual([27, ...Array(9).fill(3), 9, 9, 9, 27, 9, 9, 9, 27])
    const at = (list: Job[]) => list.map(({ hyp }) => Number(hyp['x'])).sort((a, b) => b - a)
    expect(at(jobs.slice(10, 13))).toEqual(at(jobs.slice(1, 10)).slice(0, 3))
    expect(at(jobs.slice(13, 14))).toEqual(at(jobs.slice(10, 13)).slice(0, 1))
    expect(jobs.every(({ continues }) => continues === undefined)).toBe(true)
  })

  it('goes on from the rung below where it resumes', () => {
    const jobs = play(new BracketSearch(setting, points(), { resumes: true }), 14)
    for (const job of jobs.slice(10)) {
      expect(jobs[job.continues!].hyp).toEqual(job.hyp)
      expect(jobs[job.continues!].epochs).toBe(job.epochs / 3)
    }
  })

  it('begins the next bracket while a rung has not ended', () => {
    const search = new BracketSearch(setting, points(), { resumes: false })
    const asks = Array.from({ length: 14 }, (_, number) => search.ask(number))
    expect(asks.map(({ epochs }) => epochs)).toEqual([27, ...Array(9).fill(3), 9, 9, 9, 27])
    // the first rung of the first bracket ends: its best three come before anything new
    for (let number = 1; number <= 9; number++) search.tell({ ...asks[number], number }, number)
    expect([14, 15, 16].map((number) => search.ask(number).hyp)).toEqual([9, 8, 7].map((number) => asks[number].hyp))
  })
})

describe('the unit cube', () => {
  it('goes there and back, whole numbers and choices at the middle of their parts', () => {
    const cube = new UnitCube(space)
    const hyp: Hyp = { x: 0.25, rate: 0.01, layers: 5, kind: 'b', only: 0.75 }
    expect(cube.toHyp(cube.toPoint(hyp))).toEqual({ ...hyp, rate: expect.closeTo(0.01, 12) })
    expect(cube.toPoint(hyp)).toEqual([0.25, expect.closeTo(0.5, 12), expect.closeTo(0.9, 12), 0.5, 0.75])
    expect(cube.toHyp([0, 0, 0, 0, 0])).toEqual({ x: 0, rate: expect.closeTo(1e-4, 12), layers: 1, kind: 'a' })
    expect(cube.toHyp([1, 1, 1, 1, 1])).toEqual({ x: 1, rate: 1, layers: 5, kind: 'c', only: 1 })
  })
})

describe('PriorBand', () => {
  const cube = new UnitCube(space)
  const seen = (observed: Seen['observed'], spent: number): Seen => ({
    cube,
    setting,
    rungs: [3, 9, 27],
    observed,
    spent,
  })
  const observation = (point: readonly number[], score: number, job: number) => ({
    point,
    hyp: cube.toHyp(point),
    score,
    job,
  })
  const start = cube.toPoint(space.start)

  it('draws evenly half of the time at the lowest rung and a tenth at the third', () => {
    expect(mixtureAt(0, seen([[], [], []], 0))).toEqual({ uniform: 0.5, prior: 0.5, incumbent: 0 })
    expect(mixtureAt(2, seen([[], [], []], 0))).toEqual({ uniform: 0.1, prior: 0.9, incumbent: 0 })
  })

  it('counts the incumbent once a first bracket is paid and a rung has three results', () => {
    const away = start.map(() => 0.95)
    const rung = [0, 1, 2].map((i) => observation(away, i, i + 1))
    const full = [observation(away, 1, 9)]
    const cost = 9 * 3 + 3 * 6 + 1 * 18
    expect(mixtureAt(0, seen([rung, [], full], cost - 1)).incumbent).toBe(0)
    expect(mixtureAt(0, seen([rung.slice(1), [], full], cost)).incumbent).toBe(0)
    expect(mixtureAt(0, seen([rung, [], []], cost)).incumbent).toBe(0)
    const { uniform, prior, incumbent } = mixtureAt(0, seen([rung, [], full], cost))
    expect(uniform + prior + incumbent).toBeCloseTo(1, 12)
    expect(incumbent).toBeGreaterThan(0.49) // all good ones lie where the incumbent is
    const near = [0, 1, 2].map((i) => observation(start, i, i + 1))
    expect(mixtureAt(0, seen([near, [], full], cost)).prior).toBeGreaterThan(0.49)
  })

  it('knows the density of a cut normal', () => {
    expect(normalCdf(0)).toBeCloseTo(0.5, 6)
    expect(normalCdf(1.96)).toBeCloseTo(0.9750021, 6)
    const steps = 2000
    const mass = Array.from({ length: steps }, (_, i) => Math.exp(truncatedLogDensity((i + 0.5) / steps, 0.1, 0.25)))
    expect(mass.reduce((sum, each) => sum + each) / steps).toBeCloseTo(1, 5)
  })
})

describe('every method', () => {
  const run = async (method: Method, seed: number, workers = 1, budget = 12) => {
    const problem = await (await openScenario('hartmann3-good')).problem('only', 'medium', seed)
    return simulate(problem, method, { budget, workers, seed })
  }

  it.each(methods.map((method) => [method.name, method] as const))(
    '%s repeats itself under one seed',
    async (_, method) => {
      expect(await run(method, 5)).toEqual(await run(method, 5))
      expect((await run(method, 6)).steps).not.toEqual((await run(method, 5)).steps)
    },
  )

  it.each(methods.map((method) => [method.name, method] as const))('%s keeps eight workers busy', async (_, method) => {
    const { spent, time } = await run(method, 5, 8, 40)
    expect(spent).toBeGreaterThan(39) // what does not fit into the rest of a study's budget is not begun
    expect(time).toBeLessThan(9)
  })

  it.each(methods.map((method) => [method.name, method] as const))(
    '%s searches mixed and conditional spaces',
    async (_, method) => {
      const problem = {
        ...{ name: 'mixed', space, epochs: 27, firstEpoch: 1, resumable: true, best: 2, median: 1 },
        regret: (score: number) => 2 - score,
        async train(hyp: Hyp) {
          for (const key of Object.keys(hyp)) expect(space.isActive(key, hyp)).toBe(true)
          const score = Number(hyp['x']) + Number(hyp['only'] ?? 0)
          return { scores: Array.from({ length: 28 }, (__, e) => (score * e) / 27) }
        },
      }
      const { steps } = await simulate(problem, method, { budget: 25, workers: 1, seed: 2 })
      expect(steps.at(-1)!.regret).toBeLessThan(steps[0].regret)
    },
  )

  it('brackets with a prior find better hyps than random ones', async () => {
    const mean = async (name: string) => {
      const method = methods.find((each) => each.name === name)!
      const regrets = []
      for (let seed = 1; seed <= 10; seed++) regrets.push(regretAt((await run(method, seed, 1, 30)).steps, 30, 'spent'))
      return regrets.reduce((sum, each) => sum + each) / regrets.length
    }
    expect(await mean('baseline:priorband')).toBeLessThan(0.8 * (await mean('baseline:random')))
  })
})
