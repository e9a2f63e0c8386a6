export type { Executor } from './executor.ts'
export { localExecutor } from './executors/index.ts'
export { incrementPath, latestPath } from './increment-path.ts'
export type { EpochReport, Outcome, Trainer, TrainJob } from './trainer.ts'
