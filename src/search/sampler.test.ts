// One suite over every sampler, and every way to set it up.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomFor, SearchSpaceExhaustedError } from '../base/index.ts'
import {
  choice,
  defineSpace,
  fixed,
  float,
  History,
  type Hyp,
  integer,
  type Proposal,
  parseHyp,
  type Release,
  rangeSpace,
  releaseSpace,
  releases,
  type Sampler,
  type SearchSpace,
  samplers,
  type Trial,
} from './index.ts'

const yoloHyp = parseHyp(
  'lr0: 0.01\nlrf: 0.01\nmomentum: 0.937\nweight_decay: 0.0005\nwarmup_epochs: 3.0\nwarmup_momentum: 0.8\n' +
    'warmup_bias_lr: 0.1\nbox: 0.05\ncls: 0.5\ncls_pw: 1.0\nobj: 1.0\nobj_pw: 1.0\niou_t: 0.20\nanchor_t: 4.0\n' +
    'fl_gamma: 0.0\nhsv_h: 0.015\nhsv_s: 0.7\nhsv_v: 0.4\ndegrees: 0.0\ntranslate: 0.1\nscale: 0.5\nshear: 0.0\n' +
    'perspective: 0.0\nflipud: 0.0\nfliplr: 0.5\nmosaic: 1.0\nmixup: 0.0\ncopy_paste: 0.0\n',
  'hyp',
)

const spaces: Record<string, SearchSpace> = {
  yolo: releaseSpace(yoloHyp, { fixed: ['mosaic'] }),
  'yolov3 of 2020, some without bounds': releaseSpace(yoloHyp, { release: 'yolov3-2020-01' }),
  '2019, ten keys': rangeSpace(
    parseHyp(
      'k: 10.39\nxy: 0.1367\nwh: 0.01057\ncls: 0.01181\nconf: 0.8409\niou_t: 0.1287\nlr0: 0.001028\nlrf: -3.441\n' +
        'momentum: 0.9127\nweight_decay: 0.0004841\n',
      'hyp',
    ),
    Object.fromEntries(
      ['k', 'xy', 'wh', 'cls', 'conf', 'iou_t', 'lr0', 'lrf', 'momentum', 'weight_decay'].map((key) => [
        key,
        { gain: 0.2 },
      ]),
    ),
  ),
  mixed: defineSpace({
    lr: float(1e-5, 1e-1, { log: true }),
    shift: float(-3, 5),
    layers: integer(1, 9),
    width: integer(8, 1024, { log: true }),
    optimizer: choice('sgd', 'adam', 'lion'),
    momentum: float(0.5, 0.99, { when: { optimizer: ['sgd'] } }),
    nesterov: choice([true, false], { when: { optimizer: ['sgd'] } }),
    damping: float(0, 1, { when: { nesterov: [false] } }),
    batch: fixed(32),
  }),
  'one number': defineSpace({ x: float(-10, 10) }),
}

type Ending = 'complete' | 'failed' | 'pruned' | 'running'
const endings = fc.array(fc.constantFrom<Ending[]>('complete', 'complete', 'complete', 'failed', 'pruned', 'running'), {
  maxLength: 40,
})

/** A fitness with ties. */
const fitnessOf = (hyp: Hyp, number: number): number =>
  Math.round(
    Object.values(hyp).reduce<number>((sum, value) => sum + (typeof value === 'number' ? value : 1), number % 3),
  )

const ended = (number: number, { hyp, parents, mutated = [] }: Proposal, ending: Ending): Trial => {
  const trial = { number, hyp, parents, mutated, attempt: 1 }
  if (ending === 'complete') {
    const fitness = fitnessOf(hyp, number)
    return {
      ...trial,
      state: 'complete',
      fitness,
      metrics: { precision: 0, recall: 0, mAP50: fitness, mAP50to95: fitness },
    }
  }
  if (ending === 'failed') return { ...trial, state: 'failed', failure: 'crash', output: ['?'] }
  if (ending === 'pruned') return { ...trial, state: 'pruned', epochs: 1, metrics: {} }
  return { ...trial, state: 'running' }
}

/** Every registered sampler, as it is and in the ways that releases set it up (native mode leaves the rest aside). */
const setups = Object.values(samplers).flatMap((entry) => {
  const sampler = entry as unknown as Sampler<unknown>
  const settings = new Map<string, object>([['{}', {}]])
  const add = (options: object) => settings.set(JSON.stringify(options), options)
  for (const { sampler: name, options } of Object.values<Release>(releases)) {
    const { mode: _mode, table: _table, guard: _guard, fitness: _fitness, aliasing: _aliasing, ...native } = options
    if (name === sampler.name) add(native)
  }
  if (sampler.name === 'yolov5') add({ parent: 'weighted' })
  if (sampler.name === 'yolov3') add({ release: '2020-01', method: 3, parent: 'single' })
  if (sampler.name === 'yolov3') add({ method: 1, parent: 'weighted' })
  if (sampler.name === 'tpe') add({ startupTrials: 3, candidates: 5 })
  if (sampler.name === 'cmaes') add({ populationSize: 4, sigma: 0.4 })
  return [...settings].map(([title, options]) => ({ title: `${sampler.name} ${title}`, sampler, options }))
})

