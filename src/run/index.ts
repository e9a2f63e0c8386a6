// Joins the two towers: trials of a study are trained by trainers, in the slots of an executor.
export type { Executor } from './executor.ts'
export { localExecutor } from './executors/index.ts'
export { incrementPath, latestPath } from './increment-path.ts'
export { type LoopEvent, type LoopOptions, type LoopSummary, runTrials } from './loop.ts'
export { Slot, type SlotOptions } from './slot/index.ts'
export type { EpochReport, Outcome, Trainer, TrainJob } from './trainer.ts'
export { type EmbeddedOptions, type EmbeddedTrainer, embeddedTrainer } from './trainers/index.ts'
