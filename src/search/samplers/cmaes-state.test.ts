import { describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import { choice, defineSpace, float, integer, type SearchSpace } from '../index.ts'
import { afterGeneration, type CmaesState, drawnFrom, initialState, type Told } from './cmaes-state.ts'
import { unitCube } from './unit-cube.ts'

const numbersFrom = (starts: readonly number[]) =>
  defineSpace(Object.fromEntries(starts.map((start, i) => [`x${i}`, float(0, 1, { default: start })]))) as SearchSpace

const about = (...values: number[]) => values.map((value) => expect.closeTo(value, 7))

describe('afterGeneration', () => {
  // CyberAgent's cmaes 0.13.1 for Python: CMA(mean, sigma=0.15, population_size=8), the same points told
  it('computes what the cmaes package computes', () => {
    const cube = unitCube(numbersFrom([0.5, 0.3, 0.6, 0.45, 0.7]))
    let state = initialState(cube, 0.15, 8)
    for (const points of fourGenerations)
      state = afterGeneration(
        state,
        points.map((point, number) => ({ number, positions: Float64Array.from(point) })),
      )
    expect([...state.mean]).toEqual(about(0.470864263861, 0.284468478042, 0.346832320472, 0.35956431372, 0.47347939641))
    expect(state.sigma).toBeCloseTo(0.13021095565956212, 9)
    expect([...state.covariance.slice(0, 5)]).toEqual(
      about(0.744939335395, 0.061522818789, -0.023524593914, -0.024442576012, 0.089529101021),
    )
    expect([...state.covariance.slice(20)]).toEqual(
      about(0.089529101021, 0.058251127083, 0.215259661153, -0.060663607079, 0.874921117588),
    )
  })

  it('is not thrown off by points from far away', () => {
    const cube = unitCube(numbersFrom([0.05, 0.05, 0.05]))
    let state = initialState(cube, 0.01, 6)
    const far = Array.from({ length: 6 }, (_, number) => ({
      number,
      positions: Float64Array.of(1, 1, 1 - number / 10),
    }))
    state = afterGeneration(state, far)
    expect(Math.max(...state.mean)).toBeLessThan(0.15)
    expect(state.sigma).toBeLessThan(0.05)
  })

  it('learns nothing from what a hyp does not have', () => {
    const space = defineSpace({
      a: float(0, 1),
      kind: choice('p', 'q'),
      b: float(0, 1, { when: { kind: ['q'] } }),
    }) as SearchSpace
    const cube = unitCube(space)
    for (const seed of [1, 2, 3]) {
      let state = initialState(cube, 0.15, 8)
      for (let g = 0; g < 40; g++) {
        const told = Array.from({ length: 8 }, (_, i) => {
          const [a] = drawnFrom(state, randomFor(seed, 8 * g + i))
          return { number: 8 * g + i, positions: Float64Array.of(a, 0, Number.NaN) }
        })
        state = afterGeneration(state, told) // as they were drawn: nothing is better than anything
      }
      expect(state.mean[1]).toBe(0.5)
      const ratio = Math.sqrt(state.covariance[3] / state.covariance[0])
      expect(ratio).toBeGreaterThan(0.2)
      expect(ratio).toBeLessThan(5)
      expect(state.shares[0][1]).toBeGreaterThan(0.1) // q is never excluded
    }
  })
})

describe('the margin', () => {
  /** Best first by a sphere whose numbers count far more than its whole numbers. */
  function minimum(space: SearchSpace, margin: boolean, seed: number): number {
    const cube = unitCube(space)
    let state: CmaesState = initialState(cube, 0.15, 8)
    if (!margin) state = { ...state, constants: { ...state.constants, margin: 1e-300 } }
    let best = Infinity
    for (let g = 0; g < 150; g++) {
      const told = Array.from({ length: 8 }, (_, i): Told & { loss: number } => {
        const positions = drawnFrom(state, randomFor(seed, 8 * g + i))
        const hyp = cube.toHyp(positions) as Record<string, number>
        const loss = Object.entries(hyp).reduce(
          (sum, [key, value]) => sum + (key.startsWith('n') ? (value - 8) ** 2 : 1000 * (value - 0.31) ** 2),
          0,
        )
        best = Math.min(best, loss)
        return { number: 8 * g + i, positions: cube.toPositions(hyp), loss }
      })
      state = afterGeneration(
        state,
        told.sort((a, b) => a.loss - b.loss),
      )
    }
    return best
  }

  it('finds the best whole numbers where rounding alone stalls', () => {
    const space = defineSpace({
      ...Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x${i}`, float(0, 1)])),
      ...Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`n${i}`, integer(0, 9, { default: 2 })])),
    }) as SearchSpace
    const seeds = Array.from({ length: 8 }, (_, seed) => seed)
    const withMargin = seeds.map((seed) => minimum(space, true, seed))
    const without = seeds.map((seed) => minimum(space, false, seed))
    expect(withMargin.filter((loss) => loss < 0.5).length).toBeGreaterThanOrEqual(7)
    expect(without.filter((loss) => loss < 0.5).length).toBeLessThanOrEqual(2)
  })
})

/** Points of four generations of the comparison, best first. */
const fourGenerations = [
  [
    [0.4809, 0.3729, 0.684, 0.3355, 0.5305],
    [0.4964, 0.3359, 0.5545, 0.3648, 0.656],
    [0.4125, 0.3714, 0.6757, 0.6178, 0.6402],
    [0.5543, 0.2317, 0.6612, 0.3124, 0.7058],
    [0.5989, 0.1394, 0.6341, 0.361, 0.7198],
    [0.5053, 0.2641, 0.4889, 0.5011, 0.7758],
    [0.6707, 0.4052, 0.5875, 0.4636, 0.7439],
    [0.614, 0.1855, 0.5292, 0.5002, 0.8014],
  ],
  [
    [0.4747, 0.3129, 0.5048, 0.3669, 0.5223],
    [0.3289, 0.2113, 0.5388, 0.5227, 0.6065],
    [0.4425, 0.4726, 0.6863, 0.2139, 0.5455],
    [0.342, 0.3773, 0.5994, 0.2607, 0.6956],
    [0.4356, 0.2242, 0.8008, 0.4854, 0.5663],
    [0.5015, 0.1886, 0.806, 0.2641, 0.5365],
    [0.3475, 0.394, 0.662, 0.4532, 0.7307],
    [0.4103, 0.5213, 0.762, 0.3448, 0.661],
  ],
  [
    [0.4848, 0.1481, 0.4539, 0.4339, 0.4371],
    [0.3243, 0.2918, 0.4545, 0.4696, 0.6317],
    [0.323, 0.1811, 0.5646, 0.5558, 0.5329],
    [0.5212, 0.1357, 0.6482, 0.3128, 0.4273],
    [0.5661, 0.288, 0.6712, 0.3846, 0.4391],
    [0.3466, 0.2077, 0.6047, 0.4201, 0.69],
    [0.51, 0.3864, 0.6606, 0.2742, 0.6263],
    [0.2662, 0.4813, 0.38, 0.2663, 0.7299],
  ],
  [
    [0.463, 0.358, 0.3226, 0.2915, 0.442],
    [0.4559, 0.246, 0.3441, 0.4906, 0.536],
    [0.5579, 0.1598, 0.4259, 0.2989, 0.484],
    [0.3747, 0.0395, 0.4029, 0.5354, 0.4088],
    [0.463, 0.1853, 0.5025, 0.4997, 0.5931],
    [0.5746, 0.341, 0.6293, 0.5126, 0.5052],
    [0.3655, 0.1668, 0.4359, 0.5575, 0.6504],
    [0.4013, 0.0784, 0.5322, 0.6041, 0.6074],
  ],
]
