// PriorBand: new hyps are drawn anywhere, near the start or near the incumbent, by how much each has proved itself.
import { z } from 'zod'
import { type Observation, observationsByRung } from '../observations.ts'
import { defineSampler, type Fidelity, type Proposal, type SearchContext } from '../sampler.ts'
import { eta } from '../schedule.ts'
import type { CompleteTrial } from '../trial.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { densityNear, drawAnywhere, drawNear, otherChoice } from './prior.ts'
import { type UnitCube, unitCube } from './unit-cube.ts'

const options = z.object({
  /** Standard deviation around the start, in parts of the range; a choice keeps the start's with 1 minus it. */
  startStd: z.number().positive().max(1).default(0.25),
  /** Standard deviation of what moves away from the incumbent. */
  incumbentStd: z.number().positive().max(1).default(0.25),
  /** How likely each hyperparameter moves away from the incumbent. */
  mutationProbability: z.number().gt(0).max(1).default(0.5),
})

export type PriorBandOptions = z.infer<typeof options>

/**
 * Hyperband's brackets with hyps of three kinds. The share of even draws falls with the rung at which a hyp begins; the
 * rest is near the start at first, and later divided between the start and the incumbent (the best full training) by which
 * of them lies where the best trainings of the highest rung do. Who is promoted says the pruner.
 *
 * Source: Mallik et al., NeurIPS 2023 (arXiv 2306.12370), in the form of NePS without two slips of it: the cost of what
 * was trained is its epochs (NePS multiplies by the rung's number), and a rung has enough results with eta or more (NePS:
 * with eta exactly).
 */
export const priorband = defineSampler({
  name: 'priorband',
  summary: 'brackets of short trainings, drawn near the start and the incumbent, some anywhere',
  options,
  multiplies: false,
  pruner: 'hyperband',

  propose(context, settings): Proposal {
    if (context.number === 0) return startProposal(context.space)
    return freshProposal(context, priorband, priorBandDraw(context, settings))
  },
})

/** A study whose trainings have no length has one rung. */
const oneRung: Fidelity = { epochs: Infinity, rungs: [Infinity] }

/** What a new hyp may be made of, with what probability; they add up to 1. */
export interface Mix {
  readonly anywhere: number
  readonly start: number
  readonly incumbent: number
}

/** Draws by PriorBand's mix; each call gives another proposal. */
export function priorBandDraw(context: SearchContext, settings: PriorBandOptions): () => Proposal {
  const { space, history, rng } = context
  const cube = unitCube(space)
  const mix = mixOf(context, settings)
  const incumbent = history.fittest(1)[0]
  return () => {
    const u = rng.numpy.random()
    if (u >= mix.anywhere + mix.start && incumbent !== undefined)
      return nearIncumbent(cube, incumbent, settings, () => rng.numpy.random())
    const positions = cube.axes.map((axis) => {
      const draw = rng.numpy.random()
      return u < mix.anywhere ? drawAnywhere(axis, draw) : drawNear(axis, axis.start, settings.startStd, draw)
    })
    return { hyp: cube.toHyp(positions), parents: [] }
  }
}

/** The mix at the rung of the context. */
export function mixOf({ space, history, fidelity = oneRung }: SearchContext, settings: PriorBandOptions): Mix {
  const { epochs, rungs } = fidelity
  const anywhere = 1 / (1 + eta ** Math.max(0, rungs.indexOf(epochs)))
  const observed = observationsByRung(history, rungs)
  const incumbent = history.fittest(1)[0]
  if (incumbent === undefined || !isActive(observed, rungs)) return { anywhere, start: 1 - anywhere, incumbent: 0 }

  const { axes, toPositions } = unitCube(space)
  const top = observed.findLast(({ length }) => length >= eta)!
  const best = [...top].sort(betterFirst).slice(0, Math.floor(top.length / eta))
  // log Σ w_i Π_j pdf_j(u_ij), the best with the largest weight
  const scoreOf = (centre: ArrayLike<number>, std: number) => {
    const density = densityNear(axes, centre, std)
    return logSum(best.map(({ hyp }, i) => Math.log(best.length - i) + density(toPositions(hyp))))
  }
  const start = scoreOf(
    axes.map((axis) => axis.start),
    settings.startStd,
  )
  const around = scoreOf(toPositions(incumbent.hyp), settings.incumbentStd)
  const share = (1 - anywhere) / (1 + Math.exp(around - start))
  return { anywhere, start: share, incumbent: 1 - anywhere - share }
}

/**
 * The incumbent counts once as much was trained as a first bracket takes (each rung by its further epochs), and some rung
 * has enough results.
 */
function isActive(observed: readonly (readonly Observation[])[], rungs: readonly number[]): boolean {
  if (!observed.some(({ length }) => length >= eta)) return false
  const full = rungs.at(-1)!
  const share = (epochs: number) => (epochs === full ? 1 : epochs / full) // a single rung may have no length
  const spent = observed.reduce((sum, { length }, k) => sum + length * share(rungs[k]), 0)
  const further = rungs.map((epochs, k) => share(epochs) - (k === 0 ? 0 : share(rungs[k - 1])))
  return spent >= further.reduce((sum, each, k) => sum + eta ** (rungs.length - 1 - k) * each, 0) - 1e-9
}

const betterFirst = (a: Observation, b: Observation) =>
  a.fitness === b.fitness ? a.number - b.number : a.fitness > b.fitness ? -1 : 1

function logSum(values: readonly number[]): number {
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity)
  return largest + Math.log(values.reduce((sum, each) => sum + Math.exp(each - largest), 0))
}

function nearIncumbent(
  { axes, toHyp, toPositions }: UnitCube,
  { number, hyp: incumbent }: CompleteTrial,
  { mutationProbability, incumbentStd, startStd }: PriorBandOptions,
  random: () => number,
): Proposal {
  const at = toPositions(incumbent)
  const positions = axes.map((axis, j) => {
    const [moves, u] = [random() < mutationProbability, random()]
    if (Number.isNaN(at[j])) return drawNear(axis, axis.start, startStd, u)
    if (!moves) return at[j]
    return axis.kind === 'choice' ? otherChoice(axis, at[j], u) : drawNear(axis, at[j], incumbentStd, u)
  })
  const hyp = toHyp(positions)
  const mutated = Object.keys(hyp).filter((key) => hyp[key] !== incumbent[key])
  return { hyp, parents: [number], mutated }
}
