// Bayesian optimisation: a Gaussian process says what any hyp would bring and how sure that is, and the next hyp is the
// one with the largest expected improvement.
import { z } from 'zod'
import type { Random } from '../../base/index.ts'
import { defineSampler, type Proposal } from '../sampler.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { gpDraws, gpKnowledge, isEnough } from './gp-draws.ts'
import { truncatedNormal } from './normal.ts'
import { type Axis, type UnitCube, unitCube } from './unit-cube.ts'

const options = z.object({
  startupTrials: z.int().min(1).max(10_000).default(5),
  startStd: z.number().positive().max(10).default(0.25),
  prior: z.string().default('dim'),
  transform: z.string().default('none'),
  threshold: z.string().default('mean'),
  near: z.number().default(0.5),
  fantasies: z.int().default(8),
})

export type GpOptions = z.infer<typeof options>

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
        : gpDraws(cube, knowledge, rng, settings)
    return freshProposal(context, gp, () => ({ hyp: cube.toHyp(next()), parents: [] }))
  },
})

/** Near the start for odd numbers, anywhere for even ones. */
function startupDraw({ axes }: UnitCube, number: number, { startStd, near }: GpOptions, { numpy }: Random): number[] {
  return axes.map((axis) => {
    const u = numpy.random()
    if ((number * near) % 1 >= 1 - near) return nearStart(axis, startStd, u)
    return axis.kind === 'choice' ? Math.floor(u * axis.choices.length) : u
  })
}

function nearStart(axis: Axis, std: number, u: number): number {
  if (axis.kind === 'number') return truncatedNormal(axis.start, std, 0, 1, u)
  const { choices, start } = axis
  const kept = Math.max(1 - std, 1 / choices.length)
  if (u < kept || choices.length === 1) return start
  const other = Math.min(Math.floor(((u - kept) / (1 - kept)) * (choices.length - 1)), choices.length - 2)
  return other < start ? other : other + 1
}