for (const { title, sampler, options: given } of setups)
  for (const [name, space] of Object.entries(spaces))
    describe(`sampler ${title} on ${name}`, () => {
      const options = sampler.options.parse(given)
      const propose = (seed: number, number: number, history: History) =>
        sampler.propose(
          { space, number, history, rng: randomFor(seed, number), rngOf: (n) => randomFor(seed, n) },
          options,
        )
      const study = (seed: number, how: readonly Ending[]): Trial[] => {
        const history = new History()
        return how.map((ending, number) => {
          const trial = ended(number, propose(seed, number, history), ending)
          history.set(trial)
          return trial
        })
      }

      it('starts with the start hyp', () => {
        expect(propose(3, 0, new History())).toMatchObject({ hyp: space.start, parents: [] })
      })

      it('stays in bounds, never moves a frozen key, names complete parents and what it moved', () => {
        const frozen = space.frozen(sampler).map(({ key }) => key)
        fc.assert(
          fc.property(fc.nat(), endings, (seed, how) => {
            const trials = study(seed, how)
            for (const { hyp, parents, mutated, number } of trials) {
              // exactly what the space makes of its values: bounds, rounding, conditions
              expect(hyp).toEqual(space.toHyp(space.toValues(hyp)))
              expect(Object.values(hyp).every((value) => typeof value !== 'number' || Number.isFinite(value))).toBe(
                true,
              )
              for (const key of frozen)
                if (Object.hasOwn(hyp, key) && Object.hasOwn(space.start, key)) expect(hyp[key]).toBe(space.start[key])
              for (const parent of parents) {
                expect(parent).toBeLessThan(number)
                expect(trials[parent].state).toBe('complete')
              }
              if (parents.length === 1)
                for (const key of space.keys) {
                  const before = trials[parents[0]].hyp
                  if (!Object.hasOwn(hyp, key) || !Object.hasOwn(before, key)) continue
                  if (hyp[key] !== before[key]) expect(mutated).toContain(key)
                }
            }
          }),
          { numRuns: 10 },
        )
      })

      it('depends on the seed and the trials, not on the order in which results came, nor on a restart', () => {
        fc.assert(
          fc.property(fc.nat(), endings, (seed, how) => {
            const trials = study(seed, how)
            const next = propose(seed, trials.length, new History(trials))
            const stored = JSON.parse(JSON.stringify(trials)) as Trial[]
            expect(propose(seed, trials.length, new History(stored))).toEqual(next)
            const shuffled = [...trials].sort((a, b) => ((a.number * 7919) % 61) - ((b.number * 7919) % 61))
            expect(propose(seed, trials.length, new History(shuffled))).toEqual(next)
          }),
          { numRuns: 10 },
        )
        const trials = study(
          4,
          Array.from({ length: 12 }, () => 'complete'),
        )
        expect(propose(5, 12, new History(trials)).hyp).not.toEqual(propose(4, 12, new History(trials)).hyp)
      })

      it('asked 200 times, never repeats a hyp: with all running, with all equally fit', () => {
        for (const how of ['running', 'complete', 'failed'] as const) {
          const hyps = study(
            11,
            Array.from({ length: 200 }, () => how),
          ).map(({ hyp }) => JSON.stringify(hyp))
          expect(new Set(hyps).size).toBe(200)
        }
      })
    })

