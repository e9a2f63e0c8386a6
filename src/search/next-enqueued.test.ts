// Hyps that wait to be tried before the sampler's own.
import { describe, expect, it } from 'vitest'
import { defineSpace, float, integer } from './define-space.ts'
import { History } from './history.ts'
import type { Hyp } from './hyp.ts'
import { nextTraining } from './next.ts'
import type { Sampler } from './sampler.ts'
import { samplers } from './samplers/index.ts'
import type { Schedule } from './schedule.ts'
import type { Trial } from './trial.ts'

const space = defineSpace({ x: float(0, 1, { default: 0.5 }), n: integer(1, 9) })
const sampler = samplers.random as Sampler<unknown>
const schedule: Schedule = {
  epochs: 90,
  lowest: 10,
  rungs: 'restart',
  pruner: { name: 'hyperband', options: {} },
  confirm: 0,
}
const enqueued: Hyp[] = [
  { x: 0.25, n: 3 },
  { x: 7, n: 20 },
]
const base = { space, sampler, samplerOptions: sampler.options.parse({}), seed: 5, target: 20 }
const trial = (number: number, hyp: Hyp, epochs?: number): Trial => ({
  ...{ number, hyp, parents: [], mutated: [], attempt: 1, metrics: {}, fitness: number },
  ...(epochs === undefined || epochs === 90 ? { state: 'complete' } : { state: 'pruned', epochs }),
})

describe('enqueued hyps', () => {
  it('come after the start and before what the sampler proposes, within the bounds', () => {
    const history = new History()
    const hyps = [0, 1, 2, 3].map((number) => {
      const { hyp } = nextTraining({ ...base, history, number, enqueued })!
      history.set(trial(number, hyp))
      return hyp
    })
    expect(hyps.slice(0, 3)).toEqual([space.start, { x: 0.25, n: 3 }, { x: 1, n: 9 }])
    const { hyp } = nextTraining({ ...base, history: new History([0, 1, 2].map((n) => trial(n, hyps[n]))), number: 3 })!
    expect(hyps[3]).toEqual(hyp) // as if there had been no others
  })

  it('get the rung that the pruner grants, and its promotions go on', () => {
    const history = new History()
    const granted: (number | undefined)[] = []
    const hyps: Hyp[] = []
    for (let number = 0; number < 12; number++) {
      const { hyp, fidelity, continues } = nextTraining({ ...base, schedule, history, number, enqueued })!
      const alone = nextTraining({ ...base, schedule, history, number })!
      expect(fidelity).toBe(alone.fidelity)
      expect(continues).toBe(alone.continues)
      granted.push(fidelity)
      hyps.push(hyp)
      history.set(trial(number, hyp, fidelity))
    }
    expect(granted[0]).toBe(90)
    expect(hyps.slice(0, 3)).toEqual([space.start, { x: 0.25, n: 3 }, { x: 1, n: 9 }])
  })

  it('are tried once, also by several at once', () => {
    const history = new History([trial(0, space.start)])
    history.set({ number: 1, hyp: { x: 0.25, n: 3 }, parents: [], mutated: [], attempt: 1, state: 'running' })
    expect(nextTraining({ ...base, history, number: 2, enqueued })!.hyp).toEqual({ x: 1, n: 9 })
  })

  it('train the start at full length where it is among them', () => {
    const history = new History([trial(0, { x: 0.1, n: 2 }), trial(1, { x: 0.2, n: 2 })])
    const next = nextTraining({ ...base, schedule, history, number: 2, enqueued: [space.start, ...enqueued] })!
    expect(next).toMatchObject({ hyp: space.start, fidelity: 90 })
  })
})
