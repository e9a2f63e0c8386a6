// One suite over every sampler.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomFor } from '../base/index.ts'
import { type Sampler, SearchSpace, samplers, type Trial, tablePrecision } from './index.ts'

const start = { lr0: 0.01, frozen: 0.123, mosaic: 1, anchors: 3, outside: 7 }
const ranges = {
  lr0: { gain: 1, lower: 1e-5, upper: 0.1 },
  frozen: { gain: 0, lower: 0, upper: 1 },
  mosaic: { gain: 1, lower: 0, upper: 1 },
  anchors: { gain: 2, lower: 2, upper: 10 },
  outside: { gain: 1, lower: 0, upper: 5 },
}
const space = new SearchSpace(start, ranges, { fixed: ['mosaic'] })

for (const [name, sampler] of Object.entries(samplers) as [string, Sampler<unknown>][])
  describe(`sampler: ${name}`, () => {
    const options = sampler.options.parse({})
    /** A study of some trials; each ends as its letter says: finished, failed, NaN, or still running. */
    const study = (seed: number, endings: readonly string[]): Trial[] => {
      const history: Trial[] = []
      for (const [number, ending] of endings.entries()) {
        const { hyp, parents } = sampler.propose({ space, history, rng: randomFor(seed, number) }, options)
        const trial = { number, hyp, parents }
        if (ending === 'finished') history.push({ ...trial, state: 'finished', fitness: (hyp.lr0 * 1e4) % 1 })
        else if (ending === 'nan') history.push({ ...trial, state: 'finished', fitness: Number.NaN })
        else if (ending === 'failed') history.push({ ...trial, state: 'failed', output: ['?'] })
        else history.push({ ...trial, state: 'running' })
      }
      return history
    }
    const endings = fc.array(fc.constantFrom('finished', 'finished', 'nan', 'failed', 'running'), { maxLength: 30 })

    it('is registered under its name', () => expect(sampler.name).toBe(name))

    it('starts with the start hyp, clipped and rounded', () => {
      expect(study(0, ['finished'])[0]).toMatchObject({ hyp: { ...start, outside: 5 }, parents: [] })
    })

    it('stays in bounds, never moves a frozen key, names parents that finished, and moves something', () => {
      fc.assert(
        fc.property(fc.nat(), endings, (seed, how) => {
          const history = study(seed, how)
          for (const { hyp, parents, number } of history) {
            expect(Object.keys(hyp)).toEqual(space.keys)
            space.keys.forEach((key, i) => {
              expect(hyp[key]).toBeGreaterThanOrEqual(space.lower[i])
              expect(hyp[key]).toBeLessThanOrEqual(space.upper[i])
              if (space.gains[i] === 0) expect(hyp[key]).toBe(start[key as keyof typeof start])
            })
            for (const parent of parents) {
              const trial = history[parent]
              expect(trial.state === 'finished' && !Number.isNaN(trial.fitness) && parent < number).toBe(true)
            }
          }
        }),
      )
    })

    it('repeats under one seed, differs under another, and proposes the same after a restart', () => {
      const how = Array.from({ length: 12 }, () => 'finished')
      expect(study(4, how)).toEqual(study(4, how))
      expect(study(5, how)[3]).not.toEqual(study(4, how)[3])
      const restored = JSON.parse(JSON.stringify(study(4, how))) as Trial[]
      const propose = (history: Trial[]) => sampler.propose({ space, history, rng: randomFor(4, 12) }, options)
      expect(propose(restored)).toEqual(propose(study(4, how)))
    })

    it('refuses options that make no sense', () => {
      expect(sampler.options.safeParse('no object').success).toBe(false)
    })
  })

it('yolov5: parents have the precision of evolve.csv', () => {
  const history: Trial[] = [
    { state: 'finished', number: 0, fitness: 1, parents: [], hyp: { ...start, frozen: 0.123456, outside: 4.56789 } },
  ]
  const { hyp } = samplers.yolov5.propose(
    {
      space: new SearchSpace(start, { ...ranges, outside: { ...ranges.outside, gain: 0 } }),
      history,
      rng: randomFor(0, 1),
    },
    samplers.yolov5.options.parse({}),
  )
  expect([hyp.frozen, hyp.outside]).toEqual([0.12346, 4.5679])
  expect(tablePrecision(4.56789)).toBe(4.5679)
})
