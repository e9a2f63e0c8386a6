import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CompleteTrial, History, type Hyp, hypDigest, type Trial } from './index.ts'

const base = { attempt: 1, parents: [], mutated: [] } as const
const complete = (number: number, fitness: number, hyp: Hyp = { x: number }): CompleteTrial => ({
  ...base,
  state: 'complete',
  number,
  fitness,
  hyp,
  metrics: {},
})

describe('History', () => {
  it('ranks as a full sort does, whatever was asked for and in whatever order trials came', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { maxLength: 200 }),
        fc.nat(210),
        fc.infiniteStream(fc.nat()),
        (all, count, order) => {
          const trials = all.map((fitness, number) => complete(number, fitness))
          const expected = [...trials].sort((a, b) => b.fitness - a.fitness || a.number - b.number).slice(0, count)
          const shuffled = trials.map((trial) => ({ trial, key: order.next().value })).sort((a, b) => a.key - b.key)
          const history = new History(shuffled.map(({ trial }) => trial))
          expect(history.fittest(count).map(({ number }) => number)).toEqual(expected.map(({ number }) => number))
        },
      ),
    )
  })

  it('follows a trial from waiting to its end, which never changes', () => {
    const history = new History()
    history.set({ ...base, attempt: 0, state: 'waiting', number: 0, hyp: { x: 0 } })
    history.set({ ...base, state: 'running', number: 1, hyp: { x: 1 } })
    expect([history.size, history.open.map(({ number }) => number), history.ended]).toEqual([2, [0, 1], []])
    history.set({ ...base, state: 'running', number: 0, hyp: { x: 0 } })
    history.set(complete(1, 5, { x: 1 }))
    const failed: Trial = { ...base, state: 'failed', number: 0, hyp: { x: 0 }, failure: 'crash', output: ['?'] }
    history.set(failed)
    expect(history.ended.map(({ number }) => number)).toEqual([1, 0])
    expect([history.complete.length, history.open.length, history.get(0)]).toEqual([1, 0, failed])
    expect(() => history.set(complete(0, 1))).toThrow('trial 0 has ended')
  })

  it('knows the hyps of all trials, in any order of keys, and of no other', () => {
    const history = new History([
      complete(0, 1, { a: 1, b: 'x' }),
      { ...base, state: 'running', number: 1, hyp: { a: 2, b: 'x' } },
    ])
    expect([history.hasHyp({ b: 'x', a: 1 }), history.hasHyp({ a: 2, b: 'x' })]).toEqual([true, true])
    for (const hyp of [{ a: 1 }, { a: '1', b: 'x' }, { a: 1, b: 'y' }, { a: 1, b: 'x', c: 0 }])
      expect(history.hasHyp(hyp)).toBe(false)
  })

  it('does not touch the hyp of a trial whose digest it is given', () => {
    const trial = {
      ...complete(0, 1),
      get hyp(): Hyp {
        throw new Error('read')
      },
    }
    const history = new History()
    history.set(trial, hypDigest({ x: 7 }))
    expect([history.hasHyp({ x: 7 }), history.hasHyp({ x: 8 }), history.fittest(1)[0].number]).toEqual([true, false, 0])
  })
})

describe('hypDigest', () => {
  it('is the same for ever: databases hold it', () => {
    expect(hypDigest({ lr0: 0.01, momentum: 0.937 })).toBe(hypDigest({ momentum: 0.937, lr0: 0.01 }))
    expect([hypDigest({}), hypDigest({ lr0: 0.01, optimizer: 'adam', on: true })]).toMatchInlineSnapshot(`
      [
        6607762106392005,
        6837872381319350,
      ]
    `)
  })

  it('tells a hundred thousand hyps apart', () => {
    const digests = new Set<number>()
    for (let i = 0; i < 100_000; i++)
      digests.add(hypDigest({ lr0: i / 100_000, lrf: (i % 317) / 317, momentum: 0.937 }))
    expect(digests.size).toBe(100_000)
    expect([...digests].every((digest) => Number.isSafeInteger(digest) && digest >= 0)).toBe(true)
  })
})
