// What is known about one training of a study.
import type { Hyp } from './hyp.ts'

/** What a training ends with, in the order of the first seven columns of evolve.csv. Metrics lie in [0, 1]. */
export interface Results {
  readonly precision: number
  readonly recall: number
  readonly mAP50: number
  readonly mAP50to95: number
  /** Validation losses. */
  readonly boxLoss: number
  readonly objLoss: number
  readonly clsLoss: number
}

/** Keys of {@link Results} in their order. */
export const resultKeys = ['precision', 'recall', 'mAP50', 'mAP50to95', 'boxLoss', 'objLoss', 'clsLoss'] as const

/** A trial as proposed: its number (from 0) and hyp, and the trials that its hyp was made from. */
export interface ProposedTrial {
  readonly number: number
  readonly hyp: Hyp
  /** Numbers of the parent trials; empty for the start and for samplers that have no parents. */
  readonly parents: readonly number[]
}

/** In training now. */
export interface RunningTrial extends ProposedTrial {
  readonly state: 'running'
}

/** Proposed, but nobody trains it: its training was interrupted. It is the next one to be given out. */
export interface WaitingTrial extends ProposedTrial {
  readonly state: 'waiting'
}

/** A trial with a fitness. `results` is missing only if the study was told a fitness alone. */
export interface FinishedTrial extends ProposedTrial {
  readonly state: 'finished'
  /** Larger is better. NaN if a metric was NaN; such a trial is kept, but never chosen as parent or incumbent. */
  readonly fitness: number
  readonly results?: Results
}

/** A training that ended without results. */
export interface FailedTrial extends ProposedTrial {
  readonly state: 'failed'
  /** Last lines of what it said, at least one. */
  readonly output: readonly string[]
}

export type Trial = WaitingTrial | RunningTrial | FinishedTrial | FailedTrial
