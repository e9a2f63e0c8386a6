// What trains a trial. One trainer serves one slot, one job at a time; where slots are is the executor's affair.
import type { Hyp, Results } from '../search/index.ts'

/** One training to do. */
export interface TrainJob {
  /** Number of the trial, from 0. */
  readonly trial: number
  readonly hyp: Hyp
}

/** Said after each epoch. */
export interface EpochReport {
  /** Epochs finished, from 1. */
  readonly epoch: number
  /** Epochs in all. */
  readonly epochs: number
  /** Set if this epoch was validated. */
  readonly results?: Results
}

/**
 * How a training ended. A failing training is an outcome, not an exception; `interrupted` only after the signal was
 * aborted: the trial then waits for the next run.
 */
export type Outcome =
  | { readonly state: 'finished'; readonly results: Results }
  | { readonly state: 'failed'; readonly output: readonly string[] }
  | { readonly state: 'interrupted' }

export interface Trainer {
  readonly name: string
  /**
   * Trains to the end with the hyp of the job. Rejects only if the trainer itself is broken (it cannot train any trial).
   *
   * @param signal - interrupts the training
   */
  train(job: TrainJob, onEpoch: (report: EpochReport) => void, signal: AbortSignal): Promise<Outcome>
  /** Ends its processes; called once, after the last job. */
  close(): Promise<void>
}
