// Multi-fidelity Hartmann functions in 3 and 6 dimensions, whose early epochs tell much (`good`) or little (`bad`).
//
// The functions: Dixon and Szegö, 1978. With a fidelity: Kandasamy et al., "Multi-fidelity Bayesian optimisation with
// continuous approximations", ICML 2017 (arXiv 1703.06240). In this form, with these constants, for comparisons of
// searches with a prior: Mallik et al., "PriorBand", NeurIPS 2023 (arXiv 2306.12370), appendix on benchmarks.
import { NumpyRandom } from '../../../src/base/index.ts'
import { defineSpace, float, type Hyp } from '../../../src/search/index.ts'
import { indexAt, median, type Problem, percentiles, regretOf, type Scenario } from '../problem.ts'
import { startingAt, UnitCube } from '../unit-cube.ts'

const weights = [1, 1.2, 3, 3.2]

const functions = {
  3: {
    a: [
      [3, 10, 30],
      [0.1, 10, 35],
      [3, 10, 30],
      [0.1, 10, 35],
    ],
    p: [
      [3689, 1170, 2673],
      [4699, 4387, 7470],
      [1091, 8732, 5547],
      [381, 5743, 8828],
    ],
    optimum: [0.114614, 0.555649, 0.852547],
  },
  6: {
    a: [
      [10, 3, 17, 3.5, 1.7, 8],
      [0.05, 10, 17, 0.1, 8, 14],
      [3, 3.5, 1.7, 10, 17, 8],
      [17, 8, 0.05, 10, 0.1, 14],
    ],
    p: [
      [1312, 1696, 5569, 124, 8283, 5886],
      [2329, 4135, 8307, 3736, 1004, 9991],
      [2348, 1451, 3522, 2883, 3047, 6650],
      [4047, 8828, 8732, 5743, 1091, 381],
    ],
    optimum: [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573],
  },
} as const

const kinds = { good: { bias: 0.5, noise: 0.1 }, bad: { bias: 2, noise: 0.4 } } as const

const epochs = 100
const firstEpoch = 3

/** How far along an epoch is, from 0 (epoch 1) to 1. */
const progress = (epoch: number) => Math.log(epoch) / Math.log(epochs)

/** sum_i (w_i - bias (1 - z)^2) exp(-sum_j a_ij (x_j - p_ij)^2), to be maximised; z = log e / log 100. */
export function hartmann(dimensions: 3 | 6, bias: number, x: readonly number[], epoch: number): number {
  const { a, p } = functions[dimensions]
  const less = bias * (1 - progress(epoch)) ** 2
  return weights.reduce((sum, weight, i) => {
    const distance = x.reduce((total, each, j) => total + a[i][j] * (each - 0.0001 * p[i][j]) ** 2, 0)
    return sum + (weight - less) * Math.exp(-distance)
  }, 0)
}

/** `hartmann3-good` and so on: one task, whose runs differ by their seeds. */
export function hartmannScenario(dimensions: 3 | 6, kind: keyof typeof kinds): Scenario {
  const { bias, noise } = kinds[kind]
  const name = `hartmann${dimensions}-${kind}`
  const keys = Array.from({ length: dimensions }, (_, i) => `x${i}`)
  const space = defineSpace(Object.fromEntries(keys.map((key) => [key, float(0, 1)])))
  const at = (hyp: Hyp, epoch: number) =>
    hartmann(
      dimensions,
      bias,
      keys.map((key) => Number(hyp[key])),
      epoch,
    )

  return {
    name,
    tasks: ['only'],
    development: ['only'],
    async problem(_task, quality): Promise<Problem> {
      const cube = new UnitCube(space)
      const random = new NumpyRandom([4000, 1])
      const hyps = Array.from({ length: 4000 }, () => cube.toHyp(cube.draw(() => random.random())))
      const scores = hyps.map((hyp) => at(hyp, epochs))
      const order = [...hyps.keys()].sort((i, j) => scores[i] - scores[j])
      const best = hartmann(dimensions, bias, functions[dimensions].optimum, epochs)
      return {
        name,
        space: startingAt(space, hyps[order[indexAt(percentiles[quality], hyps.length)]]),
        epochs,
        firstEpoch,
        resumable: true,
        best,
        median: median(scores),
        regret: regretOf(best, median(scores)),
        noise: (epoch) => noise * (1 - progress(epoch)),
        async train(hyp) {
          return {
            scores: Array.from({ length: epochs + 1 }, (_, e) => (e < firstEpoch ? Number.NaN : at(hyp, e))),
          }
        },
      }
    },
  }
}
