import { describe, expect, it } from 'vitest'
import { HypKeyMissingError, HypKeyNotInSpaceError, HypNotNumberError, SearchSpaceFrozenError } from '../base/index.ts'
import { SearchSpace, yolov5Ranges, yolov5Space } from './index.ts'

const hyp = Object.fromEntries(
  Object.entries(yolov5Ranges).flatMap(([key, { lower }]) => (key === 'anchors' ? [] : [[key, lower]])),
)

describe('SearchSpace', () => {
  const ranges = { a: { gain: 1, lower: 0.1, upper: 1 }, b: { gain: 1, lower: 0, upper: 9 } }

  it('keeps the order of the hyp', () => {
    expect(new SearchSpace({ b: 1, a: 2 }, ranges).keys).toEqual(['b', 'a'])
  })

  it('clips, then rounds to 5 decimals', () => {
    const space = new SearchSpace({ a: 1, b: 1 }, ranges)
    expect([space.toHyp([0, 9.1]), space.toHyp([0.1234567, 0.000005])]).toEqual([
      { a: 0.1, b: 9 },
      { a: 0.12346, b: 1e-5 },
    ])
  })

  it('refuses missing and unknown keys, and guesses typing errors', () => {
    expect(() => new SearchSpace({ a: 1 }, ranges)).toThrow(HypKeyMissingError)
    expect(() => new SearchSpace({ a: 1, b: 1, c: 1 }, ranges)).toThrow(HypKeyNotInSpaceError)
    expect(() => new SearchSpace({ a: 1, b: 1, constructor: 1 }, ranges)).toThrow('constructor')
    const { momentum, ...typo } = hyp
    expect(() => yolov5Space({ ...typo, momentun: 0.9 }, { source: 'my.yaml' })).toThrow(
      'my.yaml has no "momentum", which this search evolves (it has "momentun": a typing error?).',
    )
    expect(() => yolov5Space({ ...hyp, mosaik: 1 })).toThrow('Did you mean "mosaic"?')
    expect(() => yolov5Space(hyp, { fixed: ['mozaic'] })).toThrow('Did you mean "mosaic"?')
  })

  it('refuses values that are no numbers, and a space in which nothing may move', () => {
    expect(() => new SearchSpace({ a: Number.NaN, b: 1 }, ranges)).toThrow(HypNotNumberError)
    expect(() => new SearchSpace({ a: 1, b: 1 }, ranges, { fixed: ['a', 'b'] })).toThrow(SearchSpaceFrozenError)
  })
})

describe('yolov5Space', () => {
  it('evolves the number of anchors, as the last key, unless AutoAnchor is off', () => {
    expect(yolov5Space(hyp).keys.at(-1)).toBe('anchors')
    expect(yolov5Space(hyp).defaults.at(-1)).toBe(3)
    expect(yolov5Space({ anchors: 5, ...hyp }).defaults[0]).toBe(5)
    expect(yolov5Space({ anchors: 5, ...hyp }, { noAutoAnchor: true }).keys).toEqual(Object.keys(hyp))
  })

  it('keeps iou_t, fl_gamma, perspective and fliplr where they are', () => {
    const space = yolov5Space(hyp, { fixed: ['lr0'] })
    const still = space.keys.filter((_, i) => space.gains[i] === 0)
    expect(still).toEqual(['lr0', 'iou_t', 'fl_gamma', 'perspective', 'fliplr'])
  })
})
