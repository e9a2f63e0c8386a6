// Bayesian optimisation: a Gaussian process says what any hyp would bring and how sure that is, and the next hyp is the
// one with the largest expected improvement.
import { z } from 'zod'
import type { Random } from '../../base/index.ts'
import { defineSampler, type Proposal } from '../sampler.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { gpDraws, gpKnowledge, isEnough } from './gp-draws.ts'
import { drawNear } from './prior.ts'
import { type UnitCube, unitCube } from './unit-cube.ts'

const options = z.object({
  /** So many trials must have ended before a process is made of them; until then half are drawn near the start. */
  startupTrials: z.int().min(1).max(10_000).default(5),
  /** Standard deviation around the start, in parts of the range. */
  startStd: z.number().positive().max(10).default(0.25),
})

type Options = z.infer<typeof options>

/**
 * Fits a Gaussian process to all trials and takes the point from which it expects the largest improvement on the best
 * full training. Trials of every rung are in one process, which finds out how well short trainings tell what long ones
 * will bring; what was trained briefly is a hint, never the answer.
 *
 * What running trials will bring is drawn several times and averaged over, which keeps workers apart. A failed trial
 * counts as the worst one.
 *
 * Sources: Jones et al., "Efficient global optimization" (1998); log expected improvement, arXiv 2310.20708; the kernel
 * and priors of Optuna's GPSampler; rungs as in multi-task processes (Bonilla et al., NIPS 2007).
 */
export const gp = defineSampler({
  name: 'gp',
  summary: 'takes the hyp from which a Gaussian process expects the largest improvement',
  options,
  multiplies: false,

  propose(context, settings): Proposal {
    const { space, number, rng } = context
    if (number === 0) return startProposal(space)
    const cube = unitCube(space)
    const knowledge = gpKnowledge(context)
    const { observations } = knowledge
    const next =
      observations.length < settings.startupTrials || !isEnough(observations)
        ? () => startupDraw(cube, number, settings, rng)
        : gpDraws(cube, knowledge, rng)
    return freshProposal(context, gp, () => ({ hyp: cube.toHyp(next()), parents: [] }))
  },
})

/** Near the start for odd numbers, anywhere for even ones. One uniform number for each axis. */
function startupDraw({ axes }: UnitCube, number: number, { startStd }: Options, { numpy }: Random): number[] {
  return axes.map((axis) => {
    const u = numpy.random()
    if (number % 2 === 1) return drawNear(axis, axis.start, startStd, u)
    return axis.kind === 'choice' ? Math.floor(u * axis.choices.length) : u
  })
}
