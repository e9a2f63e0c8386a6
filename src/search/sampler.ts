// What proposes hyps. Start reading at samplers/yolov5.ts.
import type { z } from 'zod'
import type { Random } from '../base/index.ts'
import type { Hyp } from './hyp.ts'
import type { SearchSpace } from './space.ts'
import type { FinishedTrial, Trial } from './trial.ts'

/** All that a proposal may depend on. */
export interface SearchContext {
  readonly space: SearchSpace
  /** Finished and failed trials in the order in which they were told, then those in training. */
  readonly history: readonly Trial[]
  /** Random numbers of this trial alone, seeded by study seed and trial number. */
  readonly rng: Random
}

export interface Proposal {
  readonly hyp: Hyp
  /** Numbers of the trials that it was made from. */
  readonly parents: readonly number[]
}

/** Proposes hyps. Pure: the same context and options give the same proposal. */
export interface Sampler<Options> {
  readonly name: string
  /** Checks options and fills in defaults. */
  readonly options: z.ZodType<Options>
  propose(context: SearchContext, options: Options): Proposal
}

/** Declares a sampler; its options' type comes from the schema. */
export const defineSampler = <Options>(sampler: Sampler<Options>): Sampler<Options> => sampler

/** The finished trials of a history, in order. */
export const finishedTrials = (history: readonly Trial[]): FinishedTrial[] =>
  history.filter((trial) => trial.state === 'finished')
