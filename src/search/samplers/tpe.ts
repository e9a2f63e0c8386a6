// The tree-structured Parzen estimator, multivariate: where good trials are dense and the others are not.
import { z } from 'zod'
import type { Random } from '../../base/index.ts'
import type { History } from '../history.ts'
import { observationsByRung } from '../observations.ts'
import { defineSampler, type Fidelity, type Proposal, type SearchContext } from '../sampler.ts'
import type { EndedTrial, ProposedTrial, Trial } from '../trial.ts'
import { betterFirst } from './better-first.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { drawAnywhere, drawNear } from './prior.ts'
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

export type TpeOptions = z.infer<typeof options>

const mostGood = 25

/**
 * Splits the trials into the good ones and the rest, draws points from the density of the good ones and takes the one
 * whose density among them exceeds that among the rest the most. All hyperparameters that occur together are drawn
 * together, from one trial's surroundings; those that exist under a condition have densities of their own.
 *
 * Trials that are running count among the rest, which keeps several workers apart. Pruned trials rank behind complete
 * ones, the one trained longest first; failed ones are never good. What another sampler proposed or an import brought
 * counts as any other trial. Where rungs are trainings of their own, only those of one rung are compared: of the longest
 * one with enough results.
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
    const { space, number, rng } = context
    if (number === 0) return startProposal(space)
    const cube = unitCube(space)
    const next = tpeDraw(context, settings) ?? (() => startupDraw(cube, number, settings, rng))
    return freshProposal(context, tpe, () => ({ hyp: cube.toHyp(next()), parents: [] }))
  },
})

/**
 * Gives positions, the most promising first; when all drawn ones are spent, others are drawn.
 *
 * @returns `undefined` while fewer than `startupTrials` trials of one length are known, or fewer than two that brought a
 *   result: then there is nothing to tell good from bad by
 */
export function tpeDraw(
  { space, history, fidelity, rng }: SearchContext,
  settings: TpeOptions,
): (() => Float64Array) | undefined {
  const known = compared(history, fidelity, settings)
  return known && ranked(unitCube(space), splitOf(known, history, settings), settings, rng)
}

/** The ended trials that can be compared with each other, and the best of them that the good ones are taken from. */
interface Compared {
  readonly trials: readonly EndedTrial[]
  best(count: number): readonly Trial[]
}

function compared(history: History, fidelity: Fidelity | undefined, settings: TpeOptions): Compared | undefined {
  const enough = (trials: readonly EndedTrial[]) =>
    trials.length >= settings.startupTrials && trials.filter(({ state }) => state !== 'failed').length >= 2
  if (fidelity === undefined || fidelity.rungs.length === 1 || history.searched.some(isStopped))
    return enough(history.searched) ? { trials: history.searched, best: (count) => bestOf(history, count) } : undefined
  const byRung = observationsByRung(history, fidelity.rungs).map((rung) =>
    rung.map(({ number }) => history.get(number) as EndedTrial),
  )
  const trials = byRung.findLast(enough)
  if (trials === undefined) return undefined
  const sorted = trials.filter(({ state }) => state !== 'failed').sort(betterFirst)
  return { trials, best: (count) => sorted.slice(0, count) }
}

/** Stopped before what it was granted: that it promised less than others is known. */
const isStopped = (trial: EndedTrial) =>
  trial.state === 'pruned' && (trial.fidelity === undefined || trial.epochs < trial.fidelity)

/** Numbers of the shorter trainings of the same hyp that this one follows. */
function shorterOnes({ continues }: ProposedTrial, history: History): number[] {
  const before = continues === undefined ? undefined : history.get(continues)
  return before === undefined ? [] : [before.number, ...shorterOnes(before, history)]
}

function bestOf(history: History, count: number): readonly Trial[] {
  const complete = history.fittest(count)
  if (complete.length === count) return complete
  const pruned = history.searched.filter(({ state }) => state === 'pruned').sort(betterFirst)
  return [...complete, ...pruned.slice(0, count - complete.length)]
}

/** The good trials and all others, running ones included, each in the order of their numbers. */
function splitOf({ trials, best }: Compared, history: History, { gamma }: TpeOptions): [good: Trial[], rest: Trial[]] {
  const good = new Set(best(Math.min(Math.ceil(gamma * trials.length), mostGood)))
  const numbers = new Set(trials.map(({ number }) => number))
  const isKnown = (number: number) => numbers.has(number)
  // what is trained again for longer, because it was good, keeps nobody away
  const others = history.open.filter(
    (trial) => trial.repeats === undefined && !shorterOnes(trial, history).some(isKnown),
  )
  const byNumber = [...trials, ...others].sort((a, b) => a.number - b.number)
  return [byNumber.filter((trial) => good.has(trial)), byNumber.filter((trial) => !good.has(trial))]
}

/** Near the start for odd numbers, anywhere for even ones. One uniform number for each axis. */
function startupDraw({ axes }: UnitCube, number: number, { startStd }: TpeOptions, { numpy }: Random): number[] {
  return axes.map((axis) => {
    const u = numpy.random()
    return number % 2 === 1 ? drawNear(axis, axis.start, startStd, u) : drawAnywhere(axis, u)
  })
}

function ranked(
  cube: UnitCube,
  [good, rest]: readonly [readonly Trial[], readonly Trial[]],
  settings: TpeOptions,
  rng: Random,
): () => Float64Array {
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
