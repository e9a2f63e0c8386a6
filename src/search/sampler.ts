// What proposes hyps. Start reading at samplers/yolov5.ts.
import type { z } from 'zod'
import type { Random } from '../base/index.ts'
import type { History } from './history.ts'
import type { Hyp } from './hyp.ts'
import type { SearchSpace } from './space.ts'

/** All that a proposal may depend on. */
export interface SearchContext {
  readonly space: SearchSpace
  /** Number of the trial that the proposal is for. */
  readonly number: number
  /** All earlier trials, running ones included. */
  readonly history: History
  /** Random numbers of this trial alone, seeded by study seed and trial number. */
  readonly rng: Random
  /**
   * Random numbers of another trial, from their beginning: where trials are proposed in groups, each of a group repeats
   * what its first one drew.
   */
  readonly rngOf: (number: number) => Random
  /** Where the study has trainings of different length. */
  readonly fidelity?: Fidelity
  /** Full trainings' worth of epochs that the search may cost, confirmation not included; left out: no end. */
  readonly planned?: number
}

/** How long the training of a proposal is to be. */
export interface Fidelity {
  /** Epochs granted to the hyp that is to be proposed; one of `rungs`. */
  readonly epochs: number
  /** Lengths of trainings in epochs, shortest first; the last is a full training. */
  readonly rungs: readonly number[]
}

export interface Proposal {
  readonly hyp: Hyp
  /** Numbers of the trials that it was made from. */
  readonly parents: readonly number[]
  /** Keys that it moved; may be left out where nothing is moved (the start, a fresh draw of all). */
  readonly mutated?: readonly string[]
  /** As of trials; see {@link ProposedTrial}. Samplers leave them out: `nextTraining` says them. */
  readonly fidelity?: number
  readonly continues?: number
  readonly repeats?: number
  readonly repetition?: number
}

/** Proposes hyps. Pure: the same context and options give the same proposal. */
export interface Sampler<Options> {
  readonly name: string
  /** One line for lists and help texts. */
  readonly summary: string
  /** Checks options and fills in defaults. */
  readonly options: z.ZodType<Options>
  /** It moves the hyperparameters of YOLO's tables by factors, so 0 stays 0 (see `SearchSpace.frozen`). */
  readonly multiplies: boolean
  /** An original algorithm of YOLOv5 or YOLOv3: it counts trainings, and knows none that are short. */
  readonly original?: boolean
  /** The pruner that goes with it where none is named; left out: `none`. */
  readonly pruner?: string
  /** Share of the budget that confirms the winner where nothing is said; left out: 0. */
  readonly confirm?: number
  /** Full trainings' worth without anything better after which it ends early where nothing is said; left out: never. */
  readonly patience?: number
  /**
   * Where it is there and answers true, the next hyp is trained at full length, whatever the pruner would grant: for
   * searches that end up in a phase of whole trainings.
   */
  wantsFull?(context: SearchContext, options: Options): boolean
  /**
   * @throws {@link SearchSpaceExhaustedError} if it finds no hyp that was not tried before
   * @throws {@link ReplayFaultError} in replay, where the release that is replayed goes wrong
   */
  propose(context: SearchContext, options: Options): Proposal
}

/** Declares a sampler; its options' type comes from the schema. */
export const defineSampler = <Options>(sampler: Sampler<Options>): Sampler<Options> => sampler
