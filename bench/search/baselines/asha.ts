// Asynchronous successive halving: Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020.
import type { Ask, Job, Search, Setting } from '../method.ts'
import { UnitCube } from '../unit-cube.ts'
import { bestFirst, eta, type Observation, rungsOf } from './brackets.ts'
import { drawsOf } from './draws.ts'

/**
 * The default at full length; then whenever a worker is free, from the second highest rung down, the best hyp that is
 * among the best third of its rung and was not promoted; where there is none, a random hyp at the lowest rung.
 */
export function asha(setting: Setting, { resumes }: { readonly resumes: boolean }): Search {
  const { space, epochs } = setting
  const cube = new UnitCube(space)
  const random = drawsOf(setting)
  const rungs = rungsOf(setting)
  const observed: Observation[][] = rungs.map(() => [])
  const promoted = rungs.map(() => new Set<number>())

  return {
    ask(number): Ask {
      if (number === 0) return { hyp: space.start, epochs }
      for (let rung = rungs.length - 2; rung >= 0; rung--) {
        const best = bestFirst(observed[rung]).slice(0, Math.floor(observed[rung].length / eta))
        const next = best.find(({ job }) => !promoted[rung].has(job))
        if (!next) continue
        promoted[rung].add(next.job)
        return { hyp: next.hyp, epochs: rungs[rung + 1], ...(resumes ? { continues: next.job } : {}) }
      }
      return { hyp: cube.toHyp(cube.draw(() => random.random())), epochs: rungs[0] }
    },
    tell(job: Job, score: number) {
      if (job.number === 0) return // the default has no rung of its own
      observed[rungs.lastIndexOf(job.epochs)].push({ point: [], hyp: job.hyp, score, job: job.number })
    },
  }
}
