// The next hyp of a search, without a study: what `hypevolve suggest` prints.
import { randomFor } from '../base/index.ts'
import type { History } from './history.ts'
import type { Proposal, Sampler } from './sampler.ts'
import { type SamplerName, samplers } from './samplers/index.ts'
import type { SearchSpace } from './space.ts'

export interface SuggestOptions {
  readonly space: SearchSpace
  readonly sampler: SamplerName
  /** Checked by the sampler's schema, which fills in what is left out. */
  readonly options?: unknown
  readonly history: History
  /** Seed of the study. Integer in [0, 2^53). */
  readonly seed: number
  /** Number of the trial proposed; default: the next one. */
  readonly number?: number
}

/**
 * What a study with this seed and history would try next.
 *
 * @throws zod's error if the options do not fit the sampler, and what the sampler throws
 */
export function suggest({ space, sampler, options = {}, history, seed, number }: SuggestOptions): Proposal {
  const chosen = samplers[sampler] as Sampler<unknown>
  const next = number ?? history.size
  const rngOf = (trial: number) => randomFor(seed, trial)
  return chosen.propose({ space, number: next, history, rng: rngOf(next), rngOf }, chosen.options.parse(options))
}
