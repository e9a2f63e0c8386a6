// A detector of 25 hyperparameters whose best ones are known: interactions, noise, slow starters. Each run has one of its
// own, made from its seed.
import { NumpyRandom } from '../../../src/base/index.ts'
import { defineSpace, float } from '../../../src/search/index.ts'
import { indexAt, median, type Problem, percentiles, regretOf, type Scenario } from '../problem.ts'
import { startingAt, UnitCube } from '../unit-cube.ts'

const dimensions = 25
const epochs = 50
const firstEpoch = 2
const highest = 0.55
const pairs = 8
const deviation = 0.004

const keys = Array.from({ length: dimensions }, (_, i) => `u${i}`)

/** One detector: quality and learning curve of a point of the unit cube. */
export interface Detector {
  readonly optimum: readonly number[]
  /** q(u) = .55 - 1.8 / W max(0, sum_i w_i (u_i - o_i)^2 + sum_(a,b) c (u_a - o_a)(u_b - o_b) sqrt(w_a w_b)) */
  quality(u: readonly number[]): number
  /** q(u) (1 - exp(-(e/50) / t)) / (1 - exp(-1 / t)), t = max(.05, .25 + .25 sum_i s_i (u_i - .5)) */
  score(u: readonly number[], epoch: number): number
}

export function detectorOf(random: NumpyRandom): Detector {
  const optimum = keys.map(() => random.uniform(0.1, 0.9))
  const importance = random.permutation(dimensions).map((k) => Math.exp(-k / 4))
  const total = importance.reduce((sum, each) => sum + each)
  const strengths = Array.from({ length: pairs }, () => {
    const [a, b] = random.choice(dimensions, 2, { replace: false })
    return { a, b, c: random.uniform(-0.3, 0.3) }
  })
  const slowness = keys.map(() => (random.random() < 0.3 ? random.uniform(-0.5, 0.5) : 0))

  const quality = (u: readonly number[]): number => {
    const away = u.map((each, i) => each - optimum[i])
    const alone = away.reduce((sum, each, i) => sum + importance[i] * each * each, 0)
    const together = strengths.reduce(
      (sum, { a, b, c }) => sum + c * away[a] * away[b] * Math.sqrt(importance[a] * importance[b]),
      0,
    )
    return highest - (1.8 / total) * Math.max(0, alone + together)
  }
  return {
    optimum,
    quality,
    score(u, epoch) {
      const t = Math.max(0.05, 0.25 + 0.25 * u.reduce((sum, each, i) => sum + slowness[i] * (each - 0.5), 0))
      return (quality(u) * (1 - Math.exp(-epoch / epochs / t))) / (1 - Math.exp(-1 / t))
    },
  }
}

/** The default is near the optimum (`good`), or lies where so many of the random points are worse. */
export function syntheticScenario(): Scenario {
  const space = defineSpace(Object.fromEntries(keys.map((key) => [key, float(0, 1)])))
  const cube = new UnitCube(space)
  return {
    name: 'synthetic25',
    tasks: ['only'],
    development: ['only'],
    async problem(_task, quality, seed): Promise<Problem> {
      const random = new NumpyRandom([seed % 4294967296, 25])
      const detector = detectorOf(random)
      const near = detector.optimum.map((each) => Math.min(0.98, Math.max(0.02, each + 0.28 * random.normal())))
      const points = Array.from({ length: 2000 }, () => cube.draw(() => random.random()))
      const scores = points.map((point) => detector.quality(point))
      const order = [...points.keys()].sort((i, j) => scores[i] - scores[j])
      const start = quality === 'good' ? near : points[order[indexAt(percentiles[quality], points.length)]]
      const middle = median(scores)
      return {
        name: 'synthetic25',
        space: startingAt(space, cube.toHyp(start)),
        epochs,
        firstEpoch,
        resumable: true,
        best: highest,
        median: middle,
        regret: regretOf(highest, middle),
        noise: () => deviation,
        async train(hyp) {
          const u = keys.map((key) => Number(hyp[key]))
          return {
            scores: Array.from({ length: epochs + 1 }, (_, e) => (e < firstEpoch ? Number.NaN : detector.score(u, e))),
          }
        },
      }
    },
  }
}
