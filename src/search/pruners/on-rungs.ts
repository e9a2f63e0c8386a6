// The trials of a study as pruners see them: by rung.
import type { GrantContext } from '../pruner.ts'
import type { Trial } from '../trial.ts'

/** A trial at a rung. */
export interface OnRung {
  readonly number: number
  /** Position in the list of rungs. */
  readonly rung: number
  readonly ended: boolean
  /** -Infinity as long as it runs, and if it failed. */
  readonly fitness: number
  /** The trial a rung below that it follows. */
  readonly continues: number | undefined
}

/**
 * What was granted by the rungs, in the order of numbers. Left out are the start (trial 0 is at full length whatever
 * anybody grants), repeats, trainings at a rung that was given up, and trials that came from elsewhere and were granted
 * nothing. What was stopped in its course is as bad as what failed.
 */
export function onRungs({ history, number, rungs }: Pick<GrantContext, 'history' | 'number' | 'rungs'>): OnRung[] {
  const rungOf = new Map(rungs.map((epochs, rung) => [epochs, rung]))
  /** Of trials at rungs that were given up: the one that they follow at a rung that is left. */
  const below = new Map<number, number | undefined>()
  const all: OnRung[] = []
  for (let n = 1; n < number; n++) {
    const trial = history.get(n)
    if (trial === undefined || trial.repeats !== undefined || trial.fidelity === undefined) continue
    const { continues: before } = trial
    const continues = before !== undefined && below.has(before) ? below.get(before) : before
    const rung = rungOf.get(trial.fidelity)
    if (rung === undefined) below.set(n, continues)
    else all.push({ number: n, rung, ended: isEnded(trial), fitness: fitnessOf(trial, trial.fidelity), continues })
  }
  return all
}

const isEnded = ({ state }: Trial): boolean => state !== 'running' && state !== 'waiting'

function fitnessOf(trial: Trial, granted: number): number {
  if (trial.state !== 'complete' && (trial.state !== 'pruned' || trial.epochs < granted)) return -Infinity
  const { fitness } = trial
  return fitness === undefined || Number.isNaN(fitness) ? -Infinity : fitness
}

/** Best first; of equals the lower number first. */
export const bestFirst = (a: OnRung, b: OnRung): number =>
  a.fitness === b.fitness ? a.number - b.number : b.fitness - a.fitness

/**
 * Asynchronous promotion: from the second highest rung down, the best trial that is among the best `share` of those that
 * ended at its rung and was not promoted; failed ones count among those that ended and are never promoted.
 *
 * Li et al., "A system for massively parallel hyperparameter tuning" (MLSys 2020, arXiv 1810.05934), algorithm 2.
 *
 * @param least - nobody is promoted from a rung where fewer have ended
 * @returns number of the trial and the rung that it is to have
 */
export function promotion(
  trials: readonly OnRung[],
  rungs: number,
  share: number,
  least = 1,
): { readonly promote: number; readonly rung: number } | undefined {
  const promoted = new Set(trials.map(({ continues }) => continues))
  for (let rung = rungs - 2; rung >= 0; rung--) {
    const ended = trials.filter((trial) => trial.rung === rung && trial.ended)
    if (ended.length < least) continue
    const best = ended.sort(bestFirst).slice(0, Math.floor(ended.length * share + 1e-9))
    const next = best.find(({ number, fitness }) => fitness > -Infinity && !promoted.has(number))
    if (next) return { promote: next.number, rung: rung + 1 }
  }
  return undefined
}
