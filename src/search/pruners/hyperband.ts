// Hyperband: part of the hyps is trusted to short trainings, part is trained in full from the beginning.
import { z } from 'zod'
import { definePruner } from '../pruner.ts'
import { eta } from '../schedule.ts'
import { Brackets, bracketAt } from './brackets.ts'
import { onRungs, promotion } from './on-rungs.ts'
import { rungVerdict } from './stopping.ts'

const options = z.object({
  /**
   * `sync`: brackets in turn; a rung is promoted when all of it has ended, workers that are free begin the next bracket.
   * `async`: each new hyp's bracket is drawn, and whoever is among the best third of its rung goes on at once.
   */
  mode: z.enum(['sync', 'async']).default('sync'),
})

/**
 * Hedges against short trainings that mislead: what they cost is shared about equally among brackets that start at
 * every rung, the full length included.
 *
 * Li et al., "Hyperband" (JMLR 18, 2018); asynchronous as in Klein et al. (arXiv 2003.10865) and NePS.
 */
export const hyperband = definePruner({
  name: 'hyperband',
  summary: 'brackets: some hyps begin with short trainings, others with longer or full ones',
  options,
  grant(context, { mode }) {
    const { rungs, rng } = context
    const trials = onRungs(context)
    if (mode === 'sync') {
      const { rung, promote } = new Brackets(trials, rungs.length).next()
      return { epochs: rungs[rung], ...(promote === undefined ? {} : { promote }) }
    }
    const next = promotion(trials, rungs.length, 1 / eta)
    if (next) return { epochs: rungs[next.rung], promote: next.promote }
    return { epochs: rungs[bracketAt(rng.numpy.random(), rungs.length)] }
  },
  // the golden ratio spreads consecutive numbers evenly
  verdict: (context) => rungVerdict(context, bracketAt((context.number * goldenRatio) % 1, context.rungs.length)),
})

const goldenRatio = (Math.sqrt(5) - 1) / 2
