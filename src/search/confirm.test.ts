import { describe, expect, it } from 'vitest'
import { NumpyRandom } from '../base/index.ts'
import { candidateCount, nextRepeat } from './confirm.ts'
import {
  type CompleteTrial,
  confirmationOf,
  confirmationTrainings,
  defineSpace,
  float,
  History,
  type Hyp,
  type NextRequest,
  nextTraining,
  type ProposedTrial,
  type Schedule,
  samplers,
  type Trial,
} from './index.ts'

const base = { attempt: 1, parents: [], mutated: [], metrics: {} } as const
const complete = (number: number, fitness: number, rest: Partial<CompleteTrial> = {}): CompleteTrial => ({
  ...base,
  state: 'complete',
  number,
  fitness,
  hyp: { x: number },
  ...rest,
})

const space = defineSpace({ x: float(0, 1, { default: 0.2 }), y: float(0, 1, { default: 0.2 }) })
const schedule: Schedule = {
  epochs: 27,
  lowest: 3,
  rungs: 'restart',
  pruner: { name: 'none', options: {} },
  confirm: 0.2,
}
const truth = ({ x, y }: Hyp) => -((Number(x) - 0.7) ** 2) - (Number(y) - 0.4) ** 2

type Outcome = (trial: ProposedTrial) => number | 'failed'
const noisy =
  (sigma: number): Outcome =>
  (trial) =>
    truth(trial.hyp) + sigma * new NumpyRandom([trial.number, trial.repetition ?? 0]).normal()

/** Runs a study with so many workers; each proposal is also asked of a history that was read anew. */
function run(target: number, outcome: Outcome, { workers = 1, history = new History(), confirm = 0.2 } = {}): History {
  const told: Trial[] = [...history.ended]
  const running: ProposedTrial[] = []
  for (;;) {
    while (running.length < workers) {
      const request: NextRequest = {
        space,
        sampler: samplers.random as NextRequest['sampler'],
        samplerOptions: {},
        schedule: { ...schedule, confirm },
        history,
        seed: 5,
        number: history.size,
        target,
      }
      const proposal = nextTraining(request)
      const reread = new History([...told, ...running.map((trial) => ({ ...trial, state: 'running' }) as const)])
      expect(nextTraining({ ...request, history: reread })).toEqual(proposal)
      if (!proposal) break
      const trial = { ...base, mutated: [], ...proposal, number: history.size }
      history.set({ ...trial, state: 'running' })
      running.push(trial)
    }
    const trial = running.shift()
    if (!trial) return history
    const result = outcome(trial)
    const ended: Trial =
      result === 'failed'
        ? { ...trial, state: 'failed', failure: 'crash', output: ['x'] }
        : { ...trial, state: 'complete', fitness: result, metrics: {} }
    told.push(ended)
    history.set(ended)
  }
}

const repeatsOf = (history: History) => history.repeats.map(({ repeats, repetition }) => [repeats, repetition])

