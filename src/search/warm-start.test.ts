// What a search takes over from an earlier one.
import { describe, expect, it } from 'vitest'
import { choice, defineSpace, fixed, float, integer } from './define-space.ts'
import { History } from './history.ts'
import type { Hyp } from './hyp.ts'
import { nextTraining } from './next.ts'
import type { Sampler } from './sampler.ts'
import { samplers } from './samplers/index.ts'
import { mappedHyp, type WarmStartRequest, warmStart } from './warm-start.ts'

const space = defineSpace({
  lr: float(0.001, 0.1, { log: true, default: 0.01 }),
  box: float(0, 1, { default: 0.05 }),
  layers: integer(1, 4, { default: 2 }),
  optimizer: choice('sgd', 'adam'),
  momentum: float(0.5, 0.99, { default: 0.9, when: { optimizer: ['sgd'] } }),
  batch: fixed(16),
})
const whole: Hyp = { lr: 0.02, box: 0.1, layers: 3, optimizer: 'sgd', momentum: 0.8, batch: 16 }

const request = (hyps: readonly Hyp[], differs?: string): WarmStartRequest => ({
  space,
  source: 'runs/evolve/exp',
  trials: hyps.map((hyp, i) => ({ hyp, fitness: i / 100, metrics: { mAP50: i / 100 } })),
  ranked: hyps.map((hyp, number) => ({ number, hyp, score: number / 100 })),
  differs,
})

describe('a hyp of another search', () => {
  it('is taken over exactly where it fits', () => {
    const none = { clipped: new Map(), missing: [], ignored: [] }
    expect(mappedHyp(space, whole)).toEqual({ hyp: whole, exact: true, ...none })
    const adam: Hyp = { batch: 16, optimizer: 'adam', layers: 1, box: 0.3, lr: 0.05 }
    expect(mappedHyp(space, adam)).toEqual({ hyp: adam, exact: true, ...none })
  })

  it('is brought within the bounds; keys go by name, what is missing is as at the start', () => {
    const { hyp, exact, clipped, missing, ignored } = mappedHyp(space, {
      lr: 0.5,
      giou: 0.2,
      hsv_h: 0.1,
      optimizer: 'lion',
    })
    expect(hyp).toEqual({ lr: 0.1, box: 0.2, layers: 2, optimizer: 'sgd', momentum: 0.9, batch: 16 })
    expect(exact).toBe(false)
    expect([...clipped]).toEqual([['lr', [0.5, 0.1]]])
    expect(missing).toEqual(['layers', 'optimizer', 'momentum', 'batch'])
    expect(ignored).toEqual(['hsv_h'])
  })

  it('is another training if a fixed value was another, or a number is none', () => {
    expect(mappedHyp(space, { ...whole, batch: 8 })).toMatchObject({ hyp: whole, exact: false })
    expect(mappedHyp(space, { ...whole, lr: Number.NaN })).toMatchObject({ exact: false, missing: ['lr'] })
    expect(mappedHyp(space, { ...whole, optimizer: 'adam' })).toMatchObject({ exact: false }) // had a momentum
  })
})

describe('a warm start', () => {
  const hyps: Hyp[] = Array.from({ length: 12 }, (_, i) => ({ ...whole, box: i / 20 }))

  it('imports what was trained in the same way, and trains the start all the same', () => {
    const { imported, enqueued, notes } = warmStart(request(hyps))
    expect(imported).toHaveLength(12)
    expect(imported[3]).toEqual({ hyp: hyps[3], fitness: 0.03, metrics: { mAP50: 0.03 } })
    expect(enqueued).toEqual([space.start])
    expect(notes).toEqual(['runs/evolve/exp: 12 of its trainings are the first trials of this one'])
  })

  it('leaves out what its metrics do not say, and what is not exactly a hyp of this space', () => {
    const { trials, ...rest } = request([{ ...whole, lr: 0.5 }, ...hyps])
    const lacking = trials.map((trial, i) => (i === 4 ? { ...trial, fitness: Number.NaN } : trial))
    const { imported, enqueued, notes } = warmStart({ ...rest, ranked: [...rest.ranked].reverse(), trials: lacking })
    expect(imported).toHaveLength(11)
    expect(enqueued).toEqual([space.start]) // the best was imported
    expect(notes).toContain('Brought within the bounds of this search: lr')
  })

  it('takes of other data only where the good ones lie', () => {
    const { imported, enqueued, notes } = warmStart(request(hyps, 'other data'))
    expect(imported).toEqual([])
    expect(enqueued).toEqual([hyps[11], hyps[10], hyps[9]])
    expect(notes[0]).toContain('not comparable (other data)')
    expect(notes[1]).toBe(
      'After the start are tried: its best (trial 11), the middle of its best 3, a good one far from it (trial 9)',
    )
  })

  it('enqueues the best alone where there are few, and nothing twice', () => {
    expect(warmStart(request([whole, { ...whole, lr: 0.03 }], 'x')).enqueued).toEqual([{ ...whole, lr: 0.03 }])
    expect(warmStart(request([space.start], 'x')).enqueued).toEqual([])
    expect(warmStart({ ...request([]), ranked: [] })).toEqual({ imported: [], enqueued: [], notes: [] })
  })

  it('is what a study trains first', () => {
    const { enqueued } = warmStart(request(hyps, 'other epochs'))
    const sampler = samplers.tpe as unknown as Sampler<unknown>
    const history = new History()
    const trained: Hyp[] = []
    for (let number = 0; number < 5; number++) {
      const next = {
        space,
        sampler,
        samplerOptions: sampler.options.parse({}),
        history,
        seed: 1,
        number,
        target: 9,
        enqueued,
      }
      const { hyp } = nextTraining(next)!
      trained.push(hyp)
      history.set({
        number,
        hyp,
        parents: [],
        mutated: [],
        attempt: 1,
        state: 'complete',
        fitness: number,
        metrics: {},
      })
    }
    expect(trained.slice(0, 4)).toEqual([space.start, ...enqueued])
    expect([space.start, ...enqueued]).not.toContainEqual(trained[4])
  })

  it('says what it left aside', () => {
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`other_${i}`, i]))
    const { notes } = warmStart(request([{ lr: 0.02, ...many }], 'another file'))
    expect(notes).toContain(
      'Left aside, since this search does not have them: other_0, other_1, other_2, other_3, other_4, other_5, other_6, other_7 and 2 more',
    )
    expect(notes).toContain(
      'At the start, since the earlier search did not have them: box, layers, optimizer, momentum, batch',
    )
  })
})
