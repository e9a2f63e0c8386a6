// What the bench compares: anything that says what to train next and is told what came of it.
import type { Hyp, SearchSpace } from '../../src/search/index.ts'

/** What a search knows before it begins. */
export interface Setting {
  /** Its start is the default hyp. */
  readonly space: SearchSpace
  /** Epochs of a full training, R. */
  readonly epochs: number
  /** No training may be shorter. */
  readonly firstEpoch: number
  readonly workers: number
  /** Epochs that may be spent in all. */
  readonly budget: number
  readonly seed: number
}

/** A training that a search wants. */
export interface Ask {
  readonly hyp: Hyp
  /** How long it is to be; its score is that after its last epoch. */
  readonly epochs: number
  /**
   * Number of the shorter training of the same hyp that it goes on from: only the further epochs are billed. Left out,
   * it begins anew and all its epochs are billed.
   */
  readonly continues?: number
}

/** A training that was begun. */
export interface Job extends Ask {
  /** From 0, in the order in which trainings begin. */
  readonly number: number
}

export interface Search {
  /**
   * The next training; `undefined` where the search waits for one that runs; `done` where the rest of the budget is no
   * use to it.
   *
   * @param number - the number that the training will have
   * @param running - trainings under way
   */
  ask(number: number, running: readonly Job[]): Ask | 'done' | undefined | Promise<Ask | 'done' | undefined>
  /** A training came to its end. */
  tell(job: Job, score: number): void | Promise<void>
  /** Where it is there: told the score after every epoch but the last; `true` stops the training. */
  report?(job: Job, epoch: number, score: number): boolean | Promise<boolean>
  /** A training was stopped by `report`. */
  stopped?(job: Job, epoch: number, score: number): void | Promise<void>
  /** Ends what it holds. */
  close?(): void | Promise<void>
}

export interface Method {
  readonly name: string
  /** One line for lists. */
  readonly summary: string
  /** Goes on with shorter trainings instead of beginning anew; such a row is no fair match for the others. */
  readonly resumes?: boolean
  /** What its results depend on: a different text means that earlier results are of no use. */
  readonly version: string
  /** Why it cannot run on these problems; `undefined` if it can. */
  unfit?(problem: { readonly resumable: boolean; readonly space: SearchSpace }): string | undefined
  start(setting: Setting): Search | Promise<Search>
}
