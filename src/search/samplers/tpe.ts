// The tree-structured Parzen estimator, multivariate: where good trials are dense and the others are not.
import { z } from 'zod'
import type { Random } from '../../base/index.ts'
import type { History } from '../history.ts'
import { defineSampler, type Proposal } from '../sampler.ts'
import type { Trial } from '../trial.ts'
import { betterFirst } from './better-first.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { truncatedNormal } from './normal.ts'
import { Mixture } from './tpe-mixture.ts'
import { type Axis, type AxisGroup, type UnitCube, unitCube } from './unit-cube.ts'

const options = z.object({
  /** So many trials must have ended before densities are made of them; until then half are drawn near the start. */
  startupTrials: z.int().min(1).max(10_000).default(10),
  /** Standard deviation around the start, in parts of the range. */
  startStd: z.number().positive().max(10).default(0.25),
  /** The share of trials that count as good; never more than 25 do. */
  gamma: z.number().gt(0).lt(1).default(0.1),
  /** Points drawn for a proposal. Default: 24 to 64, with the number of hyperparameters. */
  candidates: z.int().min(1).max(10_000).optional(),
})

type Options = z.infer<typeof options>

const mostGood = 25

/**
 * Splits the trials into the good ones and the rest, draws points from the density of the good ones and takes the one
 * whose density among them exceeds that among the rest the most. All hyperparameters that occur together are drawn
 * together, from one trial's surroundings; those that exist under a condition have densities of their own.
 *
 * Trials that are running count among the rest, which keeps several workers apart. Pruned trials rank behind complete
 * ones, the one trained longest first; failed ones are never good. What another sampler proposed or an import brought
 * counts as any other trial.
 *
 * Sources: Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NIPS 2011); Watanabe (arXiv 2304.11127);
 * constants, multivariate and group mode as in Optuna 5. The first trials differ: the start, then by turns near it and
 * anywhere.
 */
export const tpe = defineSampler({
  name: 'tpe',
  summary: 'draws where good trials lie close and others do not',
  options,
  multiplies: false,

  propose(context, settings): Proposal {
    const { space, number, history, rng } = context
    if (number === 0) return startProposal(space)
    const cube = unitCube(space)
    const next = isStartup(history, settings)
      ? () => startupDraw(cube, number, settings, rng)
      : ranked(cube, history, settings, rng)
    return freshProposal(context, tpe, () => ({ hyp: cube.toHyp(next()), parents: [] }))
  },
})

/** Without two trials that brought a result there is nothing to tell good from bad by. */
function isStartup({ ended }: History, { startupTrials }: Options): boolean {
  return ended.length < startupTrials || ended.filter(({ state }) => state !== 'failed').length < 2
}

/** Near the start for odd numbers, anywhere for even ones. One uniform number for each axis. */
function startupDraw({ axes }: UnitCube, number: number, { startStd }: Options, { numpy }: Random): number[] {
  return axes.map((axis) => {
    const u = numpy.random()
    if (number % 2 === 1) return nearStart(axis, startStd, u)
    return axis.kind === 'choice' ? Math.floor(u * axis.choices.length) : u
  })
}

/** A choice keeps the start with the confidence 1 - std, as in PriorBand's prior (arXiv 2306.12370). */
function nearStart(axis: Axis, std: number, u: number): number {
  if (axis.kind === 'number') return truncatedNormal(axis.start, std, 0, 1, u)
  const { choices, start } = axis
  const kept = Math.max(1 - std, 1 / choices.length)
  if (u < kept || choices.length === 1) return start
  const other = Math.min(Math.floor(((u - kept) / (1 - kept)) * (choices.length - 1)), choices.length - 2)
  return other < start ? other : other + 1
}

/** Gives points, the most promising first; when all drawn ones are spent, others are drawn. */
function ranked(cube: UnitCube, history: History, settings: Options, rng: Random): () => Float64Array {
  const [good, rest] = split(history, settings)
  const groups = cube.groups.map((group) => {
    const columns = group.axes.map((axis) => cube.axes.indexOf(axis))
    const density = (trials: readonly Trial[]) => densityOf(group.axes, columns, trials, cube)
    return { group, columns, good: density(good), rest: density(rest), points: [] as Float64Array[] }
  })
  return () => {
    const positions = new Float64Array(cube.axes.length)
    for (const each of groups) {
      if (each.points.length === 0) {
        const count = settings.candidates ?? candidateCount(each.group)
        const drawn = Array.from({ length: count }, () => each.good.draw(rng))
        const scored = drawn.map((point) => ({
          point,
          gain: each.good.logDensity(point) - each.rest.logDensity(point),
        }))
        each.points = scored.sort((a, b) => a.gain - b.gain).map(({ point }) => point) // the best is taken from the end
      }
      const point = each.points.pop()!
      for (const [j, column] of each.columns.entries()) positions[column] = point[j]
    }
    return positions
  }
}

const candidateCount = ({ axes }: AxisGroup) => Math.min(Math.max(24, Math.round(2.5 * axes.length)), 64)

/** The good trials and all others, running ones included, each in the order of their numbers. */
function split(history: History, { gamma }: Options): [good: Trial[], rest: Trial[]] {
  const { ended, open } = history
  const count = Math.min(Math.ceil(gamma * ended.length), mostGood)
  const good = new Set<Trial>(history.fittest(count))
  if (good.size < count) {
    const pruned = ended.filter(({ state }) => state === 'pruned').sort(betterFirst)
    for (const trial of pruned.slice(0, count - good.size)) good.add(trial)
  }
  const byNumber = [...ended, ...open].sort((a, b) => a.number - b.number)
  return [byNumber.filter((trial) => good.has(trial)), byNumber.filter((trial) => !good.has(trial))]
}

/** The density of the trials in which all of these axes have a value. */
function densityOf(
  axes: readonly Axis[],
  columns: readonly number[],
  trials: readonly Trial[],
  cube: UnitCube,
): Mixture {
  const all = trials.map(({ hyp }) => cube.toPositions(hyp))
  const points = all.filter((positions) => columns.every((column) => !Number.isNaN(positions[column])))
  const positions = columns.map((column) => {
    const ofAxis = new Float64Array(points.length)
    for (let k = 0; k < points.length; k++) ofAxis[k] = points[k][column]
    return ofAxis
  })
  return new Mixture(axes, positions, points.length)
}
