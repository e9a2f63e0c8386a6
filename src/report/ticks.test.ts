import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { axisLimits, numericAxis, wholeNumbers } from './ticks.ts'

describe('axisLimits', () => {
  it('leaves 5 % around the values', () => {
    expect(axisLimits([0, 10, 5])).toEqual({ min: -0.5, max: 10.5 })
  })
  it('opens around a single value, and around 0', () => {
    expect(axisLimits([2, 2]).min).toBeCloseTo(1.89, 12)
    expect(axisLimits([2, 2]).max).toBeCloseTo(2.11, 12)
    expect(axisLimits([0]).min).toBeCloseTo(-0.055, 12)
    expect(axisLimits([0]).max).toBeCloseTo(0.055, 12)
  })
  it('ignores what is not finite', () => {
    expect(axisLimits([Number.NaN, 1, Number.POSITIVE_INFINITY, 3])).toEqual({ min: 0.9, max: 3.1 })
    expect(axisLimits([Number.NaN])).toEqual({ min: 0, max: 1 })
    expect(axisLimits([])).toEqual({ min: 0, max: 1 })
  })
})

describe('numericAxis', () => {
  const labels = (min: number, max: number, intervals: number) => {
    const { ticks, label } = numericAxis({ min, max }, intervals)
    return ticks.map(label)
  }
  it('takes round steps and equal decimals', () => {
    expect(labels(0.0042, 0.0129, 4)).toEqual(['0.0050', '0.0075', '0.0100', '0.0125'])
    expect(labels(-0.055, 0.055, 4)).toEqual(['−0.05', '0.00', '0.05'])
    expect(labels(0, 1, 5)).toEqual(['0.0', '0.2', '0.4', '0.6', '0.8', '1.0'])
    expect(labels(1e-6, 9e-6, 4)).toEqual(['2e−6', '4e−6', '6e−6', '8e−6'])
    expect(labels(0, 3e6, 4)).toEqual(['0', '1e6', '2e6', '3e6'])
  })
  it('keeps whole numbers for counts', () => {
    const { ticks, label } = wholeNumbers(numericAxis({ min: 0, max: 2.1 }, 5))
    expect(ticks.map(label)).toEqual(['0', '1', '2'])
  })
  it('tries fewer ticks until the labels fit, and keeps one at least', () => {
    const { ticks } = numericAxis({ min: 0.00071, max: 0.00078 }, 5, () => false)
    expect(ticks.length).toBeGreaterThan(0)
  })
  it('stays inside the axis with at least one tick, whatever the range', () => {
    const edge = fc.double({ noNaN: true, min: -1e9, max: 1e9 })
    fc.assert(
      fc.property(
        edge,
        fc.double({ noNaN: true, min: 1e-6, max: 1e6 }),
        fc.integer({ min: 1, max: 9 }),
        (low, span, n) => {
          fc.pre(Math.abs(low) < span * 1e6)
          const { ticks } = numericAxis({ min: low, max: low + span }, n)
          expect(ticks.length).toBeGreaterThan(0)
          for (const tick of ticks) expect(tick >= low - span * 1e-5 && tick <= low + span * (1 + 1e-5)).toBe(true)
          for (let i = 1; i < ticks.length; i++) expect(ticks[i]!).toBeGreaterThan(ticks[i - 1]!)
        },
      ),
    )
  })
})
