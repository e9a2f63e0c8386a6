// The default search: brackets near the start at first, then what was learned from them.
import { z } from 'zod'
import type { History } from '../history.ts'
import { defineSampler, type Fidelity, type Proposal, type SearchContext } from '../sampler.ts'
import { type CmaesOrigin, cmaes, cmaesDraw } from './cmaes.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { priorBandDraw, priorband } from './priorband.ts'
import { tpe, tpeDraw } from './tpe.ts'
import { unitCube } from './unit-cube.ts'

const options = z.object({
  /** How likely a new hyp comes from the model once that has enough full trainings. */
  modelShare: z.number().min(0).max(1).default(0.5),
  /** Full trainings before the model is asked. */
  modelAfter: z.int().min(2).max(10_000).default(6),
})

type Options = z.infer<typeof options>

/** With fewer numbers, or fewer trainings ahead, it was better to stay with brackets. */
const handOver = { dimensions: 16, planned: 50, after: 13 }

export const auto = defineSampler({
  name: 'auto',
  summary: 'brackets near the start, then models of what was learned; CMA-ES where there are many',
  options,
  multiplies: false,
  pruner: 'hyperband',

  wantsFull: (context) => originOf(context) !== undefined,

  propose(context, settings): Proposal {
    if (context.number === 0) return startProposal(context.space)
    const origin = originOf(context)
    if (origin !== undefined) return freshProposal(context, auto, cmaesDraw(context, cmaesOptions, origin))
    return freshProposal(context, auto, modelDraw(context, settings) ?? priorBandDraw(context, priorBandOptions))
  },
})

const cmaesOptions = cmaes.options.parse({})
const priorBandOptions = priorband.options.parse({})
const tpeOptions = tpe.options.parse({ startupTrials: 8 })

/** Draws of the model, for the share of proposals that is its own. */
function modelDraw(context: SearchContext, { modelShare, modelAfter }: Options): (() => Proposal) | undefined {
  const { space, history, rng } = context
  if (history.complete.length < modelAfter || rng.numpy.random() >= modelShare) return undefined
  const draw = tpeDraw(context, tpeOptions)
  return draw && (() => ({ hyp: unitCube(space).toHyp(draw()), parents: [] }))
}

/** Where CMA-ES took over, if it has: from the first trial before which enough was granted; a tenth stays with brackets. */
function originOf({ space, number, history, fidelity, planned = 0 }: SearchContext): CmaesOrigin | undefined {
  if (planned < handOver.planned || unitCube(space).axes.length < handOver.dimensions) return undefined
  const first = firstAfter(history, fidelity, handOver.after, number)
  if (first === undefined || (number - first) % 10 === 9) return undefined
  const best = history.complete
    .filter((trial) => trial.number < first)
    .sort((a, b) => b.fitness - a.fitness || a.number - b.number)[0]
  return best && { hyp: best.hyp, number: first }
}

/**
 * Number of the first trial before which so many full trainings' worth was granted, up to `limit`. What is granted never
 * changes, so it stays the same however the trials end.
 */
function firstAfter(
  history: History,
  fidelity: Fidelity | undefined,
  worth: number,
  limit: number,
): number | undefined {
  const full = fidelity?.rungs.at(-1)
  let granted = 0
  for (let number = 0; number <= limit; number++) {
    if (granted >= worth - 1e-9) return number
    const trial = history.get(number)
    if (trial === undefined || trial.repeats !== undefined) continue
    granted += full === undefined || trial.fidelity === undefined ? 1 : trial.fidelity / full
  }
  return undefined
}
