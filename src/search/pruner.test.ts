// One suite over every pruner, and every way to set it up.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomFor } from '../base/index.ts'
import {
  type Grant,
  type GrantContext,
  History,
  type Pruner,
  pruners,
  type Trial,
  type VerdictContext,
} from './index.ts'
import { bracketAt, bracketShares, bracketSizes } from './pruners/brackets.ts'

type Ending = 'complete' | 'failed' | 'stopped' | 'running' | 'waiting' | 'repeat' | 'imported' | 'whole'

const endings = fc.array(
  fc.constantFrom<Ending[]>(
    ...Array<Ending>(12).fill('complete'),
    'failed',
    'stopped',
    'running',
    'waiting',
    'repeat',
    'imported',
    'whole',
  ),
  { maxLength: 120 },
)
const ladders = [[36], [12, 36], [4, 12, 36], [1, 3, 9, 27]]

const setups = Object.values(pruners).flatMap((entry) => {
  const pruner = entry as unknown as Pruner<unknown>
  const settings = pruner.name === 'hyperband' ? [{}, { mode: 'async' }] : [{}]
  return settings.map((given) => ({ title: `${pruner.name} ${JSON.stringify(given)}`, pruner, given }))
})

/** Between 0 and 1, with ties, the same for a hyp at every rung up to a little. */
const fitnessOf = (hyp: number, epochs: number) => (((hyp * 7919) % 41) + ((hyp * 104729 + epochs * 31) % 9)) / 48

