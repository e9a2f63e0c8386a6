// Where trials run.
import type { EpochReport, Outcome, SlotResources, TrainJob } from './trainer.ts'

/** What a job tells while it runs. */
export interface JobListener {
  /** A slot was free and the training begins there. */
  onStart?(slot: SlotResources): void
  onEpoch?(report: EpochReport): void
}

export interface Executor {
  readonly name: string
  /** What it trains on; as many jobs as it takes at once. */
  readonly slots: readonly SlotResources[]
  /**
   * Runs a job when a slot is free; resolves to its outcome (complete, failed with the last output, interrupted) and
   * rejects only if the executor itself is broken.
   */
  run(job: TrainJob, listener: JobListener, signal: AbortSignal): Promise<Outcome>
  /** Kills what it started, at once and without waiting; for a hard exit of this process. */
  kill(): void
  /** Ends what it started. */
  close(): Promise<void>
}
