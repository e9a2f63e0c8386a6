// What the bench searches on: a space, and what a training with a hyp would give after each epoch.
import type { Hyp, SearchSpace } from '../../src/search/index.ts'

/** What one training gives if it runs to its end. The same hyp always gives the same one; noise comes on top. */
export interface Training {
  /** `scores[e]` is the score after e epochs, at least for those that were asked for; larger is better. */
  readonly scores: ArrayLike<number>
  /** Time of the first e epochs, where 1 is a typical full training; absent where the problem knows no times. */
  readonly times?: ArrayLike<number> | undefined
}

export interface Problem {
  /** Scenario and task, as in `lcbench/3945`. */
  readonly name: string
  /** Starts at the default hyp. */
  readonly space: SearchSpace
  /** Epochs of a full training, R. */
  readonly epochs: number
  /** The first epoch whose score may be looked at: no training is shorter. */
  readonly firstEpoch: number
  /** Whether a training can go on where a shorter one ended. */
  readonly resumable: boolean
  /** @param epochs - which scores and times are wanted: from `firstEpoch` to `epochs` */
  train(hyp: Hyp, epochs: readonly number[]): Promise<Training>
  /** Standard deviation of the noise on a score after so many epochs; absent where there is none. */
  readonly noise?: (epoch: number) => number
  /** 0: as good as `best`; 1: as good as `median`, a middling random hyp. */
  regret(score: number): number
  readonly best: number
  readonly median: number
}

export const defaultQualities = ['good', 'medium', 'bad'] as const

/** How good the default is that a search starts with. */
export type DefaultQuality = (typeof defaultQualities)[number]

/** Where the default lies among random hyps. */
export const percentiles: Readonly<Record<DefaultQuality, number>> = { good: 0.85, medium: 0.5, bad: 0.2 }

/** Problems of one kind. */
export interface Scenario {
  readonly name: string
  /** All tasks. */
  readonly tasks: readonly string[]
  /** For tuning; the others are for the final measurement. All tasks where no such choice was made. */
  readonly development: readonly string[]
  /** The problem of a task; `seed` matters where every run has a problem of its own. */
  problem(task: string, quality: DefaultQuality, seed: number): Promise<Problem>
}

/** Regret by its definition: (b - v) / (b - m). */
export const regretOf =
  (best: number, median: number) =>
  (score: number): number =>
    (best - score) / (best - median)

/** The position of a share in sorted values: of 4,000 the 3,400th for 0.85. */
export const indexAt = (share: number, count: number): number =>
  Math.min(count - 1, Math.max(0, Math.round(share * (count - 1))))

/** The median; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
