// Narrowed spaces, and spaces as files.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomFor } from '../base/index.ts'
import { choice, defineSpace, fixed, float, integer } from './define-space.ts'
import { parseHyp } from './hyp.ts'
import { importance, type ScoredHyp } from './importance.ts'
import { narrowedSpace } from './narrow.ts'
import { spaceText } from './narrow-text.ts'
import { evenDraw } from './samplers/fresh.ts'
import type { SearchSpace } from './space.ts'
import { parseSpace } from './space-file.ts'
import { yolov5Space } from './yolo-space.ts'

const mixed = defineSpace({
  lr: float(1e-5, 1e-1, { log: true, default: 0.01 }),
  mixup: float(0, 1, { default: 0 }),
  layers: integer(1, 9),
  idle: float(-3, 5),
  optimizer: choice('sgd', 'adam', 'on', 'null'),
  momentum: float(0.5, 0.99, { when: { optimizer: ['sgd', 'null'] } }),
  nesterov: choice([true, false], { when: { optimizer: ['sgd'] } }),
  batch: fixed(32),
})

const yolo = yolov5Space(
  parseHyp(
    'lr0: 0.01\nlrf: 0.01\nmomentum: 0.937\nweight_decay: 0.0005\nwarmup_epochs: 3.0\nwarmup_momentum: 0.8\n' +
      'warmup_bias_lr: 0.1\nbox: 0.05\ncls: 0.5\ncls_pw: 1.0\nobj: 1.0\nobj_pw: 1.0\niou_t: 0.20\nanchor_t: 4.0\n' +
      'fl_gamma: 0.0\nhsv_h: 0.015\nhsv_s: 0.7\nhsv_v: 0.4\ndegrees: 0.0\ntranslate: 0.1\nscale: 0.5\nshear: 0.0\n' +
      'perspective: 0.0\nflipud: 0.0\nfliplr: 0.5\nmosaic: 1.0\nmixup: 0.0\ncopy_paste: 0.0\n',
    'hyp',
  ),
)

/** Of the mixed space and of YOLO's. */
interface Values {
  readonly lr: number
  readonly lr0: number
  readonly box: number
  readonly x: number
  readonly kind: string
  readonly mixup: number
  readonly optimizer: string
}

function drawn(space: SearchSpace, count: number, score: (hyp: Values) => number, seed = 1): ScoredHyp[] {
  const rng = randomFor(seed, 7)
  return Array.from({ length: count }, (_, number) => {
    const hyp = number === 0 ? space.start : space.toHyp(evenDraw(space, rng))
    return { number, hyp, score: score(hyp as unknown as Values) + 0.02 * rng.numpy.normal() }
  })
}

const scoreOf = (hyp: Values) =>
  -((Math.log10(hyp.lr) + 2.5) ** 2) / 4 - 0.8 * (hyp.mixup - 0.6) ** 2 - (hyp.optimizer === 'on' ? 1.5 : 0)

const narrowed = (space: SearchSpace, trials: readonly ScoredHyp[]) => {
  const best = trials.reduce((a, b) => (b.score > a.score ? b : a)).hyp
  return {
    best,
    ...narrowedSpace({ space, trials, importance: importance(space, trials), best, heading: ['Of a test'] }),
  }
}

describe('a space as a file', () => {
  it('reads back as the same space', () => {
    for (const space of [mixed, yolo]) {
      const { decimals: _, gainOrder: __, ...json } = space.toJSON()
      expect(parseSpace(spaceText(space), 'text').toJSON()).toEqual(json)
    }
  })

  it('reads back whatever numbers and texts it holds', () => {
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })
    fc.assert(
      fc.property(numbers, numbers, fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2 }), (a, b, texts) => {
        fc.pre(a !== b && !Object.is(a, -0) && !Object.is(b, -0))
        const space = defineSpace({ x: float(Math.min(a, b), Math.max(a, b)), text: choice(texts, {}), y: fixed(a) })
        expect(parseSpace(spaceText(space, ['a', 'b\nc'], new Map([['x', 'why\nnot']])), 'text').toJSON()).toEqual(
          space.toJSON(),
        )
      }),
    )
  })
})

