// Asynchronous successive halving (ASHA).
import { z } from 'zod'
import { definePruner } from '../pruner.ts'
import { eta } from '../schedule.ts'
import { onRungs, promotion } from './on-rungs.ts'
import { rungVerdict } from './stopping.ts'

/**
 * Whoever is among the best third of its rung gets the next one; where there is nobody, a new hyp begins at the lowest.
 *
 * Li et al., "A system for massively parallel hyperparameter tuning" (MLSys 2020, arXiv 1810.05934).
 */
export const successiveHalving = definePruner({
  name: 'successive-halving',
  summary: 'short trainings first, the best third of each length goes on (ASHA)',
  options: z.object({}),
  grant(context) {
    const { rungs } = context
    const next = promotion(onRungs(context), rungs.length, 1 / eta)
    return next ? { epochs: rungs[next.rung], promote: next.promote } : { epochs: rungs[0] }
  },
  verdict: (context) => rungVerdict(context, 0),
})
