// Random search, the yardstick for all others (Bergstra and Bengio, JMLR 13, 2012).
import { z } from 'zod'
import { defineSampler, type Proposal } from '../sampler.ts'
import { evenDraw, freshProposal, startProposal } from './fresh.ts'

/**
 * Every hyperparameter that may move is drawn anew, evenly between its bounds (see `evenDraw`). The first trial is the
 * start hyp, as everywhere.
 */
export const random = defineSampler({
  name: 'random',
  summary: 'draws every value anew between its bounds',
  options: z.object({}),
  multiplies: false,

  propose(context): Proposal {
    const { space, number, rng } = context
    if (number === 0) return startProposal(space)
    return freshProposal(context, random, () => ({ hyp: space.toHyp(evenDraw(space, rng)), parents: [] }))
  },
})
