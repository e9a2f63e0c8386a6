// What trainings of different length brought: observations by rung. Scores of different rungs are never compared.

import type { History } from './history.ts'
import type { Hyp } from './hyp.ts'
import type { EndedTrial } from './trial.ts'

/** What a training brought after so many epochs. */
export interface Observation {
  readonly number: number
  readonly hyp: Hyp
  /** That it was trained; one of the rungs. */
  readonly epochs: number
  /** -Infinity if it failed. */
  readonly fitness: number
}

/**
 * What was observed at each rung, in the order in which it was told; repeats are no observations of the search.
 *
 * A complete trial counts as one of full length. A trial that was granted less, or was stopped, counts at the longest rung
 * that it came to if it has a fitness, else not at all. A failed one counts at the rung that it was granted.
 *
 * @param rungs - lengths in epochs, shortest first, a full training last
 */
export function observationsByRung(history: History, rungs: readonly number[]): Observation[][] {
  const byRung: Observation[][] = rungs.map(() => [])
  for (const trial of history.searched) {
    const epochs = lengthOf(trial, rungs.at(-1)!)
    const rung = rungs.findLastIndex((length) => length <= epochs)
    if (rung < 0 || (trial.state === 'pruned' && trial.fitness === undefined)) continue
    byRung[rung].push({ number: trial.number, hyp: trial.hyp, epochs: rungs[rung], fitness: fitnessOf(trial) })
  }
  return byRung
}

function lengthOf(trial: EndedTrial, full: number): number {
  if (trial.state === 'pruned') return trial.epochs
  return trial.fidelity ?? full
}

function fitnessOf(trial: EndedTrial): number {
  const fitness = trial.state === 'failed' ? undefined : trial.fitness
  return fitness === undefined || Number.isNaN(fitness) ? -Infinity : fitness
}