for (const sampler of Object.values(samplers) as unknown as Sampler<unknown>[])
  describe(`sampler ${sampler.name}`, () => {
    const options = sampler.options.parse({})
    const run = (space: SearchSpace, trials: number) => {
      const history = new History()
      for (let number = 0; number < trials; number++) {
        const rngOf = (n: number) => randomFor(1, n)
        const proposal = sampler.propose({ space, number, history, rng: rngOf(number), rngOf }, options)
        history.set(ended(number, proposal, 'complete'))
      }
      return history
    }

    it('is registered under its name and says in a line what it does', () => {
      expect(samplers[sampler.name as keyof typeof samplers]).toBe(sampler)
      expect(sampler.summary).toMatch(/^[^\n]{20,100}$/)
    })

    it('tries all of a small space, then says that nothing is left', () => {
      const space = defineSpace({
        a: choice('x', 'y'),
        b: integer(1, 3),
        c: choice(['p', 'q'], { when: { a: ['y'] } }),
      }) as SearchSpace
      expect(run(space, 9).size).toBe(9) // 3 without c, 6 with it
      expect(() => run(space, 10)).toThrow(SearchSpaceExhaustedError)
    })

    it('ends where a key may move but rounds to the same', () => {
      const space = rangeSpace(
        { a: 1e-5, b: 1 },
        { a: { gain: 1, lower: 0, upper: 3e-5 }, b: { gain: 0 } },
        { decimals: 5 },
      )
      expect(run(space, 4).size).toBe(4) // 0, 1, 2, 3 hundred-thousandths
      expect(() => run(space, 5)).toThrow(SearchSpaceExhaustedError)
    })

    it('does not move what it shows as fixed even when nothing else is left', () => {
      const ranges = { zero: { gain: 1, lower: 0, upper: 1 }, a: { gain: 1, lower: 0, upper: 3e-5 } }
      const space = rangeSpace({ zero: 0, a: 1e-5 }, ranges, { decimals: 5 })
      const shown = space.frozen(sampler).some(({ key }) => key === 'zero')
      expect(shown).toBe(sampler.multiplies)
      const trials = run(space, 4).complete
      expect(trials.every(({ hyp }) => hyp.zero === 0)).toBe(shown)
      if (shown) expect(() => run(space, 5)).toThrow(SearchSpaceExhaustedError)
      else expect(run(space, 5).size).toBe(5)
    })

    it('refuses options that make no sense', () => {
      expect(sampler.options.safeParse('no object').success).toBe(false)
      // an option that a sampler does not have is left out of what parsing gives: who asked for it can see that
      const known = Object.keys(options as object)
      expect(sampler.options.parse({ unheardOf: 1 })).toEqual(options)
      const senseless = {
        sigma: -1,
        poolSize: 0,
        generations: 0,
        mode: 'x',
        parent: 'both',
        startupTrials: 0,
        gamma: 2,
      }
      for (const [key, value] of Object.entries(senseless))
        if (known.includes(key))
          expect([key, sampler.options.safeParse({ [key]: value }).success]).toEqual([key, false])
    })

    it('survives fitness of any size', () => {
      const space = spaces.yolo
      const trials = [1e308, -1e308, 0, 5e-324, -5e-324, 1e308].map((fitness, number) => {
        const hyp = space.toHyp(space.parameters.map(({ start }) => Number(start) * (1 + number / 10)))
        return { ...ended(number, { hyp, parents: [] }, 'complete'), fitness } as Trial
      })
      const rngOf = (n: number) => randomFor(1, n)
      const { hyp } = sampler.propose(
        { space, number: 60, history: new History(trials), rng: rngOf(60), rngOf },
        options,
      )
      expect(Object.values(hyp).every((value) => Number.isFinite(value))).toBe(true)
    })
  })

describe('replay', () => {
  const rngOf = (n: number) => randomFor(9, n)
  const start = {
    state: 'complete',
    number: 0,
    attempt: 1,
    parents: [],
    mutated: [],
    hyp: yoloHyp,
    metrics: {},
  } as const

  it('has the precision of evolve.csv, and repeats a hyp where the original would', () => {
    const space = rangeSpace({ a: 0.1234567, b: 1 }, { a: { gain: 0 }, b: { gain: 1 } })
    const trial: Trial = { ...start, fitness: 1, hyp: { a: 0.1234567, b: 1 } }
    const options = samplers.yolov5.options.parse({ mode: 'replay' })
    const context = { space, number: 1, history: new History([trial]), rng: rngOf(1), rngOf }
    const first = samplers.yolov5.propose(context, options)
    expect(first.hyp.a).toBe(0.12346)
    const twin: Trial = { ...trial, number: 1, hyp: first.hyp, fitness: 0.5 }
    const again = { ...context, history: new History([trial, twin]), rng: rngOf(1) }
    expect(samplers.yolov5.propose(again, { ...options, poolSize: 1 }).hyp).toEqual(first.hyp)
  })

  it('says which fault it meets', () => {
    const space = releaseSpace(yoloHyp, { release: 'yolov5-v5.0' })
    const trials: Trial[] = [0, 1].map((number) => ({
      ...start,
      number,
      fitness: 0.5,
      hyp: { ...space.start, lr0: number },
    }))
    const options = samplers.yolov5.options.parse({ ...releases['yolov5-v5.0'].options, parent: 'weighted' })
    const context = { space, number: 2, history: new History(trials), rng: rngOf(2), rngOf }
    expect(() => samplers.yolov5.propose(context, options)).toThrow('weighted mean is NaN')
    const mixed = { ...context, space: spaces.mixed }
    for (const sampler of ['yolov5', 'yolov3', 'yolov5-ga'] as const) {
      const replay = samplers[sampler].options.parse({ mode: 'replay' })
      expect(() => (samplers[sampler] as Sampler<unknown>).propose(mixed, replay)).toThrow('numbers with a gain only')
    }
  })

  it('draws the first generation of the population search from one stream', () => {
    const space = releaseSpace(yoloHyp, { release: 'yolov5-master' })
    const options = samplers['yolov5-ga'].options.parse({ mode: 'replay' })
    const hyps = [0, 1, 2].map(
      (number) =>
        samplers['yolov5-ga'].propose({ space, number, history: new History(), rng: rngOf(number), rngOf }, options)
          .hyp,
    )
    expect(hyps[0]).toEqual({ ...yoloHyp, anchors: 3 })
    const { python } = rngOf(0)
    for (const hyp of hyps.slice(1)) {
      expect(hyp.hsv_h).toBe(python.uniform(0, 0.1))
      for (let i = 0; i < 12; i++) python.random()
    }
  })
})
