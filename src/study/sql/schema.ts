// The tables. Values are readable: hyps and metrics are JSON text, times are ISO 8601. How they came to be is
// migrations.ts; a change here needs a new entry there.
import type { Generated } from 'kysely'

export interface StudyTable {
  id: Generated<number>
  /** Unique. */
  name: string
  key: string
  /** JSON of StudyDefinition. */
  definition: string
  /** May be a fraction. */
  target: number | null
  /** The target with which it was found finished; see StudyRecord. */
  finished_target: number | null
  /** What its search had cost when it was finished and went on; see StudyRecord. */
  patience_from: number | null
  /** 0 or 1. */
  stopping: number
  /** Number of the last change of any of its trials. */
  sequence: number
  /** Number of the last report that has a fitness. */
  reported: Generated<number>
  created_at: string
}

export interface WorkerTable {
  id: Generated<number>
  study_id: number
  host: string
  pid: number
  started_at: string
  registered_at: string
  heartbeat_at: string
  ended_at: string | null
}

export interface TrialTable {
  study_id: number
  /** From 0, without gaps. */
  number: number
  state: 'waiting' | 'running' | 'complete' | 'pruned' | 'failed'
  /** Number of its last change in the study: ended trials come in the order in which they were told. */
  sequence: number
  /** How often it was given out. */
  attempt: number
  hyp: string
  /** hypDigest of the hyp. */
  digest: number
  /** JSON lists. */
  parents: string
  mutated: string
  /** How many trials had ended when it was proposed. */
  seen: number
  worker_id: number | null
  fitness: number | null
  /** JSON; NaN and the infinities as text. */
  metrics: string | null
  /** Of a pruned trial. */
  epochs: number | null
  /** Epochs that it is granted. */
  fidelity: number | null
  /** Numbers of trials: whose hyp it trains a rung further, or again. */
  continues: number | null
  repeats: number | null
  /** Of a repeat, from 1. */
  repetition: number | null
  /** By how much it breaks the constraints; the infinite stands for what cannot be told. */
  violation: number | null
  /** Of the second objective; larger is better. */
  second: number | null
  failure: string | null
  /** JSON list of lines. */
  output: string | null
}

export interface AttemptTable {
  study_id: number
  trial: number
  attempt: number
  worker_id: number
  started_at: string
  ended_at: string | null
  ending: 'complete' | 'pruned' | 'failed' | 'released' | 'lost' | null
  failure: string | null
  output: string | null
}

export interface EpochTable {
  study_id: number
  trial: number
  attempt: number
  epoch: number
  metrics: string
  /** Larger is better; where the study compares trainings by their epochs. */
  fitness: number | null
  /** Those with a fitness are numbered in the order in which they were told. */
  sequence: number | null
}

export interface ArtifactTable {
  id: Generated<number>
  study_id: number
  trial: number
  kind: string
  path: string
}

/** Who is inside an exclusive step; one row per study while somebody is. */
export interface TurnTable {
  study_id: number
  token: string
  host: string
  pid: number
  started_at: string
  taken_at: string
}

export interface VersionTable {
  version: number
  name: string
  applied_at: string
}

export interface Tables {
  study: StudyTable
  worker: WorkerTable
  trial: TrialTable
  attempt: AttemptTable
  epoch: EpochTable
  artifact: ArtifactTable
  turn: TurnTable
  hypevolve_version: VersionTable
}
