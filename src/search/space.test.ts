import { describe, expect, it } from 'vitest'
import {
  HypKeyMissingError,
  HypKeyNotInSpaceError,
  HypNotNumberError,
  SearchSpaceFrozenError,
  SearchSpaceInvalidError,
} from '../base/index.ts'
import {
  choice,
  defineSpace,
  float,
  integer,
  rangeSpace,
  releaseSpace,
  SearchSpace,
  samplers,
  yolov5Ranges,
  yolov5Space,
} from './index.ts'

const hyp: Record<string, number> = Object.fromEntries(
  Object.entries(yolov5Ranges).flatMap(([key, { lower = 0 }]) => (key === 'anchors' ? [] : [[key, lower]])),
)

describe('a space of ranges', () => {
  const ranges = { a: { gain: 1, lower: 0.1, upper: 1 }, b: { gain: 1, lower: 0, upper: 9 } }

  it('keeps the order of the hyp', () => {
    expect(rangeSpace({ b: 1, a: 2 }, ranges).keys).toEqual(['b', 'a'])
    expect(rangeSpace({ b: 1, a: 2 }, ranges).gainOrder).toEqual(['a', 'b'])
  })

  it('clips, then rounds, as many decimals as it is told', () => {
    const space = rangeSpace({ a: 1, b: 1 }, ranges, { decimals: 5 })
    expect([space.toHyp([0, 9.1]), space.toHyp([0.1234567, 0.000005])]).toEqual([
      { a: 0.1, b: 9 },
      { a: 0.12346, b: 1e-5 },
    ])
    expect(rangeSpace({ a: 1, b: 1 }, ranges).toHyp([0.1234567, 10])).toEqual({ a: 0.1234567, b: 9 })
    expect(rangeSpace({ a: 7, b: 1 }, ranges).start).toEqual({ a: 1, b: 1 })
  })

  it('refuses missing and unknown keys, and guesses typing errors', () => {
    expect(() => rangeSpace({ a: 1 }, ranges)).toThrow(HypKeyMissingError)
    expect(() => rangeSpace({ a: 1, b: 1, c: 1 }, ranges)).toThrow(HypKeyNotInSpaceError)
    expect(() => rangeSpace({ a: 1, b: 1, constructor: 1 }, ranges)).toThrow('constructor')
    const { momentum: _momentum, ...typo } = hyp
    expect(() => yolov5Space({ ...typo, momentun: 0.9 }, { source: 'my.yaml' })).toThrow(
      'my.yaml has no "momentum", which this search evolves (it has "momentun": a typing error?).',
    )
    expect(() => yolov5Space({ ...hyp, mosaik: 1 })).toThrow('Did you mean "mosaic"?')
    expect(() => yolov5Space(hyp, { fixed: ['mozaic'] })).toThrow('Did you mean "mosaic"?')
    expect(() => yolov5Space(hyp, { only: ['mozaic'] })).toThrow('Did you mean "mosaic"?')
    expect(() => yolov5Space(hyp, { set: ['mozaic=0..1'] })).toThrow('Did you mean "mosaic"?')
  })

  it('refuses values that are no numbers, and a space in which nothing may move', () => {
    expect(() => rangeSpace({ a: Number.NaN, b: 1 }, ranges)).toThrow(HypNotNumberError)
    expect(() => rangeSpace({ a: 'x', b: 1 }, ranges)).toThrow(HypNotNumberError)
    expect(() => rangeSpace({ a: 1, b: 1 }, ranges).fix(['a', 'b'])).toThrow(SearchSpaceFrozenError)
  })
})

