import { describe, expect, it } from 'vitest'
import type { Job, Setting } from '../../../bench/search/method.ts'
import { combinedMethod } from '../../../bench/search/methods.ts'
import type { Problem } from '../../../bench/search/problem.ts'
import { regretOf } from '../../../bench/search/problem.ts'
import { parseCombination, samplerSearch } from '../../../bench/search/sampler-method.ts'
import { simulate } from '../../../bench/search/simulate.ts'
import { defineSpace, float } from '../../../src/search/index.ts'

/** Straight learning curves that do not cross; the best x is .8. */
function problem(epochs: number): Problem {
  return {
    name: 'hill',
    space: defineSpace({ x: float(0, 1, { default: 0.1 }), y: float(0, 1, { default: 0.5 }) }),
    epochs,
    firstEpoch: 2,
    resumable: true,
    best: 1,
    median: 0.5,
    regret: regretOf(1, 0.5),
    async train({ x }) {
      const worth = 1 - Math.abs(Number(x) - 0.8)
      return { scores: Array.from({ length: epochs + 1 }, (_, e) => (worth * e) / epochs) }
    },
  }
}

const versions = { samplers: '1', baselines: '1' }

/** Lengths of all trainings that ended, and how many were stopped. */
async function lengthsOf(name: string, { epochs = 51, budget = 12, workers = 1 } = {}) {
  const method = combinedMethod(name, versions)
  if (typeof method === 'string') throw new Error(method)
  const ended: number[] = []
  let stopped = 0
  const run = await simulate(
    problem(epochs),
    {
      ...method,
      async start(setting: Setting) {
        const search = await method.start(setting)
        return {
          ...search,
          tell(job: Job, score: number) {
            ended.push(job.epochs)
            return search.tell(job, score)
          },
          ...(search.stopped && {
            stopped(job: Job, epoch: number, score: number) {
              stopped++
              ended.push(epoch)
              return search.stopped!(job, epoch, score)
            },
          }),
        }
      },
    },
    { budget, workers, seed: 1 },
  )
  return { ended, stopped, run }
}

describe('a sampler with a pruner', () => {
  it('trains at R / 9, R / 3 and R, also where R is no multiple of nine', async () => {
    const { ended, stopped, run } = await lengthsOf('random+hyperband')
    expect(new Set(ended)).toEqual(new Set([6, 17, 51]))
    expect([ended[0], stopped]).toEqual([51, 0])
    expect(run.spent).toBeLessThanOrEqual(12)
    expect(run.spent).toBeGreaterThan(11)
  })

  it('trains in full without one', async () => {
    const { ended } = await lengthsOf('random+none')
    expect(ended).toEqual(Array.from({ length: 12 }, () => 51))
  })

  it('stops trainings in their course, and bills what they ran', async () => {
    const { ended, stopped, run } = await lengthsOf('random+successive-halving:stop', { budget: 20 })
    expect(stopped).toBeGreaterThan(5)
    expect(ended.length).toBeGreaterThan(20)
    expect(run.spent).toBeCloseTo(ended.reduce((sum, epochs) => sum + epochs / 51, 0))
    expect(run.spent).toBeLessThanOrEqual(20)
  })

  it('spends its budget with many workers too', async () => {
    for (const name of ['random+hyperband:async', 'random+successive-halving:stop']) {
      const { run } = await lengthsOf(name, { budget: 20, workers: 8 })
      expect(run.spent).toBeLessThanOrEqual(20 + 1e-9)
      expect(run.spent).toBeGreaterThan(19)
    }
  })

  it('is a row that is ranked only if it begins anew', () => {
    const [anew, stops] = ['tpe+hyperband', 'tpe+hyperband:stop'].map((name) => combinedMethod(name, versions))
    expect(anew).toMatchObject({ name: 'tpe+hyperband', resumes: false })
    expect(stops).toMatchObject({ name: 'tpe+hyperband:stop', resumes: true })
  })
})

describe('names of combinations', () => {
  it('say sampler, pruner, its mode and whether it stops', () => {
    expect(parseCombination('tpe+hyperband:async:stop')).toEqual({
      name: 'tpe+hyperband:async:stop',
      sampler: 'tpe',
      pruner: { name: 'hyperband', options: { mode: 'async' } },
      rungs: 'stop',
    })
  })

  it.each([
    ['tpee+hyperband', /no sampler is called tpee/],
    ['tpe+hyper', /no pruner is called hyper/],
    ['tpe+hyperband+median', /no pruner is called hyperband\+median/],
    ['tpe+hyperband:fast', /hyperband has no mode fast/],
    ['tpe+none:async', /none has no mode async/],
  ])('%s is refused', (text, why) => expect(parseCombination(text)).toMatch(why))
})

it('asks a sampler with the pruner that goes with it', () => {
  const { space, epochs, firstEpoch } = problem(51)
  const setting = { space, epochs, firstEpoch, workers: 1, budget: 510, seed: 1 }
  const search = samplerSearch({ sampler: 'priorband' }, setting)
  const first = search.ask(0, []) as Job
  expect(first).toEqual({ hyp: space.start, epochs: 51 })
  search.tell({ ...first, number: 0 }, 0.3)
  expect((search.ask(1, []) as Job).epochs).toBe(6)
})
