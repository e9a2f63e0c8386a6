// The memory of a search: studies (ask, tell), where they are stored, and the files of YOLOv5's evolution.
export {
  bestRow,
  type EvolveCsv,
  type EvolveRow,
  evolveConsoleText,
  evolveCsvHeader,
  evolveCsvLine,
  evolvePrefix,
  evolveTitles,
  hypEvolveYaml,
  readEvolveCsv,
  rowFitness,
  toEvolveRow,
} from './evolve-file.ts'
export { EvolveFolder, evolveFiles } from './evolve-folder.ts'
export { JournalStorage } from './journal-storage.ts'
export { MemoryStorage } from './memory-storage.ts'
export type { Storage, StudyDefinition, TrialResult } from './storage.ts'
export { Study, type StudyOptions } from './study.ts'
