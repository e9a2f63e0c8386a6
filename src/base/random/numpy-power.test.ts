import { describe, expect, it } from 'vitest'
import { pow } from './c-math.ts'
import { numpyPower } from './numpy-power.ts'
import { NumpyRandom } from './numpy-random.ts'

describe('numpyPower', () => {
  it.each([
    // as NumPy 1.24 gave them on a processor with AVX-512; C's pow has another last bit
    [1.3248690727326484, 1.3626686308743945],
    [0.9906105122813009, 0.9896764261657705],
    [0.8477586198209794, 0.8338720854372619],
  ])('%f ^ 1.1', (x, expected) => {
    expect(numpyPower(x, 1.1)).toBe(expected)
    expect(pow(x, 1.1)).not.toBe(expected)
  })

  it('is never farther than a unit in the last place from the C library, over the whole range', () => {
    const random = new NumpyRandom(1)
    let same = 0
    for (let i = 0; i < 20_000; i++) {
      const x = 2 ** random.uniform(-300, 300)
      const y = random.uniform(-3, 3)
      const [ours, exact] = [numpyPower(x, y), pow(x, y)]
      same += Number(ours === exact)
      expect(Math.abs(ours - exact) / exact).toBeLessThanOrEqual(2 ** -52)
    }
    expect(same).toBeGreaterThan(13_000)
  })

  it('leaves what is not on its main path to pow', () => {
    for (const [x, y] of [
      [0, 1.1],
      [-2, 1.1],
      [Number.NaN, 2],
      [1e300, 3],
      [5e-324, 1.1],
      [2, 0],
      [Infinity, 2],
      [1, 7],
    ])
      expect(numpyPower(x, y)).toBe(pow(x, y))
  })
})
