import { describe, expect, it } from 'vitest'
import { hartmann } from '../../../bench/search/problems/hartmann.ts'
import { openScenario } from '../../../bench/search/problems/index.ts'
import { detectorOf } from '../../../bench/search/problems/synthetic.ts'
import { NumpyRandom } from '../../../src/base/index.ts'

describe('Hartmann functions', () => {
  it('have the known maxima at full length', () => {
    expect(hartmann(3, 0.5, [0.114614, 0.555649, 0.852547], 100)).toBeCloseTo(3.86278, 5)
    expect(hartmann(6, 2, [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573], 100)).toBeCloseTo(3.32237, 5)
  })

  it('are flattened by the bias at the first epoch and unbiased at the last', () => {
    const x = [0.3, 0.6, 0.8]
    expect(hartmann(3, 0.5, x, 100)).toBe(hartmann(3, 2, x, 100))
    expect(hartmann(3, 2, x, 1)).toBeLessThan(hartmann(3, 0.5, x, 1))
    expect(hartmann(3, 0.5, x, 1)).toBeLessThan(hartmann(3, 0.5, x, 100))
  })

  it('have regret 0 at the maximum, noise that ends with the training, and less of it where early epochs tell much', async () => {
    const [good, bad] = await Promise.all(
      ['hartmann6-good', 'hartmann6-bad'].map(async (name) => (await openScenario(name)).problem('only', 'good', 1)),
    )
    expect(good.regret(good.best)).toBe(0)
    expect(good.regret(good.median)).toBe(1)
    expect([good.noise!(100), bad.noise!(100)]).toEqual([0, 0])
    expect(bad.noise!(3)).toBeCloseTo(4 * good.noise!(3))
    const training = await good.train(good.space.start, [100])
    expect(training.scores[2]).toBeNaN()
    expect(good.regret(training.scores[100])).toBeLessThan(1)
  })
})

describe('the synthetic detector', () => {
  it('is best at its optimum, where a full training ends at its quality', () => {
    const detector = detectorOf(new NumpyRandom(1))
    expect(detector.quality(detector.optimum)).toBe(0.55)
    expect(detector.score(detector.optimum, 50)).toBeCloseTo(0.55, 12)
    const elsewhere = detector.optimum.map((each) => 1 - each)
    expect(detector.quality(elsewhere)).toBeLessThan(0.55)
    expect(detector.score(elsewhere, 50)).toBeCloseTo(detector.quality(elsewhere), 12)
    expect(detector.score(elsewhere, 10)).toBeLessThan(detector.score(elsewhere, 50))
  })

  it('starts, over many seeds, at the regret of its description', async () => {
    const scenario = await openScenario('synthetic25')
    let sum = 0
    for (let seed = 0; seed < 50; seed++) {
      const problem = await scenario.problem('only', 'good', seed)
      sum += problem.regret((await problem.train(problem.space.start, [50])).scores[50])
    }
    expect(sum / 50).toBeGreaterThan(0.33)
    expect(sum / 50).toBeLessThan(0.53) // .43 in the first measurement
  })
})
