// The default search: the start, a few short trainings to look around, then whole ones where a Gaussian process expects
// most.
import { z } from 'zod'
import type { History } from '../history.ts'
import { defineSampler, type Proposal, type SearchContext } from '../sampler.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { gpDraws, gpKnowledge, isEnough } from './gp-draws.ts'
import { drawAnywhere, drawNear } from './prior.ts'
import { priorBandDraw, priorband } from './priorband.ts'
import { unitCube } from './unit-cube.ts'

const options = z.object({
  /**
   * Full trainings' worth of epochs, the start's included, that are given out by the pruner; from then on every training
   * is a whole one.
   */
  bracketsUntil: z.number().min(0).default(2),
  /** So many trials must have brought a result before the model is asked. */
  startupTrials: z.int().min(2).max(10_000).default(4),
  /** Standard deviation of draws around the start, in parts of the range. */
  startStd: z.number().positive().max(1).default(0.25),
  /** Share of the proposals that come from the model once it is asked; the others are PriorBand's. */
  modelShare: z.number().min(0).max(1).default(0.9),
})

type Options = z.infer<typeof options>

/**
 * The start is trained first, in full. Then the first rung of a bracket: hyps drawn by turns near the start and anywhere,
 * and as soon as a few results are there by a Gaussian process over all rungs. When that is done whole trainings follow,
 * nine of ten where the process expects the largest improvement, one by PriorBand's mix, which needs no model that fits.
 *
 * Without trainings of different length all are whole ones.
 */
export const auto = defineSampler({
  name: 'auto',
  summary: 'the start, a few short trainings, then whole ones where a Gaussian process expects most',
  options,
  multiplies: false,
  pruner: 'hyperband',
  confirm: 0.2,

  // with many workers that are all free at once the pruner spreads them over its brackets until there is something to learn
  wantsFull: ({ history, number, fidelity }, { bracketsUntil, startupTrials }) =>
    hasResults(history, startupTrials) &&
    grantedBefore(number, history, fidelity?.rungs.at(-1) ?? 1) >= bracketsUntil - 1e-9,

  propose(context, settings): Proposal {
    if (context.number === 0) return startProposal(context.space)
    return freshProposal(context, auto, drawOf(context, settings))
  },
})

/** Each call of what it gives back makes another proposal. */
function drawOf(context: SearchContext, settings: Options): () => Proposal {
  const { space, history, number, rng } = context
  const { startupTrials, startStd, modelShare } = settings
  const cube = unitCube(space)
  const knowledge = gpKnowledge(context)
  if (!hasResults(history, startupTrials) || !isEnough(knowledge.observations)) {
    const draw = (u: number, i: number) =>
      number % 2 === 1 ? drawNear(cube.axes[i], cube.axes[i].start, startStd, u) : drawAnywhere(cube.axes[i], u)
    return () => ({ hyp: cube.toHyp(cube.axes.map((_, i) => draw(rng.numpy.random(), i))), parents: [] })
  }
  if (rng.numpy.random() >= modelShare) return priorBandDraw(context, priorband.options.parse({ startStd }))
  const next = gpDraws(cube, knowledge, rng)
  return () => ({ hyp: cube.toHyp(next()), parents: [] })
}

const hasResults = ({ searched }: History, count: number): boolean =>
  searched.length >= count && searched.filter(({ state }) => state !== 'failed').length >= count

/** Full trainings' worth of epochs that were granted to trials with smaller numbers. What was granted never changes. */
function grantedBefore(number: number, history: History, full: number): number {
  let granted = 0
  for (let i = 0; i < number; i++) {
    const trial = history.get(i)
    // what was taken over from elsewhere (no attempt here) cost nothing
    if (trial === undefined || trial.repeats !== undefined || trial.attempt === 0) continue
    granted += trial.fidelity === undefined ? 1 : trial.fidelity / full
  }
  return granted
}
