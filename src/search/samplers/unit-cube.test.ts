import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { choice, defineSpace, fixed, float, integer, rangeSpace, type SearchSpace } from '../index.ts'
import { normalCdf, normalMass, normalQuantile, truncatedNormal } from './normal.ts'
import { type NumberAxis, unitCube } from './unit-cube.ts'

const ranges = {
  lr0: { gain: 1, lower: 1e-5, upper: 0.1 },
  momentum: { gain: 0.3, lower: 0.6, upper: 0.98 },
  mixup: { gain: 1, lower: 0, upper: 1 },
  degrees: { gain: 1, lower: 0, upper: 45 },
  hsv_h: { gain: 1, lower: 0, upper: 0.1 },
  iou_t: { gain: 0, lower: 0.1, upper: 0.7 },
  box: { gain: 1 },
  shear: { gain: 1 },
}
const yolo = rangeSpace(
  { lr0: 0.01, momentum: 0.937, mixup: 0, degrees: 0, hsv_h: 0.015, iou_t: 0.2, box: 0.05, shear: 0 },
  ranges,
)

const mixed = defineSpace({
  lr: float(1e-4, 1, { log: true, default: 0.01 }),
  layers: integer(1, 4),
  width: integer(1, 1000, { log: true }),
  optimizer: choice('sgd', 'adam', 'lion'),
  momentum: float(0, 1, { when: { optimizer: ['sgd'] } }),
  nesterov: choice([true, false], { when: { optimizer: ['sgd'] } }),
  damping: float(0, 1, { when: { nesterov: [false] } }),
  batch: fixed(32),
}) as SearchSpace

const axis = (space: SearchSpace, key: string) =>
  unitCube(space).axes.find((each): each is NumberAxis => each.key === key && each.kind === 'number')!

describe('unitCube', () => {
  it('has an axis for what can move, in the order of the space', () => {
    expect(unitCube(yolo).axes.map(({ key }) => key)).toEqual(['lr0', 'momentum', 'mixup', 'degrees', 'hsv_h', 'box'])
    expect(unitCube(mixed.fix(['width'])).axes.map(({ key }) => key)).toEqual([
      'lr',
      'layers',
      'optimizer',
      'momentum',
      'nesterov',
      'damping',
    ])
  })

  it('is logarithmic where the space says so and for ranges of two decades', () => {
    expect(axis(yolo, 'lr0').fromUnit(0.5)).toBeCloseTo(1e-3, 12)
    expect(axis(yolo, 'momentum').fromUnit(0.5)).toBeCloseTo(0.79, 12)
    expect(axis(mixed, 'lr').start).toBeCloseTo(0.5, 12)
  })

  it('goes where one mutation can come, where a bound is not there', () => {
    const box = axis(yolo, 'box')
    expect([box.fromUnit(0), box.fromUnit(1)]).toEqual([0.3 * 0.05, 3 * 0.05])
  })

  it('gives a fifth of the axis to a zero that the search starts with, and to no other', () => {
    const degrees = axis(yolo, 'degrees')
    expect([0, 0.1, 0.2, 0.6, 1].map(degrees.fromUnit)).toEqual([0, 0, 0, expect.closeTo(22.5, 10), 45])
    expect(degrees.cell(0.1)).toEqual([0, 0.2])
    expect(degrees.cell(0.3)).toBeUndefined()
    expect(axis(yolo, 'hsv_h').fromUnit(0.1)).toBeCloseTo(0.01, 12)
  })

  it('gives every whole number its stretch', () => {
    const layers = axis(mixed, 'layers')
    expect([0, 0.24, 0.26, 0.5, 0.76, 1].map(layers.fromUnit)).toEqual([1, 1, 2, 3, 4, 4])
    expect(layers.cell(0.3)).toEqual([0.25, 0.5])
    const width = axis(mixed, 'width')
    for (const value of [1, 2, 31, 999, 1000]) {
      const [from, to] = width.cell(width.toUnit(value))!
      expect(width.fromUnit(from + 1e-9)).toBe(value)
      expect(width.fromUnit(to - 1e-9)).toBe(value)
    }
  })

  it('brings every hyp back', () => {
    for (const space of [yolo, mixed])
      fc.assert(
        fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }), (us) => {
          const cube = unitCube(space)
          const positions = cube.axes.map((each, i) =>
            each.kind === 'choice' ? Math.min(Math.floor(us[i] * each.choices.length), each.choices.length - 1) : us[i],
          )
          const hyp = cube.toHyp(positions)
          const back = cube.toPositions(hyp)
          for (const [i, { key }] of cube.axes.entries()) {
            expect(Number.isNaN(back[i])).toBe(!Object.hasOwn(hyp, key))
            expect(cube.has(i, positions)).toBe(Object.hasOwn(hyp, key))
          }
          const again = cube.toHyp(back.map((u, i) => (Number.isNaN(u) ? cube.axes[i].start : u)))
          for (const [key, value] of Object.entries(hyp))
            if (typeof value === 'number') expect(again[key]).toBeCloseTo(value, 9)
            else expect(again[key]).toBe(value)
        }),
      )
  })

  it('puts together what occurs together', () => {
    expect(unitCube(mixed).groups.map(({ axes }) => axes.map(({ key }) => key))).toEqual([
      ['lr', 'layers', 'width', 'optimizer'],
      ['momentum', 'nesterov'],
      ['damping'],
    ])
  })
})

describe('the normal distribution', () => {
  // by Python's math.erfc
  it('has the probabilities of the tables, far tails included', () => {
    const known: [number, number][] = [
      [0, 0.5],
      [1, 0.8413447460685429],
      [-1.5, 0.06680720126885809],
      [-5, 2.866515718791946e-7],
      [-8, 6.220960574271819e-16],
      [-20, 2.7536241186063314e-89],
    ]
    for (const [x, p] of known) expect(normalCdf(x) / p).toBeCloseTo(1, 7)
    expect(normalMass(5, 6) / 2.856649842341569e-7).toBeCloseTo(1, 7)
  })

  it('has quantiles that invert them', () => {
    for (const p of [1e-300, 1e-20, 1e-5, 0.02, 0.3, 0.5, 0.9, 0.999]) {
      expect(normalCdf(normalQuantile(p)) / p).toBeCloseTo(1, 9)
    }
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity])
  })

  it('stays between its bounds wherever the mean is', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -50, max: 50, noNaN: true }),
        fc.double({ min: 1e-6, max: 10, noNaN: true }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (mean, std, u) => {
          const value = truncatedNormal(mean, std, 0, 1, u)
          expect(value >= 0 && value <= 1).toBe(true)
        },
      ),
    )
    expect(truncatedNormal(0.5, 0.1, 0, 1, 0.5)).toBeCloseTo(0.5, 9)
    expect(truncatedNormal(0, 1, 6, Infinity, 0.5)).toBeGreaterThan(6)
  })
})
