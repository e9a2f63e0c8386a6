// What becomes of a trial when an attempt ends. Pure; the same for every storage.
import { TrialNotRunningError } from '../base/index.ts'
import type { EndedTrial, RunningTrial, Trial, WaitingTrial } from '../search/index.ts'
import type { AttemptReference, Ending } from './storage.ts'

/**
 * The fence: an attempt may report and end only while it is the one in training.
 *
 * @throws {@link TrialNotRunningError}
 */
export function requireAttempt(
  trial: Pick<Trial, 'state' | 'attempt'> | undefined,
  { number, attempt }: AttemptReference,
): void {
  if (trial?.state === 'running' && trial.attempt === attempt) return
  throw new TrialNotRunningError(number, describe(trial, attempt))
}

function describe(trial: Pick<Trial, 'state' | 'attempt'> | undefined, attempt: number): string {
  if (!trial) return 'unknown'
  if (trial.attempt === attempt || trial.attempt === 0) return trial.state
  return `${trial.state}, as attempt ${trial.attempt} (this is attempt ${attempt})`
}

/** The trial after its attempt ended. */
export function afterEnding(trial: RunningTrial, ending: Ending): EndedTrial | WaitingTrial {
  const { number, hyp, parents, mutated, attempt } = trial
  const proposed = { number, hyp, parents, mutated, attempt }
  switch (ending.state) {
    case 'complete':
      return { ...proposed, state: 'complete', fitness: ending.fitness, metrics: ending.metrics }
    case 'pruned': {
      const { epochs, fitness, metrics } = ending
      return { ...proposed, state: 'pruned', epochs, ...(fitness === undefined ? {} : { fitness }), metrics }
    }
    case 'failed':
      if (ending.retry) return { ...proposed, state: 'waiting' }
      return { ...proposed, state: 'failed', failure: ending.failure, output: ending.output }
    case 'released':
      return { ...proposed, state: 'waiting' }
  }
}
