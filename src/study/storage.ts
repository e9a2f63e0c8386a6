// Where a study remembers its trials. Implementations: memory-storage.ts, journal-storage.ts.
import type { Hyp, Results, RunningTrial, Trial } from '../search/index.ts'

/** What a study is, fixed when it begins. */
export interface StudyDefinition {
  /** All random numbers of the study come from this and from trial numbers. Integer in [0, 2^53). */
  readonly seed: number
  /** Its hyperparameters, in order. */
  readonly keys: readonly string[]
}

/** What a finished training brought. */
export interface TrialResult {
  readonly fitness: number
  readonly results?: Results
}

/**
 * The trials of one study. Methods say what happened; each is one step that is either done wholly or not at all, and a
 * promise that resolved will be remembered after a crash (except in memory).
 */
export interface Storage {
  /**
   * Begins the study if there is none yet; else nothing changes.
   *
   * @returns the definition it was begun with
   */
  openStudy(definition: StudyDefinition): Promise<StudyDefinition>

  /** All trials: finished and failed ones in the order in which they were told, then the others by number. */
  trials(): Promise<readonly Trial[]>

  /** Gives the oldest waiting trial out and marks it running; two callers never get the same one. */
  claimTrial(): Promise<RunningTrial | undefined>

  /**
   * Adds a trial that runs from now on. Numbers have no gaps: the next one is the number of trials.
   *
   * @returns `undefined` if the number is taken, because another caller was faster
   */
  addTrial(number: number, hyp: Hyp, parents: readonly number[]): Promise<RunningTrial | undefined>

  /**
   * Puts a running trial back: it waits to be given out again.
   *
   * @throws {@link TrialNotRunningError}, as the two below
   */
  releaseTrial(number: number): Promise<void>

  /** Ends a running trial with its result. A finished trial never changes. */
  finishTrial(number: number, result: TrialResult): Promise<void>

  /** Ends a running trial that brought none. */
  failTrial(number: number, output: readonly string[]): Promise<void>

  close(): Promise<void>
}
