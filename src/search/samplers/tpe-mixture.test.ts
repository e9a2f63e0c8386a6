import { describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import { choice, defineSpace, float, integer, type SearchSpace } from '../index.ts'
import { bandwidths, Mixture, rampedWeights } from './tpe-mixture.ts'
import { unitCube } from './unit-cube.ts'

const space = defineSpace({ x: float(0, 1), n: integer(1, 6), c: choice('a', 'b', 'c') }) as SearchSpace
const { axes, toPositions } = unitCube(space)

/** A generator that Python has in one line, so that both sides see the same trials. */
function sequence(): () => number {
  let state = 7
  return () => (state = Number((BigInt(state) * 1103515245n + 12345n) % 2147483648n)) / 2147483648
}

const mixtureOf = (points: readonly Float64Array[]) =>
  new Mixture(
    axes,
    axes.map((_, j) => Float64Array.from(points, (point) => point[j])),
    points.length,
  )

describe('Mixture', () => {
  // Optuna 5.0.0: _ParzenEstimator(…, multivariate=True, default weights, magic clip, no endpoints).log_pdf, with a
  // stable argsort (NumPy's own leaves the order of equal whole numbers to its sort). Masses of narrow cells are approximated here.
  it('has the densities of Optuna', () => {
    const next = sequence()
    const known = new Map([
      [0, [-2.976177839, -2.813037221, -2.988627839]],
      [1, [-2.668831229, -2.987657537, -3.285817414]],
      [2, [-4.069310028, -3.628297505, -2.27182186]],
      [5, [-3.378812285, -2.064029098, -4.070757453]],
      [40, [-4.745864684, -1.494509104, -3.949727355]],
    ])
    for (const [count, logs] of known) {
      const hyps = Array.from({ length: count }, () => ({
        x: Math.round(next() * 1000) / 1000,
        n: 1 + Math.floor(next() * 6),
        c: 'abc'[Math.floor(next() * 3)]!,
      }))
      const mixture = mixtureOf(hyps.map(toPositions))
      const asked = [
        { x: 0.1, n: 1, c: 'a' },
        { x: 0.5, n: 3, c: 'c' },
        { x: 0.93, n: 6, c: 'b' },
      ]
      const densities = asked.map((hyp) => mixture.logDensity(toPositions(hyp)) - Math.log(2 * Math.PI) / 2)
      expect(densities).toEqual(logs.map((log) => expect.closeTo(log, 2)))
    }
  })

  it('draws what it has the density of', () => {
    const points = [
      [0.2, 1 / 12, 0],
      [0.25, 1 / 4, 2],
    ].map((point) => Float64Array.from(point))
    const mixture = mixtureOf(points)
    const rng = randomFor(1, 1)
    const draws = Array.from({ length: 20_000 }, () => mixture.draw(rng))
    // the mean of 1 / density over the drawn choices and whole numbers, within a strip of x, is the strip's volume
    const strip = draws.filter(([x]) => x >= 0.4 && x < 0.6)
    const volume =
      strip.reduce((sum, point) => sum + Math.sqrt(2 * Math.PI) / Math.exp(mixture.logDensity(point)), 0) / draws.length
    expect(volume / (0.2 * 6 * 3)).toBeGreaterThan(0.85)
    expect(volume / (0.2 * 6 * 3)).toBeLessThan(1.15)
  })

  it('stays finite where no trial ever was', () => {
    const points = Array.from({ length: 300 }, (_, k) => Float64Array.of(0.9 + k / 1e5, 1 / 12, 0))
    expect(Number.isFinite(mixtureOf(points).logDensity([0, 11 / 12, 1]))).toBe(true)
  })
})

describe('rampedWeights', () => {
  it('counts the newest 25 in full, the prior too', () => {
    expect(rampedWeights(3)).toEqual([1, 1, 1, 1])
    const weights = rampedWeights(28)
    expect(weights.slice(0, 4)).toEqual([1 / 28, (1 / 28 + 1) / 2, 1, 1].map((w) => expect.closeTo(w, 12)))
    expect(weights).toHaveLength(29)
    expect(rampedWeights(26)[0]).toBe(1 / 26)
  })
})

describe('bandwidths', () => {
  it('are distances to neighbours, equal ones included, and never too small', () => {
    const about = (...values: number[]) => values.map((value) => expect.closeTo(value, 12))
    expect([...bandwidths(Float64Array.of(0.3))]).toEqual(about(0.7))
    expect([...bandwidths(Float64Array.of(0.9, 0.2, 0.5))]).toEqual(about(0.4, 0.3, 0.4))
    expect([...bandwidths(Float64Array.of(0.5, 0.5, 0.5, 1))]).toEqual(about(1 / 6, 1 / 6, 0.5, 0.5))
    expect(bandwidths(new Float64Array(0))).toHaveLength(0)
  })
})
