// The memory of a search: studies (ask, tell), where they are stored, and the files that YOLO's releases leave.
export { type CreateStudyOptions, createStudy, type ScheduleOptions } from './create-study.ts'
export { DurableFile, replaceFile, syncFolder } from './durable-file.ts'
export * from './files/index.ts'
export { endedCount, isFinished } from './finished.ts'
export {
  type BegunStudy,
  beginStudy,
  decide,
  type FirstTrials,
  type StudyCase,
  type StudyRequest,
  studyDifferences,
  studyKey,
} from './identity.ts'
export { MemoryStorage } from './memory-storage.ts'
export { defaultStorage, type OpenStorageOptions, openStorage } from './open-storage.ts'
export type { Objective, ObjectiveTrial, OptimizeOptions } from './optimize.ts'
export { isAlive, leaseMs, thisWorker } from './process.ts'
export type {
  ArtifactRecord,
  AttemptRecord,
  Ending,
  EpochRecord,
  ImportedTrial,
  Json,
  Judgement,
  Limits,
  ReportChanges,
  Storage,
  StudyDefinition,
  StudyOverview,
  StudyRecord,
  TrialCounts,
  WorkerInfo,
  WorkerRecord,
} from './storage.ts'
export { type Best, type Failure, Study } from './study.ts'