describe('the confirmation of a search', () => {
  it.each([1, 3, 8])('trains the start and the best again until the target is spent, with %i workers', (workers) => {
    const history = run(40, noisy(0.05), { workers })
    expect([history.searched.length, history.repeats.length]).toEqual([32, 8])
    expect(history.repeats.every(({ fidelity }) => fidelity === 27)).toBe(true)
    for (const { hyp, repeats } of history.repeats) expect(hyp).toEqual(history.get(repeats!)!.hyp)
    const seeds = history.repeats.map(({ repeats, repetition }) => `${repeats} ${repetition}`)
    expect(new Set(seeds).size).toBe(8)
    const { candidates, winner, confirmed } = confirmationOf(history)
    expect(candidates[0].isStart).toBe(true)
    expect(confirmed).toBe(true)
    expect(winner!.repeats.length).toBeGreaterThan(0)
    expect(candidates.reduce((sum, { repeats }) => sum + repeats.length, 0)).toBe(8)
    expect(candidates.reduce((sum, { best }) => sum + best, 0)).toBeCloseTo(1, 2)
  })

  it('needs two trainings at least; with less the search gets all, and the best is shrunken', () => {
    expect([5, 9, 10, 14, 40].map((target) => confirmationTrainings(target, 0.2))).toEqual([0, 0, 2, 2, 8])
    expect([1, 2, 4, 5, 8, 20].map(candidateCount)).toEqual([0, 1, 1, 2, 3, 3])
    const history = run(9, noisy(0.05))
    expect([history.searched.length, history.repeats.length]).toEqual([9, 0])
    const { winner, confirmed, sigma, candidates } = confirmationOf(history)
    expect([confirmed, sigma, candidates.length]).toEqual([false, undefined, 4])
    const [fittest] = history.fittest(1)
    if (!winner!.isStart) expect(winner!.expected).toBeLessThan(fittest.fitness)
    for (const { isStart, shrunken, first } of candidates.slice(1)) {
      expect(isStart).toBe(false)
      expect(shrunken).toBeLessThan(first)
    }
  })

  it('keeps nothing back where the schedule says so', () => {
    expect(run(20, noisy(0.05), { confirm: 0 }).repeats).toEqual([])
  })

  it('goes on with the search when the study is extended, then confirms with what was repeated before', () => {
    const history = run(20, noisy(0.05))
    const before = repeatsOf(history)
    expect(before).toHaveLength(4)
    run(40, noisy(0.05), { history })
    expect([history.searched.length, history.repeats.length]).toEqual([32, 8])
    expect(repeatsOf(history).slice(0, 4)).toEqual(before)
    expect(new Set(repeatsOf(history).map(String)).size).toBe(8)
    const numbers = confirmationOf(history).candidates.map(({ number }) => number)
    for (const [number] of before) expect(numbers).toContain(number)
  })

  it('says when repeats bring exactly the same, and gives the rest of the budget to the search', () => {
    const history = run(40, ({ hyp }) => truth(hyp))
    expect(new Set(history.repeats.map(({ repeats }) => repeats)).size).toBe(2)
    expect(history.repeats).toHaveLength(2)
    expect(history.searched.length + history.repeats.length).toBe(40)
    const { deterministic, sigma, winner, confirmed } = confirmationOf(history)
    expect([deterministic, sigma, confirmed]).toEqual([true, 0, true])
    expect(winner!.number).toBe(history.fittest(1)[0].number)
    expect([winner!.better, winner!.best, winner!.expected]).toEqual([1, 1, winner!.first])
  })

  it('does not try for ever what fails, and does not answer with it', () => {
    const [, best] = run(20, ({ hyp }) => truth(hyp))
      .fittest(2)
      .map(({ number }) => number)
    const history = run(40, (trial) =>
      trial.repeats !== undefined && trial.repeats !== 0 ? 'failed' : noisy(0.01)(trial),
    )
    expect(best).toBeDefined()
    expect(history.repeats).toHaveLength(8)
    const { candidates, winner } = confirmationOf(history, { count: 3 })
    for (const { isStart, failed, isUnreliable } of candidates) {
      if (isStart) continue
      expect(failed).toBeLessThanOrEqual(2)
      expect(isUnreliable).toBe(failed === 2)
    }
    expect(winner!.isStart).toBe(true)
  })

  it('lets go of who cannot be the best any more', () => {
    const history = new History([complete(0, 0), complete(1, 1), complete(2, 0.98), complete(3, 0.96)])
    for (let i = 4; i < 20; i++) history.set(complete(i, -0.5 - i / 20))
    const value = [0, 1, 0.97, 0.3]
    for (let i = 0; i < 12; i++) {
      const repeat = nextRepeat(history, 12)!
      const noise = 0.02 * new NumpyRandom([i]).normal()
      history.set({ ...complete(history.size, value[repeat.repeats!] + noise), ...repeat, mutated: [] })
    }
    expect(nextRepeat(history, 12)).toBeUndefined()
    const given = (number: number) => history.repeats.filter(({ repeats }) => repeats === number).length
    expect([given(0), given(3)]).toEqual([1, 1])
    expect(given(1) + given(2)).toBe(10)
  })

  it('takes the start where nothing is more likely better than not', () => {
    const trials = [complete(0, 0.5), complete(1, 0.52), complete(2, 0.4), complete(3, 0.3), complete(4, 0.2)]
    const repeat = (number: number, repeats: number, fitness: number) =>
      complete(number, fitness, { repeats, repetition: 1 + (number % 2), hyp: { x: repeats } })
    const history = new History([
      ...trials,
      repeat(5, 0, 0.52),
      repeat(6, 0, 0.5),
      repeat(7, 1, 0.49),
      repeat(8, 1, 0.48),
    ])
    const { winner, candidates } = confirmationOf(history)
    expect(winner!.isStart).toBe(true)
    expect(candidates.map(({ number }) => number)).toEqual([0, 1])
    expect(candidates[1].better).toBeLessThan(0.5)
    expect(candidates[0].mean).toBeCloseTo((0.5 + 0.52 + 0.5) / 3)
    expect(candidates[1].mean).toBeCloseTo(0.485)
  })

  it('never answers with what breaks a constraint, not even with the start', () => {
    const trials = [
      complete(0, 0.9, { violation: 1 }),
      complete(1, 0.95, { violation: 0.1 }),
      ...[0.5, 0.4, 0.3, 0.2].map((fitness, i) => complete(2 + i, fitness, { violation: 0 })),
    ]
    const { winner, candidates } = confirmationOf(new History(trials))
    expect(candidates.map(({ number }) => number)).toEqual([0, 2, 3, 4])
    expect(winner!.number).toBe(2)
  })

  it('has an answer without a start, with one trial, with none', () => {
    const failed: Trial = { ...base, state: 'failed', number: 0, hyp: { x: 0 }, failure: 'crash', output: ['x'] }
    const { winner, candidates } = confirmationOf(new History([failed, complete(1, 3), complete(2, 2)]))
    expect([winner!.number, candidates[0].better]).toEqual([1, undefined])
    expect(confirmationOf(new History([complete(0, 1)])).winner!.isStart).toBe(true)
    const nothing = confirmationOf(new History())
    expect([nothing.winner, nothing.confirmed, nothing.candidates]).toEqual([undefined, false, []])
    expect(nextRepeat(new History(), 8)).toBeUndefined()
  })

  it('finds the start where a study began with results from elsewhere', () => {
    const history = new History([0.1, 0.2, 0.5, 0.3, 0.9].map((fitness, i) => complete(i, fitness)))
    const { candidates } = confirmationOf(history, { start: { x: 2 } })
    expect(candidates.map(({ number, isStart }) => [number, isStart])).toEqual([
      [2, true],
      [4, false],
      [3, false],
      [1, false],
    ])
    expect(confirmationOf(history, { start: { x: 77 } }).candidates.some(({ isStart }) => isStart)).toBe(false)
    expect(nextRepeat(history, 2, { x: 2 })).toMatchObject({ repeats: 4, repetition: 1 })
  })

  it('takes the noise from equal hyps of the search only if they had different seeds', () => {
    const trials = [complete(0, 0.5), complete(1, 0.9), complete(2, 0.8), complete(3, 0.7), complete(4, 0.6)]
    const pair = [complete(5, 0.1, { hyp: { x: 9 } }), complete(6, 0.3, { hyp: { x: 9 } })]
    const history = new History([...trials, ...pair])
    expect(confirmationOf(history).sigma).toBeUndefined()
    const { sigma, degreesOfFreedom } = confirmationOf(history, { seedsControlled: false })
    expect([degreesOfFreedom, sigma]).toEqual([1, expect.closeTo(Math.sqrt(0.02))])
  })
})
