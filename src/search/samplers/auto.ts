// The default search: the start, a few short trainings to look around, then whole ones where a Gaussian process expects
// most.
import { z } from 'zod'
import type { History } from '../history.ts'
import { defineSampler, type Fidelity, type Proposal, type SearchContext } from '../sampler.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { gpDraws, gpKnowledge, isEnough } from './gp-draws.ts'
import { drawAnywhere, drawNear } from './prior.ts'
import { priorBandDraw, priorband } from './priorband.ts'
import { type Axis, unitCube } from './unit-cube.ts'

const options = z.object({
  /**
   * Full trainings' worth of epochs, the start's included, that are given out by the pruner; from then on every training
   * is a whole one. Default: 2; with 16 and more hyperparameters 0.
   */
  bracketsUntil: z.number().min(0).optional(),
  /** So many trials must have brought a result before the model is asked. */
  startupTrials: z.int().min(2).max(10_000).default(4),
  /** Standard deviation of draws around the start, in parts of the range. */
  startStd: z.number().positive().max(1).default(0.25),
  /** Share of the proposals that come from the model once it is asked; the others are PriorBand's. */
  modelShare: z.number().min(0).max(1).default(0.95),
})

type Options = z.infer<typeof options>

/** From so many on a few short trainings were no help: they teach too little about so many, and mislead where some start slowly. */
const manyDimensions = 16

/**
 * The start is trained first, in full. Then the first rung of a bracket: hyps drawn by PriorBand's mix, and as soon as a
 * few results are there by a Gaussian process over all rungs. When that is done whole trainings follow, nearly all where
 * the process expects the largest improvement; one of twenty comes from PriorBand's mix, which needs no model that fits.
 * With many hyperparameters, or without trainings of different length, all are whole ones, the first few drawn by turns
 * near the start and anywhere.
 *
 * What else was tried, and how it did: docs/samplers.md.
 */
export const auto = defineSampler({
  name: 'auto',
  summary: 'the start, a few short trainings, then whole ones where a Gaussian process expects most',
  options,
  multiplies: false,
  pruner: 'hyperband',
  confirm: 0.2,
  patience: 40,

  wantsFull({ space, history, number, fidelity }, { bracketsUntil, startupTrials }) {
    const until = bracketsUntil ?? (unitCube(space).axes.length < manyDimensions ? 2 : 0)
    // many workers that are all free at once are spread over the brackets until there is something to learn from
    return (
      until === 0 || (hasResults(history, startupTrials) && grantedBefore(number, history, fidelity) >= until - 1e-9)
    )
  },

  propose(context, settings): Proposal {
    if (context.number === 0) return startProposal(context.space)
    return freshProposal(context, auto, drawOf(context, settings))
  },
})

/** Each call of what it gives back makes another proposal. */
function drawOf(context: SearchContext, settings: Options): () => Proposal {
  const { space, history, number, fidelity, rng } = context
  const { startupTrials, startStd, modelShare } = settings
  const cube = unitCube(space)
  const knowledge = gpKnowledge(context)
  const bands = () => priorBandDraw(context, priorband.options.parse({ startStd }))
  if (!hasResults(history, startupTrials) || !isEnough(knowledge.observations)) {
    if (fidelity !== undefined && fidelity.epochs < fidelity.rungs.at(-1)!) return bands()
    const draw = (axis: Axis, u: number) =>
      number % 2 === 1 ? drawNear(axis, axis.start, startStd, u) : drawAnywhere(axis, u)
    return () => ({ hyp: cube.toHyp(cube.axes.map((axis) => draw(axis, rng.numpy.random()))), parents: [] })
  }
  if (rng.numpy.random() >= modelShare) return bands()
  const next = gpDraws(cube, knowledge, rng)
  return () => ({ hyp: cube.toHyp(next()), parents: [] })
}

const hasResults = ({ searched }: History, count: number): boolean =>
  searched.length >= count && searched.filter(({ state }) => state !== 'failed').length >= count

/** Full trainings' worth of epochs that were granted to trials with smaller numbers. What was granted never changes. */
function grantedBefore(number: number, history: History, fidelity: Fidelity | undefined): number {
  const full = fidelity?.rungs.at(-1) ?? 1
  let granted = 0
  for (let i = 0; i < number; i++) {
    const trial = history.get(i)
    // what was taken over from elsewhere (no attempt here) cost nothing
    if (trial === undefined || trial.repeats !== undefined || trial.attempt === 0) continue
    granted += trial.fidelity === undefined ? 1 : trial.fidelity / full
  }
  return granted
}
