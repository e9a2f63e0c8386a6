// Many hyps for one epoch, then the best of them at full length: Egele et al., "The unreasonable effectiveness of early
// discarding after one epoch in neural network hyperparameter optimization", 2023 (arXiv 2307.15422).
import type { Ask, Job, Search, Setting } from '../method.ts'
import { UnitCube } from '../unit-cube.ts'
import { bestFirst, type Observation } from './brackets.ts'
import { drawsOf } from './draws.ts'

/** How many of each round are trained at full length. */
const kept = 3

/**
 * The default at full length, then in turn: as many random hyps for the first epoch that can be looked at as one full
 * training costs, and the best three at full length that were not yet. The paper has one such round, as large as its
 * budget allows; rounds give a result at every budget.
 */
export function oneEpochTopK(setting: Setting): Search {
  const { epochs, firstEpoch, space } = setting
  const cube = new UnitCube(space)
  const random = drawsOf(setting)
  const perRound = Math.max(kept, Math.round(epochs / firstEpoch))
  const scouts: Observation[] = []
  const promoted = new Set<number>()
  const queue: Observation[] = []
  let ended = 0

  return {
    ask(number): Ask {
      if (number === 0) return { hyp: space.start, epochs }
      const next = queue.shift()
      if (next) return { hyp: next.hyp, epochs }
      return { hyp: cube.toHyp(cube.draw(() => random.random())), epochs: firstEpoch }
    },
    tell(job: Job, score: number) {
      if (job.epochs === epochs) return
      scouts.push({ point: cube.toPoint(job.hyp), hyp: job.hyp, score, job: job.number })
      if (++ended % perRound !== 0) return
      const best = bestFirst(scouts.filter((each) => !promoted.has(each.job))).slice(0, kept)
      for (const each of best) promoted.add(each.job)
      queue.push(...best)
    },
  }
}
