// What trains a trial. One trainer serves one slot, one job at a time; where slots are is the executor's affair.
import type { FailureClass, Hyp, Metrics } from '../search/index.ts'
import type { TrainingLength } from './length.ts'

/** One training to do. */
export interface TrainJob {
  /** Number of the trial, from 0. */
  readonly trial: number
  /** How often this trial was begun, from 1. */
  readonly attempt: number
  readonly hyp: Hyp
  /** Seed of the training's own random numbers; the same for all attempts. Integer in [0, 2^31). */
  readonly seed: number
  /**
   * Where the trainings of a study differ in length; left out: as long as the trainer was set up for. Whoever trains sizes
   * the whole schedule to it, warm-up included; `hyp` is that of a full training.
   */
  readonly length?: TrainingLength
  /**
   * Folder of this trial, absolute, made before the training begins; logs and weights go there. What an earlier attempt
   * left there may be gone on with.
   */
  readonly directory?: string
  /** What process lists show, as `exp2 trial 17`. */
  readonly title?: string
}

/** Said after each epoch. */
export interface EpochReport {
  /** Epochs finished, from 1. */
  readonly epoch: number
  /** Epochs in all, if the trainer knows. */
  readonly epochs?: number
  /** What this epoch measured; empty if nothing. */
  readonly metrics: Metrics
}

/**
 * How a training ended. A failing training is an outcome, not an exception; `interrupted` only after the signal was
 * aborted: the trial then waits for the next run.
 */
export type Outcome =
  | {
      readonly state: 'complete'
      readonly metrics: Metrics
      /** How this training was less than was asked for, as `with batch 8 instead of 16`: its result does not compare. */
      readonly reduced?: string
    }
  | { readonly state: 'failed'; readonly failure: FailureClass; readonly output: readonly string[] }
  | { readonly state: 'interrupted' }

/** What a trainer may use: one slot of an executor. */
export interface SlotResources {
  /** Number of the slot, from 0. */
  readonly slot: number
  /** `cpu`, a GPU number as `0`, or several that work on one trial, as `0+1`; '' leaves the choice to the trainer. */
  readonly device: string
  /** Threads that compute. */
  readonly threads: number
}

export interface Trainer {
  readonly name: string
  /** Process (group) that trains now. */
  readonly pid: number | undefined
  /**
   * Trains to the end with the hyp of the job. Rejects only if the trainer itself is broken (it cannot train any trial).
   *
   * @param signal - interrupts the training: the trainer saves what resumes it, ends its processes and resolves
   */
  train(job: TrainJob, onEpoch: (report: EpochReport) => void, signal: AbortSignal): Promise<Outcome>
  /** Kills its processes at once, without waiting; for a hard exit of this process. */
  kill(): void
  /** Ends its processes; called once, after the last job. */
  close(): Promise<void>
}
