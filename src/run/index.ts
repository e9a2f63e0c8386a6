// Joins the two towers: trials of a study are trained by trainers, in the slots of an executor.
export {
  type Budget,
  type BudgetProgress,
  type BudgetState,
  deadlineOf,
  gpusOf,
  parseBudget,
  parseUntil,
  trainingsFor,
  worthOf,
} from './budget.ts'
export type { Executor, JobListener } from './executor.ts'
export { localExecutor } from './executors/index.ts'
export { type Gpu, type GpuProcess, readGpus, type WaitForGpuOptions, waitForGpu } from './gpus.ts'
export { incrementPath, latestPath } from './increment-path.ts'
export { type KeepPolicy, parseKeep } from './keep.ts'
export type { TrainerTraits, TrainingLength } from './length.ts'
export { type LoopEvent, type LoopOptions, type LoopSummary, runTrials } from './loop.ts'
export { Pace } from './pace.ts'
export { type Plan, type PlanRequest, planOf, revisePlan } from './plan.ts'
export { Slot, type SlotOptions } from './slot/index.ts'
export { planSlots, type SlotPlan, type SlotRequest } from './slots.ts'
export type { EpochReport, Outcome, SlotResources, Trainer, TrainJob } from './trainer.ts'
export { shellCommand } from './trainers/command-shell.ts'
export {
  type CommandFacts,
  type CommandOptions,
  checkCommand,
  checkShellCommand,
  commandEnvironment,
  commandTrainer,
  commandTraits,
  type EmbeddedOptions,
  embeddedTrainers,
  embeddedTraits,
  fillCommand,
  settingProblem,
  trainingSettings,
} from './trainers/index.ts'
export {
  type DeadGene,
  type Installation,
  type InstalledOptions,
  type InstalledTrainer,
  type InstalledTraining,
  installedTrainer,
  installedTrainers,
} from './trainers/installed/index.ts'
export { parseMetrics } from './trainers/metrics/index.ts'
export { trialFolder, trialLog } from './trial-folder.ts'
