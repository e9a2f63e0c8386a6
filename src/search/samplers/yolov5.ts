// The evolution of YOLOv5 v6.0 to v7.0 (`train.py --evolve`).
import { z } from 'zod'
import { argsort, type Random } from '../../base/index.ts'
import type { History } from '../history.ts'
import { defineSampler } from '../sampler.ts'
import type { SearchSpace } from '../space.ts'
import { tablePrecision } from '../table-precision.ts'
import type { CompleteTrial } from '../trial.ts'

/**
 * Takes a parent among the fittest trials, multiplies each hyperparameter by a random factor, and lets the space clip
 * and round the result. The first trial is the start hyp.
 *
 * Differs from the originals on purpose where they fail or cannot meet the case: trials with NaN fitness are never
 * parents (there the next selection raises an error), and as long as no trial has finished (several slots, or failed
 * trainings) the parent is the start hyp. Its draws are those of the originals for given random states; the states
 * come from study seed and trial number instead of the clock.
 */
export const yolov5 = defineSampler({
  name: 'yolov5',
  summary: 'mutates one of the fittest, as YOLOv5 does',
  options: z.object({
    parent: z.enum(['single', 'weighted']).default('single'),
    poolSize: z.number().int().positive().default(5),
    mutationProbability: z.number().min(0).max(1).default(0.8),
    sigma: z.number().positive().default(0.2),
  }),

  propose({ space, number, history, rng }, { parent, poolSize, mutationProbability, sigma }) {
    if (number === 0) return { hyp: space.toHyp(space.defaults), parents: [] }

    const pool = fittest(history, poolSize)
    const { values, parents } =
      pool.length === 0 ? { values: space.defaults, parents: [] } : selectParent[parent](pool, space, rng)
    const factors = mutationFactors(space.gains, mutationProbability, sigma, rng)
    return { hyp: space.toHyp(values.map((value, i) => value * factors[i])), parents }
  },
})

/** The fittest trials, best first; ties in NumPy's order. */
function fittest({ complete: trials }: History, count: number): CompleteTrial[] {
  return argsort(trials.map(({ fitness }) => -fitness))
    .slice(0, count)
    .map((i) => trials[i])
    .filter(({ fitness }) => !Number.isNaN(fitness))
}

interface Parent {
  readonly values: readonly number[]
  readonly parents: readonly number[]
}

/** How a parent comes from the pool. A trial weighs as much as its fitness exceeds the pool's worst, plus 1e-6. */
const selectParent: Record<'single' | 'weighted', (pool: CompleteTrial[], space: SearchSpace, rng: Random) => Parent> =
  {
    /** One trial by chance, in proportion to its weight. */
    single(pool, space, rng) {
      const [trial] = rng.python.choices(pool, parentWeights(pool))
      return { values: tableValues(space, trial), parents: [trial.number] }
    },

    /** The mean of all, weighted. Sums run best trial first, as NumPy adds rows. */
    weighted(pool, space) {
      const weights = parentWeights(pool)
      const rows = pool.map((trial) => tableValues(space, trial))
      const total = weights.reduce((sum, weight) => sum + weight)
      const values = space.keys.map(
        (_, i) => rows.map((row, r) => row[i] * weights[r]).reduce((sum, x) => sum + x) / total,
      )
      return { values, parents: pool.map((trial) => trial.number) }
    },
  }

function parentWeights(pool: readonly CompleteTrial[]): number[] {
  const worst = Math.min(...pool.map(({ fitness }) => fitness))
  return pool.map(({ fitness }) => fitness - worst + 1e-6)
}

const tableValues = (space: SearchSpace, trial: CompleteTrial) => space.toValues(trial.hyp).map(tablePrecision)

/**
 * Factors v, at least one of them not 1:  v = clip(1 + gain · [u < p] · n · r · σ, 0.3, 3),
 * u and r uniform in [0, 1), n standard normal, r shared by all hyperparameters.
 *
 * The order of draws (all u, all n, then r) is part of the contract, golden vectors depend on it.
 * Source: yolov5 v7.0 train.py, "Mutate". There the loop never ends when every gain is 0; here `SearchSpace` refuses
 * such a space.
 */
export function mutationFactors(gains: readonly number[], p: number, sigma: number, { numpy }: Random): number[] {
  for (;;) {
    const u = gains.map(() => numpy.random())
    const n = gains.map(() => numpy.normal())
    const r = numpy.random()
    const v = gains.map((gain, i) => clamp(gain * Number(u[i] < p) * n[i] * r * sigma + 1, 0.3, 3))
    if (v.some((factor) => factor !== 1)) return v
  }
}

const clamp = (x: number, lower: number, upper: number) => Math.min(Math.max(x, lower), upper)
