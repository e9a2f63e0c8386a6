// Where studies and their trials are remembered. Implementations: memory-storage.ts and sql/ (SQLite, PostgreSQL).
// Methods say what happened; each is one transaction, done wholly or not at all, and what its promise resolved to
// survives a crash (except in memory). Several processes may use one storage at the same time.
import type { FailureClass, Hyp, Metrics, Proposal, RunningTrial, Schedule, Trial } from '../search/index.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What a study is, fixed when it begins. */
export interface StudyDefinition {
  /** All random numbers of the study come from this and from trial numbers. Integer in [0, 2^53). */
  readonly seed: number
  /** The search space as {@link SearchSpace} reads and writes it. */
  readonly space: Json
  readonly sampler: { readonly name: string; readonly options: Json }
  readonly direction: 'maximize' | 'minimize'
  /** What the fitness is made of, as an expression of metrics; `value` if the objective returns it. */
  readonly fitness: string
  /** Lengths of its trainings; left out: they have none, and the target counts trials. */
  readonly schedule?: Schedule
  /** What results must keep to, as `latency_ms <= 10`. */
  readonly constraints?: readonly string[]
  /** A second objective, as an expression of metrics. */
  readonly second?: { readonly expression: string; readonly direction: 'maximize' | 'minimize' }
  /** Hyps that are tried before the sampler's own. They make no other study: who begins it again has others in mind. */
  readonly enqueued?: readonly Hyp[]
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
  /** Hash of what the study is (identity, space, sampler, direction, fitness, schedule …); see identity.ts. */
  readonly key: string
  readonly definition: StudyDefinition
  /**
   * Trials in all, failed ones included; with a schedule, full trainings' worth of epochs, which may be a fraction.
   * `undefined`: no end.
   */
  readonly target: number | undefined
  /**
   * Of a study with a schedule: the target at which all trials had ended and nothing more was to be trained. It is
   * finished as long as that is its target.
   */
  readonly finishedTarget: number | undefined
  /**
   * Of a study with a schedule that was finished and got a larger target: what its search had cost then, in full
   * trainings' worth. From there on it is counted for how long nothing got better.
   */
  readonly patienceFrom: number | undefined
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
  /** Distinguishes processes that got the same pid one after the other; see process.ts. */
  readonly startedAt: string
}

/** A worker as it was registered. */
export interface WorkerRecord extends WorkerInfo {
  readonly id: number
  /** ISO 8601. */
  readonly registeredAt: string
  /** Its last sign of life, ISO 8601. */
  readonly heartbeatAt: string
  /** When it left, or was found to have vanished. */
  readonly endedAt: string | undefined
}

/** A study and how far it is. */
export interface StudyOverview extends StudyRecord {
  readonly counts: TrialCounts
  /**
   * How much of a target is spent: trials that have ended; with a schedule, full trainings' worth of epochs of them.
   */
  readonly spent: number
  /** Workers that are alive. */
  readonly workers: readonly WorkerRecord[]
}

/** What else was found out about a result; see {@link CompleteTrial}. */
export interface Judgement {
  readonly second?: number
  /** Never NaN: what cannot be told is infinite. */
  readonly violation?: number
}

/** What became of an attempt. */
export type Ending =
  | ({ readonly state: 'complete'; readonly fitness: number; readonly metrics: Metrics } & Judgement)
  | ({
      readonly state: 'pruned'
      readonly epochs: number
      readonly fitness?: number
      readonly metrics: Metrics
    } & Judgement)
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
  /** From 1. */
  readonly attempt: number
  readonly worker: WorkerInfo | undefined
  /** ISO 8601. */
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
  /** Larger is better; where the study compares trainings by their epochs. */
  readonly fitness?: number
}

/** Fitness that trials had after epochs, since a moment. */
export interface ReportChanges {
  /** The moment that these lead to; hand it in next time. 0 is the beginning. */
  readonly sequence: number
  /** In the order in which they were told; of an epoch that was reported again, the last. */
  readonly reports: readonly { readonly trial: number; readonly epoch: number; readonly fitness: number }[]
}

/** A file or folder that a trial left. */
export interface ArtifactRecord {
  readonly trial: number
  /** `weights`, `log`, `folder` … */
  readonly kind: string
  readonly path: string
}

/** One attempt at one trial: what a worker holds, and the fence against one that was given up. */
export interface AttemptReference {
  readonly number: number
  readonly attempt: number
}

/** What happened in a study since a moment. */
export interface StudyChanges {
  /** The moment that these changes lead to; hand it in next time. 0 is the beginning. */
  readonly sequence: number
  readonly target: number | undefined
  readonly finishedTarget: number | undefined
  readonly patienceFrom: number | undefined
  readonly stopping: boolean
  /** Trials that were added or changed, in the order of their last change: ended ones as they were told. */
  readonly trials: readonly StoredTrial[]
}

/** A trial with the digest of its hyp. Its hyp and metrics may be read when they are looked at: do not spread it. */
export interface StoredTrial {
  readonly trial: Trial
  readonly digest: number
}

/** How {@link Storage.claimTrial} gets a new hyp if no trial waits. */
export interface Proposer {
  /** Up to where the proposer knows the study. */
  readonly sequence: number
  /** Told what happened since, before `propose`; more than once if there is much, or if the transaction is repeated. */
  learn(changes: StudyChanges): void
  /**
   * Called inside the transaction when it knows all: nobody else adds, gives out or ends a trial meanwhile. `undefined`
   * says that nothing more fits into the target.
   */
  propose(number: number, limits: Limits): Proposal | undefined
}

