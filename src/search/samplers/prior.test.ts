import { describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import { choice, defineSpace, float, integer, type SearchSpace } from '../index.ts'
import { densityNear, drawAnywhere, drawNear } from './prior.ts'
import { unitCube } from './unit-cube.ts'

const { axes } = unitCube(
  defineSpace({
    x: float(0, 1, { default: 0.3 }),
    n: integer(1, 5, { default: 2 }),
    c: choice(['a', 'b', 'c', 'd'], { default: 'b' }),
    off: float(0, 2, { default: 0 }),
  }) as SearchSpace,
)
const [x, n, c, off] = axes
const start = axes.map((axis) => axis.start)
const std = 0.25

describe('draws near a point', () => {
  it('lie as densely as the density says', () => {
    const { numpy } = randomFor(1, 1)
    const draws = 20_000
    const share = (axis: (typeof axes)[number], within: (u: number) => boolean) => {
      let count = 0
      for (let i = 0; i < draws; i++) if (within(drawNear(axis, axis.start, std, numpy.random()))) count++
      return count / draws
    }
    const mass = (axis: (typeof axes)[number], at: number) => Math.exp(densityNear([axis], [axis.start], std)([at]))

    const steps = Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 1000)
    expect(steps.reduce((sum, u) => sum + mass(x, u) / 1000, 0)).toBeCloseTo(1, 4)
    const below = steps.filter((u) => u < 0.2).reduce((sum, u) => sum + mass(x, u) / 1000, 0)
    expect(share(x, (u) => u < 0.2)).toBeCloseTo(below, 1)

    const cells = [1, 2, 3, 4, 5].map((value) => mass(n, (value - 0.5) / 5))
    expect(cells.reduce((a, b) => a + b)).toBeCloseTo(1, 8)
    expect(share(n, (u) => u >= 0.4 && u < 0.6)).toBeCloseTo(cells[2], 1)

    expect([0, 1, 2, 3].map((place) => mass(c, place))).toEqual([0.25 / 3, 0.75, 0.25 / 3, 0.25 / 3].map(closeTo))
    expect(share(c, (place) => place === 3)).toBeCloseTo(0.25 / 3, 1)

    expect(share(off, (u) => u <= 0.2)).toBeCloseTo(mass(off, 0.1), 1) // the zero has a mass of its own
  })

  it('count what is there: what a point lacks not at all, what the centre lacks as anywhere', () => {
    const near = densityNear(axes, start, std)
    const without = densityNear([n, c, off], start.slice(1), std)
    expect(near([Number.NaN, ...start.slice(1)])).toBeCloseTo(without(start.slice(1)), 12)
    const anywhere = densityNear(axes, [Number.NaN, Number.NaN, Number.NaN, Number.NaN], std)
    expect(anywhere(start)).toBeCloseTo(Math.log(1 / 5) + Math.log(1 / 4) + Math.log(0.2), 8)
  })
})

it('draws anywhere reach every choice', () => {
  expect([0, 0.26, 0.5, 0.99].map((u) => drawAnywhere(c, u))).toEqual([0, 1, 2, 3])
  expect(drawAnywhere(x, 0.77)).toBe(0.77)
})

const closeTo = (value: number) => expect.closeTo(value, 8)
