// What becomes of a trial when an attempt ends. Pure; the same for every storage.
import { TrialNotRunningError } from '../base/index.ts'
import type { EndedTrial, Hyp, ProposedTrial, RunningTrial, Trial, WaitingTrial } from '../search/index.ts'
import type { AttemptReference, Ending, Judgement } from './storage.ts'

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

/** What a trial is whatever its state, as a plain object without what it has not. */
export function proposedPart<H extends Hyp>(trial: ProposedTrial<H>): ProposedTrial<H> {
  const { number, hyp, parents, mutated, attempt, fidelity, continues, repeats, repetition } = trial
  return {
    ...{ number, hyp, parents, mutated, attempt },
    ...(fidelity !== undefined && { fidelity }),
    ...(continues !== undefined && { continues }),
    ...(repeats !== undefined && { repeats }),
    ...(repetition !== undefined && { repetition }),
  }
}

/** What is known of a result beside fitness and metrics, without what is not. */
export const judgementOf = ({ second, violation }: Judgement): Judgement => ({
  ...(second !== undefined && { second }),
  ...(violation !== undefined && { violation }),
})

/** The trial after its attempt ended. */
export function afterEnding(trial: RunningTrial, ending: Ending): EndedTrial | WaitingTrial {
  const proposed = proposedPart(trial)
  switch (ending.state) {
    case 'complete': {
      const { fitness, metrics } = ending
      return { ...proposed, state: 'complete', fitness, ...judgementOf(ending), metrics }
    }
    case 'pruned': {
      const { epochs, fitness, metrics } = ending
      return {
        ...proposed,
        ...{ state: 'pruned', epochs, ...(fitness !== undefined && { fitness }) },
        ...{ ...judgementOf(ending), metrics },
      }
    }
    case 'failed':
      if (ending.retry) return { ...proposed, state: 'waiting' }
      return { ...proposed, state: 'failed', failure: ending.failure, output: ending.output }
    case 'released':
      return { ...proposed, state: 'waiting' }
  }
}
