// Where trials run.
import type { EpochReport, Outcome, TrainJob } from './trainer.ts'

export interface Executor {
  readonly name: string
  /** How many jobs it takes at once. */
  readonly slots: number
  /**
   * Runs a job when a slot is free; resolves to its outcome (finished, failed with the last output, interrupted) and
   * rejects only if the executor itself is broken.
   */
  run(job: TrainJob, onEpoch: (report: EpochReport) => void, signal: AbortSignal): Promise<Outcome>
  /** Ends what it started. */
  close(): Promise<void>
}
