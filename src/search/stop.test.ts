import { describe, expect, it } from 'vitest'
import {
  type CompleteTrial,
  defineSpace,
  float,
  History,
  type NextRequest,
  nextTraining,
  remainingOf,
  type Schedule,
  samplers,
  stopReason,
} from './index.ts'

const schedule: Schedule = {
  epochs: 27,
  lowest: 3,
  rungs: 'restart',
  pruner: { name: 'none', options: {} },
  confirm: 0.2,
  patience: 10,
}
const complete = (number: number, fitness: number, rest: Partial<CompleteTrial> = {}): CompleteTrial => ({
  attempt: 1,
  parents: [],
  mutated: [],
  metrics: {},
  state: 'complete',
  number,
  fitness,
  hyp: { x: number },
  ...rest,
})
const historyOf = (fitnesses: readonly number[]) => new History(fitnesses.map((each, i) => complete(i, each)))
const repeated = (count: number, value: number) => Array.from({ length: count }, (_, i) => value - i / 10)

describe('a search ends', () => {
  it('when its part of the budget is spent', () => {
    const history = historyOf([1, 2, 3, 4, 5, 6, 7, 8])
    expect(stopReason({ history, schedule, target: 11 })).toBeUndefined()
    expect(stopReason({ history, schedule, target: 10 })).toEqual({
      reason: 'budget',
      spent: 8,
      sinceBetter: 0,
      best: 7,
    })
    const short = { ...schedule, pruner: { name: 'hyperband', options: {} } }
    expect(stopReason({ history, schedule: short, target: 8.2 })?.reason).toBeUndefined()
  })

  it('when nothing got better for as long as its patience', () => {
    const before = historyOf([1, 3, ...repeated(9, 2)])
    expect(stopReason({ history: before, schedule, target: 100 })).toBeUndefined()
    const history = historyOf([1, 3, ...repeated(10, 2)])
    const reason = { reason: 'stagnation', spent: 12, sinceBetter: 10, best: 1 }
    expect(stopReason({ history, schedule, target: 100 })).toEqual(reason)
    expect(stopReason({ history, schedule, target: undefined })).toEqual(reason)
    expect(stopReason({ history, schedule: { ...schedule, patience: undefined }, target: 100 })).toBeUndefined()
    expect(stopReason({ history, schedule, target: 100, patienceFrom: 5 })).toBeUndefined()
  })

  it('with the start, if that was never beaten', () => {
    const history = historyOf([3, ...repeated(10, 2)])
    expect(stopReason({ history, schedule, target: 100 })?.reason).toBe('default-wins')
  })

  it('counts epochs, not trials, and nothing that a study was given', () => {
    const history = historyOf([3])
    for (let i = 1; i < 30; i++) history.set({ ...complete(i, 9, { fidelity: 9 }), state: 'pruned', epochs: 9 })
    expect(stopReason({ history, schedule, target: 100 })).toBeUndefined()
    history.set({ ...complete(30, 9, { fidelity: 9 }), state: 'pruned', epochs: 9 })
    expect(stopReason({ history, schedule, target: 100 })?.reason).toBe('default-wins')
    const imported = new History([3, ...repeated(40, 2)].map((each, i) => complete(i, each, { attempt: 0 })))
    expect(stopReason({ history: imported, schedule, target: 100 })).toBeUndefined()
  })

  it('does not take for better what chance explains', () => {
    const history = historyOf([1, 2, ...repeated(9, 0), 2.001])
    expect(stopReason({ history, schedule, target: 100 })?.best).toBe(1)
    const repeats = [2.4, 1.6].map((fitness, i) => complete(12 + i, fitness, { repeats: 1, repetition: 1 + i }))
    const noisy = historyOf([1, 2, ...repeated(9, 0), 2.3])
    expect(stopReason({ history: noisy, schedule, target: 100 })).toBeUndefined()
    for (const repeat of repeats) noisy.set(repeat)
    expect(stopReason({ history: noisy, schedule, target: 100 })?.best).toBe(1)
  })

  it('and until then as much may follow as its target leaves, trainings under way included', () => {
    const history = historyOf([1, 3, 2])
    expect(remainingOf({ history, schedule, target: 20 })).toBe(17)
    history.set({ ...complete(3, 0, { fidelity: 9 }), state: 'running' })
    expect(remainingOf({ history, schedule, target: 20 })).toBe(17)
    history.set({ ...complete(3, 0, { fidelity: 9 }), state: 'pruned', epochs: 9 })
    expect(remainingOf({ history, schedule, target: 20 })).toBeCloseTo(16 + 2 / 3, 9)
    expect(remainingOf({ history, schedule, target: 2 })).toBe(0)
    expect(remainingOf({ history, schedule, target: undefined })).toBeUndefined()
    expect(remainingOf({ history: historyOf([3, ...repeated(10, 2)]), schedule, target: undefined })).toBe(2)
  })

  it('then what is best is confirmed, in proportion to what was spent', () => {
    const space = defineSpace({ x: float(0, 1, { default: 0 }) })
    const history = historyOf([3, 2.9, ...repeated(12, 2)])
    const proposed: (number | undefined)[] = []
    const left: (number | undefined)[] = []
    for (;;) {
      const request: NextRequest = {
        space,
        sampler: samplers.random as NextRequest['sampler'],
        samplerOptions: {},
        schedule,
        history,
        seed: 1,
        number: history.size,
        target: 100,
      }
      left.push(remainingOf({ ...request, schedule }))
      const proposal = nextTraining(request)
      if (!proposal) break
      proposed.push(proposal.repeats)
      const fitness = 2.9 + 0.05 * Math.sin(history.size)
      history.set({ ...complete(history.size, fitness), ...proposal, mutated: [] })
    }
    expect(proposed).toEqual([1, 0, 1]) // a quarter of 14, one hyp beside the start
    expect(left).toEqual([3, 2, 1, 0])
  })
})

describe('short trainings of new hyps', () => {
  const short = { ...schedule, lowest: 9, confirm: 0, patience: undefined, pruner: { name: 'hyperband', options: {} } }
  const space = defineSpace({ x: float(0, 1, { default: 0 }) })

  it.each([
    [1, [27]],
    [2, [27, 27]],
    [2.4, [27, 9, 27]],
    [4.5, [27, 9, 9, 9, 27]],
  ])('are begun while a whole one can follow: %d trainings’ worth', (target, lengths) => {
    const history = new History()
    for (;;) {
      const proposal = nextTraining({
        ...{ space, sampler: samplers.random as NextRequest['sampler'], samplerOptions: {}, schedule: short, history },
        ...{ seed: 1, number: history.size, target },
      })
      if (!proposal) break
      const { fidelity = 27 } = proposal
      const trial = { ...complete(history.size, history.size), ...proposal, mutated: [] }
      history.set(fidelity < 27 ? { ...trial, state: 'pruned', epochs: fidelity } : trial)
    }
    const granted = [...history.ended].map(({ fidelity }) => fidelity)
    expect(granted.slice(0, lengths.length)).toEqual(lengths)
    expect(granted.at(-1)).toBe(27)
  })
})