/** What says how far a study goes, as of now. */
export type Limits = Pick<StudyRecord, 'target' | 'patienceFrom'>

export type Claim =
  /** `sequence` is the moment of this change. */
  | { readonly trial: RunningTrial; readonly digest: number; readonly sequence: number }
  /** Why there is none: all trials that the target allows have been given out, or a stop was requested. */
  | { readonly trial: undefined; readonly because: 'target' | 'stopping' }

/** A training from elsewhere to be taken over. It becomes an ended trial that had no attempt here. */
export interface ImportedTrial {
  readonly hyp: Hyp
  readonly ending: Exclude<Ending, { readonly state: 'released' }>
}

/** What to do about a request for a study: see identity.ts. */
export type StudyChoice =
  | {
      readonly create: Pick<StudyRecord, 'name' | 'key' | 'definition' | 'target'> & {
        /** Trials that it begins with. */
        readonly trials?: readonly ImportedTrial[]
      }
    }
  /** Goes on with this one; a stop request is cleared. `target`, if given, becomes its target. */
  | { readonly use: number; readonly target?: number }

export interface Storage {
  /** What messages call it: a path, or a URL without its password. */
  readonly location: string
  /** What a person should know about the place, such as that it is not where they would look. */
  readonly notes: readonly string[]

  /** All studies by id. */
  studies(): Promise<readonly StudyOverview[]>

  /**
   * Lets `choose` decide between making a study and going on with one, and registers a worker there. Atomic: processes
   * that begin at the same moment decide one after the other, and the later ones see what the first made.
   *
   * @param choose - pure; what it throws is thrown, and nothing was done
   */
  begin(
    worker: WorkerInfo | undefined,
    choose: (studies: readonly StudyOverview[]) => StudyChoice,
  ): Promise<{ readonly study: StudyRecord; readonly worker: number | undefined }>

  /** Asks the workers of a study to stop, or takes that back. */
  setStopping(study: number, stopping: boolean): Promise<void>

  /** Lets a study have a larger target; a smaller one than it has changes nothing. Resolves to the target. */
  extend(study: number, total: number): Promise<number>

  /**
   * Sets the target up or down, but never below what is spent (without a schedule: the trials that there are). Resolves
   * to the target.
   */
  setTarget(study: number, target: number): Promise<number>

  /**
   * Forgets a study.
   *
   * @throws {@link StudyInUseError} while a worker of it is alive
   */
  deleteStudy(study: number): Promise<void>

  /** All that is known of workers, by id. */
  workers(study: number): Promise<readonly WorkerRecord[]>
  addWorker(study: number, worker: WorkerInfo): Promise<number>
  heartbeat(worker: number): Promise<void>
  /** The worker leaves; trials that it still has wait. */
  endWorker(worker: number): Promise<void>

  /** What happened since; without a limit, all of it. */
  changes(study: number, sequence: number, limit?: number): Promise<StudyChanges>

  /**
   * Gives a trial to a worker: first takes back the trials of workers that vanished, then gives out the oldest waiting
   * one, else a new one with the proposed hyp. Two workers never get the same trial; numbers have no gaps. A worker that
   * was thought lost is alive again when it claims.
   *
   * Without a schedule there are as many trials as the target says. With one the proposer says whether anything more is to
   * be trained; if not, and all trials have ended, the study is finished with this target.
   *
   * @throws {@link StudyNotFoundError} if the study was deleted meanwhile
   */
  claimTrial(study: number, worker: number, proposer: Proposer): Promise<Claim>

  /**
   * Ends an attempt, and with it the trial, unless it is to wait.
   *
   * @returns the moment of this change
   * @throws {@link TrialNotRunningError} if this attempt is not the one in training (any more); nothing is changed then
   */
  endAttempt(study: number, reference: AttemptReference, ending: Ending): Promise<number>

  /**
   * Keeps what an epoch measured; an epoch reported again replaces what was there.
   *
   * @param fitness - if it is to be compared with that of others; see {@link Storage.reports}
   * @throws {@link TrialNotRunningError} as {@link Storage.endAttempt}
   */
  reportEpoch(
    study: number,
    reference: AttemptReference,
    epoch: number,
    metrics: Metrics,
    fitness?: number,
  ): Promise<void>

  /** What was reported with a fitness since a moment. */
  reports(study: number, sequence: number, limit?: number): Promise<ReportChanges>

  /** Adds trainings from elsewhere as ended trials, in this order, all or none. */
  importTrials(study: number, trials: readonly ImportedTrial[]): Promise<void>

  /** Attempts by trial and attempt; of one trial if given. */
  attempts(study: number, trial?: number): Promise<readonly AttemptRecord[]>
  /** Reports by trial, attempt and epoch; of one trial if given. */
  epochs(study: number, trial?: number): Promise<readonly EpochRecord[]>
  /** In the order in which they were added; of one trial if given. */
  artifacts(study: number, trial?: number): Promise<readonly ArtifactRecord[]>
  /** Notes a file or folder of a trial; one noted before changes its kind. */
  addArtifact(study: number, artifact: ArtifactRecord): Promise<void>
  removeArtifact(study: number, trial: number, path: string): Promise<void>

  /** How many trials had ended when the hyp of this one was proposed: the first so many in told order. */
  seen(study: number, trial: number): Promise<number>

  /**
   * Runs a step while nobody else runs one for the same study, in any process. For short steps (a file written): whoever
   * takes longer than half a minute may be overtaken.
   */
  exclusive<T>(study: number, step: () => Promise<T>): Promise<T>

  close(): Promise<void>
}
