import { describe, expect, it } from 'vitest'
import { ReleaseUnknownError } from '../base/index.ts'
import {
  findRelease,
  fitnessPresets,
  History,
  type Release,
  rangeTables,
  releaseSpace,
  releases,
  type Sampler,
  samplers,
  suggest,
  yolov5Ranges,
} from './index.ts'

describe('releases', () => {
  it.each([
    ['v7.0', 'yolov5-v7.0'],
    ['7.0', 'yolov5-v7.0'],
    ['V3.0', 'yolov5-v3.0'],
    ['yolov5@v6.2', 'yolov5-v6.2'],
    ['yolov5-6.2', 'yolov5-v6.2'],
    ['yolov5-v7', 'yolov5-v7.0'],
    ['yolov3-7', 'yolov3-v7'],
    ['v5', 'yolov5-v5.0'],
    ['yolov3-v9.6.0', 'yolov3-v9.6.0'],
    ['yolov3-9.6.0', 'yolov3-v9.6.0'],
    ['v9.6.0', 'yolov3-v9.6.0'],
    ['v8', 'yolov3-v8'],
    ['yolov3-2020-01', 'yolov3-2020-01'],
    ['01dbdc45', 'yolov3-2020-01'],
    ['yolov3@01dbdc45', 'yolov3-2020-01'],
    ['master', 'yolov5-master'],
    ['66edf3893', 'yolov5-66edf3893'],
    ['yolov3', 'yolov3-v9.6.0'],
  ])('%s is %s', (text, name) => expect(findRelease(text)).toBe(name))

  it.each(['', 'v12', 'yolov4', 'constructor', 'v7', 'v6', 'x'.repeat(1000)])('%j is none', (text) => {
    expect(() => findRelease(text)).toThrow(ReleaseUnknownError)
  })

  it('guesses typing errors, and lists what there is', () => {
    expect(() => findRelease('yolov5-v6.3')).toThrow(/Did you mean yolov5-v6\.\d\?/)
    expect(() => findRelease('v7')).toThrow('Did you mean yolov5-v7.0 or yolov3-v7?')
    expect(() => findRelease('nonsense')).toThrow('yolov3-v8')
  })

  it('names a sampler with options it accepts, in replay, ranges and a fitness', () => {
    for (const [name, release] of Object.entries<Release>(releases)) {
      const sampler = samplers[release.sampler] as Sampler<unknown>
      expect([name, sampler.options.parse(release.options)]).toMatchObject([name, { mode: 'replay' }])
      expect(Object.hasOwn(rangeTables, release.ranges) && Object.hasOwn(fitnessPresets, release.fitness)).toBe(true)
      expect(name.startsWith(release.files.slice(0, 6))).toBe(true)
    }
  })
})

describe('suggest', () => {
  it('proposes what a study with that seed would, and fills in options', () => {
    const hyp = Object.fromEntries(Object.entries(yolov5Ranges).map(([key, { upper = 1 }]) => [key, upper / 2]))
    const space = releaseSpace(hyp)
    const history = new History()
    const first = suggest({ space, sampler: 'yolov5', history, seed: 5 })
    expect(first).toEqual({ hyp: space.start, parents: [] })
    history.set({
      state: 'complete',
      number: 0,
      attempt: 1,
      parents: [],
      mutated: [],
      metrics: {},
      fitness: 1,
      hyp: first.hyp,
    })
    const second = suggest({ space, sampler: 'yolov5', history, seed: 5 })
    expect([second.parents, second.mutated?.length]).toEqual([[0], expect.any(Number)])
    expect(suggest({ space, sampler: 'yolov5', history, seed: 5, options: { sigma: 0.04 } })).not.toEqual(second)
    expect(suggest({ space, sampler: 'yolov5', history, seed: 6 })).not.toEqual(second)
    expect(() => suggest({ space, sampler: 'yolov5', history, seed: 5, options: { sigma: 'x' } })).toThrow()
  })
})