for (const { title, pruner, given } of setups)
  describe(`pruner ${title}`, () => {
    const options = pruner.options.parse(given)
    const grantFor = (history: History, rungs: readonly number[], number = history.size, seed = 5): Grant =>
      pruner.grant({ rungs, number, history, rng: randomFor(seed, number) }, options)

    /** Runs a study; every grant is looked at by `check`. */
    function study(
      rungs: readonly number[],
      how: readonly Ending[],
      check: (grant: Grant, history: History) => void = () => {},
    ): Trial[] {
      const history = new History()
      const full = rungs.at(-1)!
      for (const [number, ending] of how.entries()) {
        const first = { number, hyp: { x: number }, parents: [], mutated: [], attempt: 1 }
        const done = { metrics: {}, fitness: fitnessOf(number, full) }
        if (number === 0 || ending === 'whole' || ending === 'imported' || ending === 'repeat') {
          // the start, what a sampler wanted in full, a trial of another study, a confirmation
          const more = ending === 'imported' ? {} : { fidelity: full }
          const repeats = number > 0 && ending === 'repeat' ? { repeats: 0, repetition: number } : {}
          history.set({ ...first, ...more, ...repeats, ...done, state: 'complete' })
          continue
        }
        const grant = grantFor(history, rungs)
        check(grant, history)
        const { epochs, promote } = grant
        const hyp = promote === undefined ? { x: number } : history.get(promote)!.hyp
        const trial = {
          ...first,
          hyp,
          fidelity: epochs,
          ...(promote === undefined ? {} : { continues: promote, parents: [promote] }),
        }
        const fitness = fitnessOf(Number(hyp.x), epochs)
        if (ending === 'running' || ending === 'waiting') history.set({ ...trial, state: ending })
        else if (ending === 'failed') history.set({ ...trial, state: 'failed', failure: 'crash', output: ['?'] })
        else if (ending === 'stopped' && epochs > 1)
          history.set({ ...trial, state: 'pruned', epochs: epochs - 1, fitness, metrics: {} })
        else if (epochs < full) history.set({ ...trial, state: 'pruned', epochs, fitness, metrics: {} })
        else history.set({ ...trial, state: 'complete', fitness, metrics: {} })
      }
      return Array.from({ length: history.size }, (_, n) => history.get(n)!)
    }

    it('is registered under its name and says in a line what it does', () => {
      expect(pruners[pruner.name as keyof typeof pruners]).toBe(pruner)
      expect(pruner.summary).toMatch(/^[^\n]{15,100}$/)
      expect(pruner.options.safeParse('no object').success).toBe(false)
      expect(pruner.options.parse({ unheardOf: 1 })).toEqual(pruner.options.parse({}))
      const senseless = { mode: 'x', startupTrials: 0, warmupEpochs: -1 }
      for (const [key, value] of Object.entries(senseless))
        if (Object.hasOwn(options as object, key) || (key === 'warmupEpochs' && pruner.name === 'median'))
          expect([key, pruner.options.safeParse({ [key]: value }).success]).toEqual([key, false])
    })

    it('grants rungs; promotes what ended with a result a rung below, once', () => {
      fc.assert(
        fc.property(fc.constantFrom(...ladders), endings, (rungs, how) => {
          study(rungs, how, ({ epochs, promote }, history) => {
            expect(rungs).toContain(epochs)
            if (promote === undefined) return
            const before = history.get(promote)!
            expect(before.state).toBe('pruned')
            if (before.state !== 'pruned') return
            expect(before.epochs).toBe(rungs[rungs.indexOf(epochs) - 1])
            expect(before.repeats).toBeUndefined()
            for (let n = 0; n < history.size; n++) expect(history.get(n)!.continues).not.toBe(promote)
          })
        }),
        { numRuns: 60 },
      )
    })

    it('grants the same for the same trials, after a restart, and whatever the order of results', () => {
      fc.assert(
        fc.property(fc.constantFrom(...ladders), endings, (rungs, how) => {
          const trials = study(rungs, how)
          const next = grantFor(new History(trials), rungs, trials.length)
          const stored = JSON.parse(JSON.stringify(trials)) as Trial[]
          expect(grantFor(new History(stored), rungs, trials.length)).toEqual(next)
          const shuffled = [...trials].sort((a, b) => ((a.number * 7919) % 61) - ((b.number * 7919) % 61))
          expect(grantFor(new History(shuffled), rungs, trials.length)).toEqual(next)
        }),
        { numRuns: 30 },
      )
    })

    it('never waits, with everything running, and never promotes what failed', () => {
      for (const ending of ['running', 'failed'] as const) {
        let grants = 0
        study([4, 12, 36], Array(200).fill(ending), ({ promote }) => {
          grants++
          expect(promote).toBeUndefined()
        })
        expect(grants).toBe(199)
      }
    })

    it('survives values of any size, NaN and results without a fitness', () => {
      const rungs = [4, 12, 36]
      const values = [1e308, -1e308, Number.NaN, Infinity, -Infinity, 0, -0, undefined, 5e-324]
      const trials = Array.from({ length: 40 }, (_, number): Trial => {
        const fitness = values[number % values.length]
        return {
          ...{ number, hyp: { x: number }, parents: [], mutated: [], attempt: 1, metrics: {} },
          ...{ fidelity: 4, state: 'pruned', epochs: 4 },
          ...(fitness === undefined ? {} : { fitness }),
        }
      })
      const { promote, epochs } = grantFor(new History(trials), rungs, 40)
      expect(rungs).toContain(epochs)
      if (promote !== undefined) expect(values[promote % values.length]).toBeGreaterThan(-Infinity)
    })

    it('with one rung trains everything in full', () => {
      const trials = study([36], Array(60).fill('complete'), (grant) => expect(grant).toEqual({ epochs: 36 }))
      expect(trials.every(({ state }) => state === 'complete')).toBe(true)
    })

    it('ends up with full trainings, also when half of the trials fail', () => {
      for (const how of [['complete'], ['complete', 'failed']] as Ending[][]) {
        const trials = study(
          [4, 12, 36],
          Array.from({ length: 200 }, (_, n) => how[n % how.length]),
        )
        expect(trials.filter(({ state }) => state === 'complete').length).toBeGreaterThan(1)
      }
    })

    describe('verdict', () => {
      const verdict = (context: VerdictContext) => pruner.verdict(context, options)
      const values = fc.option(fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.constant(0)), {
        nil: undefined,
      })
      const curves = fc.array(values, { minLength: 1, maxLength: 30 })

      it('stops only where something was measured, from a rung on, never the start nor the best', () => {
        fc.assert(
          fc.property(fc.nat(500), fc.array(curves, { maxLength: 25 }), curves, (number, list, curve) => {
            const rungs = [3, 9, 27]
            const others = new Map(list.map((other, i) => [number + 1 + i, other]))
            for (let epoch = 0; epoch < curve.length; epoch++) {
              const context = { rungs, number, epoch, curve: curve.slice(0, epoch + 1), others }
              const answer = verdict(context)
              expect(verdict({ ...context, others: new Map([...others].reverse()) })).toBe(answer)
              if (answer === 'continue') continue
              expect(curve[epoch]).toBeDefined()
              expect(number).toBeGreaterThan(0)
              expect(epoch).toBeGreaterThanOrEqual(3)
              expect(epoch).toBeLessThan(27)
              const measured = (of: typeof curve) => of.filter((value) => value !== undefined)
              const worst = Math.min(...measured(context.curve))
              expect(list.some((other) => Math.max(...measured(other)) > worst)).toBe(true)
            }
          }),
          { numRuns: 200 },
        )
      })

      it('never stops what is ahead of all others at every epoch', () => {
        const rungs = [3, 9, 27]
        const rising = (level: number, end: number) => Array.from({ length: end + 1 }, (_, e) => level + e / 100)
        for (let count = 0; count < 30; count++) {
          const others = new Map(Array.from({ length: count }, (_, i) => [i, rising(i / 100, 3 + (i % 24))]))
          for (let epoch = 0; epoch <= 27; epoch++)
            expect(verdict({ rungs, number: 50, epoch, curve: rising(1, epoch), others })).toBe('continue')
        }
      })
    })
  })