describe('what a space says is fixed', () => {
  it('gives the reason', () => {
    const ranges = {
      moves: { gain: 1, lower: 0, upper: 1 },
      still: { gain: 0, lower: 0, upper: 1 },
      pinned: { gain: 1, lower: 0.5, upper: 0.5 },
      zero: { gain: 1, lower: 0, upper: 1 },
      free: { gain: 1 },
      coarse: { gain: 1, lower: 0.123456, upper: 0.123459 },
    }
    const start = { moves: 0.3, still: 0.3, pinned: 0.5, zero: 0, free: -4, coarse: 0.123457 }
    const space = rangeSpace(start, ranges, { decimals: 5 })
    expect(space.frozen(samplers.yolov5)).toEqual([
      { key: 'still', reason: 'its mutation gain is 0' },
      { key: 'pinned', reason: 'its bounds are equal' },
      { key: 'zero', reason: 'it starts at 0, and 0 times any factor stays 0' },
      { key: 'coarse', reason: 'rounding to 5 decimals undoes every move' },
    ])
    // a sampler that does not multiply moves zeros
    expect(space.frozen(samplers.random).map(({ key }) => key)).toEqual(['still', 'pinned', 'coarse'])
    expect(space.frozen()).toEqual(space.frozen(samplers.yolov5))
  })

  it('knows one choice, equal bounds and fixed values', () => {
    const space = defineSpace({ a: choice('x'), b: integer(2, 2), c: float(1, 1), d: float(0, 1) }).fix([])
    expect(space.frozen().map(({ key }) => key)).toEqual(['a', 'b', 'c'])
    expect(defineSpace({ d: float(-1, 1, { default: 0 }) }).frozen()).toEqual([]) // added to, not multiplied
  })
})

describe('changes', () => {
  const space = releaseSpace({ ...hyp, lr0: 0.01 })

  it('fix keeps start values and bounds; only fixes all others', () => {
    const movable = (each: SearchSpace) =>
      each.keys.filter((key) => !each.frozen().some((frozen) => frozen.key === key))
    const before = movable(space)
    expect(before).toContain('lr0')
    expect(movable(space.fix(['lr0']))).toEqual(before.filter((key) => key !== 'lr0'))
    expect(space.fix(['lr0']).get('lr0')).toEqual({ ...space.get('lr0'), gain: 0 })
    expect(movable(space.only(['lr0', 'box']))).toEqual(['lr0', 'box'])
    expect(space.only(['lr0']).start).toEqual(space.start)
  })

  it('set gives other bounds, and frees what was frozen', () => {
    expect(space.set('lr0=1e-4..0.05').get('lr0')).toMatchObject({ gain: 1, lower: 1e-4, upper: 0.05 })
    expect(space.set('lr0 = 0.02 .. 0.05').start.lr0).toBe(0.02)
    expect(space.set('fliplr=0.2..0.8').get('fliplr')).toMatchObject({ gain: 1, lower: 0.2, upper: 0.8 })
    expect(space.set('momentum=0.8..0.9').get('momentum')).toMatchObject({ gain: 0.3 })
    expect(space.set('shear=-5..5').get('shear')).toMatchObject({ lower: -5 })
    for (const bad of [
      'lr0',
      'lr0=1',
      'lr0=1..',
      'lr0=..1',
      'lr0=a..b',
      '=1..2',
      'lr0=2..1',
      'lr0=1..2..3',
      'lr0=0..Infinity',
    ])
      expect(() => space.set(bad), bad).toThrow(SearchSpaceInvalidError)
    const choices = defineSpace({ a: choice('x', 'y'), b: float(0, 1) })
    expect(() => choices.set('a=0..1')).toThrow('no number')
    expect(choices.fix(['b']).set('b=0.2..0.4').get('b')).toEqual({ kind: 'float', lower: 0.2, upper: 0.4, start: 0.5 })
  })

  it('leave the space as it was', () => {
    const json = JSON.stringify(space)
    space.set('lr0=1e-4..0.05').fix(['box']).only(['lr0'])
    expect(JSON.stringify(space)).toBe(json)
  })
})

