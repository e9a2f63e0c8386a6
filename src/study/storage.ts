// Where studies and their trials are remembered. Implementations: memory-storage.ts and sql/ (SQLite, PostgreSQL).
// Methods say what happened; each is one transaction, done wholly or not at all, and a result whose promise resolved
// survives a crash (except in memory). Several processes may use one storage at the same time.
import type { FailureClass, Hyp, Metrics, Proposal, RunningTrial, Trial } from '../search/index.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What a study is, fixed when it begins. */
export interface StudyDefinition {
  /** All random numbers of the study come from this and from trial numbers. Integer in [0, 2^53). */
  readonly seed: number
  /** The search space as {@link SearchSpace} reads and writes it. */
  readonly space: Json
  readonly sampler: { readonly name: string; readonly options: Json }
  readonly direction: 'maximize' | 'minimize'
  /** What the fitness is made of, for people; `value` if the objective returns it. */
  readonly fitness: string
  /**
   * What makes two studies the same beside the above: data, cfg, weights, epochs, imgsz, batch … by name. Compared one by
   * one, so that a message can say what differs.
   */
  readonly identity: { readonly [name: string]: Json }
  /** What `resume` needs and what does not make another study: command line, device, release of the files. */
  readonly settings: { readonly [name: string]: Json }
}

/** A study as the storage keeps it. */
export interface StudyRecord {
  readonly id: number
  /** Unique in the storage: the folder (`runs/evolve/exp2`), or the name given by a library user. */
  readonly name: string
  /** Hash of what the study is (identity, space, sampler, direction, fitness); see identity.ts. */
  readonly key: string
  readonly definition: StudyDefinition
  /** Trials in all, failed ones included; `undefined`: no end. Grows only. */
  readonly target: number | undefined
  /** Somebody asked it to stop; cleared when it is resumed. */
  readonly stopping: boolean
  /** ISO 8601. */
  readonly createdAt: string
}

export interface TrialCounts {
  readonly waiting: number
  readonly running: number
  readonly complete: number
  readonly pruned: number
  readonly failed: number
}

/** A process that asks and tells. */
export interface WorkerInfo {
  readonly host: string
  readonly pid: number
  /** Distinguishes processes that got the same pid one after the other. */
  readonly startedAt: string
}

/** What became of an attempt. */
export type Ending =
  | { readonly state: 'complete'; readonly fitness: number; readonly metrics: Metrics }
  | { readonly state: 'pruned'; readonly epochs: number; readonly fitness?: number; readonly metrics: Metrics }
  | {
      readonly state: 'failed'
      readonly failure: FailureClass
      readonly output: readonly string[]
      /** The trial waits for another attempt instead of ending as failed. */
      readonly retry?: boolean
    }
  /** Interrupted: the trial waits to be given out again. */
  | { readonly state: 'released' }

/** One attempt at a trial, as it was recorded. */
export interface AttemptRecord {
  readonly trial: number
  readonly attempt: number
  readonly worker: WorkerInfo | undefined
  readonly startedAt: string
  readonly endedAt: string | undefined
  /** `lost`: its process vanished. */
  readonly ending: 'complete' | 'pruned' | 'failed' | 'released' | 'lost' | undefined
  readonly failure: FailureClass | undefined
  readonly output: readonly string[]
}

export interface EpochRecord {
  readonly trial: number
  readonly attempt: number
  /** From 1. */
  readonly epoch: number
  readonly metrics: Metrics
}

/** A file or folder that a trial left. */
export interface ArtifactRecord {
  readonly trial: number
  /** `weights`, `log`, `folder` … */
  readonly kind: string
  readonly path: string
}
export type { Hyp, Proposal, RunningTrial, Trial }