describe('brackets', () => {
  it('have the sizes of NePS', () => {
    expect([0, 1, 2].map((first) => bracketSizes(3, first))).toEqual([[9, 3, 1], [3, 1], [3]])
    expect([0, 1, 2, 3].map((first) => bracketSizes(4, first))).toEqual([[27, 9, 3, 1], [9, 3, 1], [6, 2], [4]])
    expect(bracketSizes(1, 0)).toEqual([1])
  })

  it('are drawn so that each costs about the same', () => {
    const shares = bracketShares(3)
    expect(shares.map((share) => share * 16.5)).toEqual([9, 4.5, 3].map((each) => expect.closeTo(each, 9)))
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
    expect([0, 0.54, 0.55, 0.81, 0.82, 0.999].map((u) => bracketAt(u, 3))).toEqual([0, 0, 1, 1, 2, 2])
  })

  const rungs = [4, 12, 36]
  /** What each rung's new hyps, and those that were promoted from them, were granted, in full trainings. */
  function costs(options: unknown, trials: number): { readonly spent: number[]; readonly begun: number[] } {
    const { hyperband } = pruners
    const history = new History()
    const [spent, begun] = [rungs.map(() => 0), rungs.map(() => 0)]
    const firstOf = new Map<number, number>()
    for (let number = 0; number < trials; number++) {
      const grant = (context: GrantContext): Grant => hyperband.grant(context, hyperband.options.parse(options))
      const { epochs, promote } =
        number === 0 ? { epochs: 36 } : grant({ rungs, number, history, rng: randomFor(1, number) })
      const first = promote === undefined ? rungs.indexOf(epochs) : firstOf.get(promote)!
      firstOf.set(number, first)
      if (number > 0) spent[first] += epochs / 36
      if (number > 0 && promote === undefined) begun[first]++
      const chain =
        promote === undefined ? { hyp: { x: number } } : { hyp: history.get(promote)!.hyp, continues: promote }
      const trial = { number, parents: [], mutated: [], attempt: 1, fidelity: epochs, metrics: {}, ...chain }
      const fitness = fitnessOf(Number(chain.hyp.x), epochs)
      if (epochs < 36) history.set({ ...trial, state: 'pruned', epochs, fitness })
      else history.set({ ...trial, state: 'complete', fitness })
    }
    return { spent, begun }
  }

  it('in turn cost 3, 2 and 3 full trainings', () => {
    expect(costs({ mode: 'sync' }, 1 + 20)).toEqual({
      spent: [3, 2, 3].map((each) => expect.closeTo(each, 9)),
      begun: [9, 3, 3],
    })
    expect(costs({ mode: 'sync' }, 1 + 60).begun).toEqual([27, 9, 9])
  })

  it('drawn begin as often as they should', () => {
    const { begun, spent } = costs({ mode: 'async' }, 1500)
    const all = begun.reduce((sum, each) => sum + each, 0)
    for (const [first, share] of bracketShares(3).entries()) expect(begun[first] / all).toBeCloseTo(share, 1)
    expect(spent.every((each) => each > 100)).toBe(true) // none is starved
  })

  it('are filled in turn while others wait: workers that are free begin the next', () => {
    const history = new History()
    const granted = Array.from({ length: 40 }, (_, i) => {
      const number = i + 1
      const context = { rungs, number, history, rng: randomFor(1, number) }
      const { epochs } = pruners.hyperband.grant(context, { mode: 'sync' })
      const trial = { number, hyp: { x: number }, parents: [], mutated: [], attempt: 1, fidelity: epochs }
      history.set({ ...trial, state: 'running' })
      return epochs
    })
    const cycle = [...Array(9).fill(4), ...Array(3).fill(12), ...Array(3).fill(36)]
    expect(granted).toEqual([...cycle, ...cycle, ...Array(9).fill(4), 12])
  })

  it('go on above a rung that was given up', () => {
    const history = new History()
    const first = { hyp: { x: 1 }, parents: [], mutated: [], attempt: 1, metrics: {} }
    for (let number = 1; number <= 9; number++)
      history.set({ ...first, number, fidelity: 4, state: 'pruned', epochs: 4, fitness: number })
    history.set({ ...first, number: 10, fidelity: 12, continues: 9, state: 'pruned', epochs: 12, fitness: 1 })
    history.set({ ...first, number: 11, fidelity: 36, continues: 10, state: 'complete', fitness: 1 })
    // 9 has come to 36 already, by way of 12; brackets of two rungs promote the best of three
    const next = { 'successive-halving': 8, hyperband: 3 } as const
    for (const name of ['successive-halving', 'hyperband'] as const) {
      const grant = (left: readonly number[]): Grant => {
        const pruner = pruners[name] as unknown as Pruner<unknown>
        const context = { rungs: left, number: 12, history, rng: randomFor(1, 12) }
        return pruner.grant(context, pruner.options.parse({}))
      }
      expect(grant([4, 36])).toEqual({ epochs: 36, promote: next[name] })
      expect(grant([36])).toEqual({ epochs: 36 })
    }
  })
})
