import { expect, it } from 'vitest'
import { growthOf } from './growth.ts'

const wobble = (step: number) => ((step * 7919) % 13) - 6
const series = (perStep: number) => Array.from({ length: 40 }, (_, step) => 400 + perStep * step + wobble(step))

it.each([
  [0, true],
  [-2, true],
  [0.05, true],
  [3, false],
])('a series that grows by %d per step', (perStep, flat) => {
  const growth = growthOf(series(perStep))
  expect(growth.flat).toBe(flat)
  expect(growth.slope).toBeCloseTo(perStep, 0)
  expect(growth.interval[0]).toBeLessThan(growth.slope)
})
