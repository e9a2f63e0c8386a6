// What decides how long a hyp is trained. Two kinds of studies ask it different things: with rungs that are trainings of
// their own it says who gets the next one (`grant`), with trainings that can only be stopped it says stop (`verdict`).
import type { z } from 'zod'
import type { Random } from '../base/index.ts'
import type { History } from './history.ts'

/** All that a grant may depend on. */
export interface GrantContext {
  /** Lengths in epochs, shortest first; the last is a full training. */
  readonly rungs: readonly number[]
  /** Number of the trial to come; from 1, for trial 0 is the start at full length. */
  readonly number: number
  /** All earlier trials, running ones included. */
  readonly history: History
  /** Random numbers of this trial alone, apart from those that the sampler gets. */
  readonly rng: Random
}

/** Who is trained next, and for how many epochs: an earlier trial's hyp, a rung further, or a new one. */
export type Grant = { readonly epochs: number; readonly promote?: number }

/** A training that has come to an epoch, for studies whose trainings can only be stopped. */
export interface VerdictContext {
  readonly rungs: readonly number[]
  /** Number of the trial. */
  readonly number: number
  /** Epochs that it has come to. */
  readonly epoch: number
  /** What it brought, by epochs: `fitness[e]` after e epochs; larger is better, undefined where nothing was measured. */
  readonly curve: readonly (number | undefined)[]
  /** The curves of all other trials that the search proposed, by number. */
  readonly others: ReadonlyMap<number, readonly (number | undefined)[]>
}

/** Decides how long hyps are trained. Pure: the same context and options give the same answer. */
export interface Pruner<Options> {
  readonly name: string
  /** One line for lists and help texts. */
  readonly summary: string
  /** Checks options and fills in defaults. */
  readonly options: z.ZodType<Options>
  /** Its verdict is always to continue, so that nobody need gather curves for it. */
  readonly neverStops?: true
  /** Never waits: workers that are free always get something to train. */
  grant(context: GrantContext, options: Options): Grant
  verdict(context: VerdictContext, options: Options): 'continue' | 'stop'
}

/** Declares a pruner; its options' type comes from the schema. */
export const definePruner = <Options>(pruner: Pruner<Options>): Pruner<Options> => pruner