describe('a narrowed space', () => {
  it('fixes what does not matter, bounds the rest, and starts at the best', () => {
    const { space, best, fixed: fixedKeys, bounded, text } = narrowed(mixed, drawn(mixed, 120, scoreOf, 2))
    expect(fixedKeys).toContain('idle')
    expect(fixedKeys).toContain('layers')
    expect(bounded).toContain('lr')
    const lr = space.get('lr')
    if (lr?.kind !== 'float') throw new Error('lr is no number any more')
    expect(lr.lower).toBeGreaterThan(1e-5)
    expect(lr.upper).toBeLessThan(0.1)
    expect(lr.start).toBe(best['lr'])
    expect(space.get('idle')).toEqual({ kind: 'fixed', start: best['idle'] })
    expect(space.get('optimizer')).toMatchObject({ choices: ['sgd', 'adam', 'null'] })
    expect(text).toMatch(/^# Of a test\nlr: \{ float: \[/)
    expect(text).toMatch(/idle: .* # fixed at the best value: .*not distinguishable/)
  })

  it('reads as a space, and the best hyp lies in it unchanged', () => {
    for (let seed = 1; seed <= 2; seed++) {
      const { space, text, best, dropped } = narrowed(mixed, drawn(mixed, 60, scoreOf, seed))
      const read = parseSpace(text, 'narrow.yaml')
      expect(read.toJSON()).toEqual(space.toJSON())
      const kept = Object.fromEntries(Object.entries(best).filter(([key]) => !dropped.includes(key)))
      expect(read.toHyp(read.toValues(best))).toEqual(kept)
      expect(read.start).toEqual(kept)
    }
  })

  it('keeps a start that is good in bounds', () => {
    // All good trials lie far from the start, which still is among the better half.
    const space = defineSpace({ x: float(0, 1, { default: 0.5 }) })
    const trials = drawn(space, 40, ({ x }) => (x === 0.5 ? 0.9 : x > 0.8 ? 1 : 0))
    const { space: smaller } = narrowed(space, trials)
    expect(smaller.toHyp([0.5])).toEqual({ x: 0.5 })
    expect(smaller.get('x')).toMatchObject({ upper: 1 })
  })

  it('drops what exists under a condition that cannot hold any more', () => {
    const space = defineSpace({
      x: float(0, 1),
      kind: choice('a', 'b'),
      onlyB: float(0, 1, { when: { kind: ['b'] } }),
      under: float(0, 1, { when: { onlyB: [0.5] } }),
    })
    const trials = drawn(space, 60, ({ x, kind }) => x + (kind === 'b' ? -5 : 0))
    const { space: smaller, dropped, text } = narrowed(space, trials)
    expect(dropped).toEqual(['onlyB', 'under'])
    expect(smaller.keys).toEqual(['x', 'kind'])
    expect(text).toContain('Left out, as their condition cannot hold here: onlyB, under')
  })

  it('fixes nothing if the trials explain nothing', () => {
    const { fixed: fixedKeys, text } = narrowed(
      mixed,
      drawn(mixed, 30, () => 0),
    )
    expect(fixedKeys).toEqual([])
    expect(text).toContain('nothing is fixed')
  })

  it('works on the space of YOLOv5', () => {
    const trials = drawn(yolo, 60, ({ lr0, box }) => -Math.abs(Math.log10(lr0) + 2) - 10 * Math.abs(box - 0.08))
    const { text, best, space: smaller } = narrowed(yolo, trials)
    expect(parseSpace(text, 'text').toHyp(smaller.toValues(best))).toEqual(best)
    expect(smaller.keys).toEqual(yolo.keys)
    expect(smaller.get('lr0')).toMatchObject({ kind: 'range', gain: 1 })
  })
})