describe('anchors', () => {
  const moves = (space: SearchSpace) => !space.frozen().some(({ key }) => key === 'anchors')

  it('are evolved from 3 as the last key, as yolov5 v6.0 and later do', () => {
    const space = yolov5Space(hyp)
    expect([space.keys.at(-1), space.start.anchors, moves(space)]).toEqual(['anchors', 3, true])
    expect(yolov5Space({ anchors: 5, ...hyp }).start.anchors).toBe(5)
    expect(yolov5Space({ anchors: 5, ...hyp }).keys[0]).toBe('anchors')
  })

  it('stand after anchor_t in the releases whose table has them there', () => {
    const { copy_paste: _copyPaste, ...older } = hyp
    const { keys, notes } = releaseSpace(older, { release: 'yolov5-v5.0' })
    expect(keys.indexOf('anchors')).toBe(keys.indexOf('anchor_t') + 1)
    expect(notes).toEqual([])
  })

  it('fixed and not in the hyp: no part of the search, so the model keeps its own', () => {
    for (const options of [{ fixed: ['anchors'] }, { only: ['lr0', 'box'] }])
      expect(yolov5Space(hyp, options).keys).toEqual(Object.keys(hyp))
  })

  it('fixed and in the hyp: stay at that number', () => {
    const space = yolov5Space({ ...hyp, anchors: 5 }, { fixed: ['anchors'] })
    expect([space.start.anchors, moves(space)]).toEqual([5, false])
  })

  it('with AutoAnchor off are left out, wherever they stood', () => {
    const space = yolov5Space({ anchors: 5, ...hyp }, { noAutoAnchor: true })
    expect(space.keys).toEqual(Object.keys(hyp))
    expect(space.notes).toEqual(['anchors is left out: with AutoAnchor off the anchors of the model are used.'])
    expect(yolov5Space(hyp, { noAutoAnchor: true, fixed: ['anchors', 'lr0'] }).keys).toEqual(Object.keys(hyp))
  })
})

describe('a hyp and another release', () => {
  it('what the release does not evolve stays as it is, with a note', () => {
    const space = releaseSpace(hyp, { release: 'yolov5-v3.0', source: 'my.yaml' })
    expect(space.keys).toEqual(Object.keys(hyp))
    expect(space.get('box')).toMatchObject({ gain: 1, lower: 0.02, upper: 0.2 }) // giou there
    expect(space.get('mosaic')).toMatchObject({ gain: 0 })
    expect(space.notes.join(' ')).toContain("The release's giou is box here.")
    expect(space.notes.join(' ')).toContain('does not evolve lrf, warmup_epochs')
    expect(space.gainOrder).toEqual(space.keys) // gains of its table, which has another order, go by name then
    expect(() => releaseSpace(hyp, { release: 'yolov3-v6' })).toThrow(HypKeyMissingError)
  })

  it('keeps iou_t, fl_gamma, perspective and fliplr where they are', () => {
    const still = yolov5Space(hyp, { fixed: ['lr0'] }).keys.filter(
      (key) =>
        yolov5Space(hyp, { fixed: ['lr0'] }).get(key)?.kind === 'range' &&
        (yolov5Space(hyp, { fixed: ['lr0'] }).get(key) as { gain: number }).gain === 0,
    )
    expect(still).toEqual(['lr0', 'iou_t', 'fl_gamma', 'perspective', 'fliplr'])
  })
})

describe('JSON', () => {
  it('gives the same space again', () => {
    const spaces = [
      yolov5Space(hyp),
      releaseSpace(hyp, { release: 'yolov3-v8' }),
      defineSpace({
        a: choice('x', 'y'),
        b: float(0, 1, { when: { a: ['x'] } }),
        c: integer(1, 8, { log: true }),
      }) as never,
    ]
    for (const space of spaces as SearchSpace[]) {
      const again = SearchSpace.fromJSON(JSON.parse(JSON.stringify(space)))
      expect(JSON.stringify(again)).toBe(JSON.stringify(space))
      expect([again.start, again.gainOrder, again.decimals]).toEqual([space.start, space.gainOrder, space.decimals])
    }
  })

  it.each([
    [null],
    [{}],
    [{ parameters: [] }],
    [{ parameters: [['a', { kind: 'float', lower: 0 }]] }],
    [{ parameters: [['a', { kind: 'float', lower: 1, upper: 0, start: 0 }]] }],
    [{ parameters: [['a', { kind: 'float', lower: 0, upper: 1, start: 0, log: true }]] }],
    [{ parameters: [['a', { kind: 'choice', choices: ['x', 'x'], start: 'x' }]] }],
    [{ parameters: [['a', { kind: 'choice', choices: ['x', 'y'], start: 'z' }]] }],
    [{ parameters: [['a', { kind: 'wrong' }]] }],
    [{ parameters: [['__proto__', { kind: 'float', lower: 0, upper: 1, start: 0 }]] }],
    [{ parameters: [['7', { kind: 'float', lower: 0, upper: 1, start: 0 }]] }],
    [{ parameters: [['a', { kind: 'float', lower: 0, upper: 1, start: 0 }]], extra: 1 }],
  ])('refuses %j', (json) => {
    expect(() => SearchSpace.fromJSON(json)).toThrow(SearchSpaceInvalidError)
  })
})
