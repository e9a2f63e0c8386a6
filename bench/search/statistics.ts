// From runs to the numbers of a table.
import { NumpyRandom } from '../../src/base/index.ts'
import { median } from './problem.ts'
import { regretAt, type Step } from './simulate.ts'

export interface Summary {
  readonly mean: number
  /** 95 % of the means of runs drawn again with replacement lie in between. */
  readonly interval: readonly [low: number, high: number]
  readonly median: number
}

const resamples = 2000

/** Percentile bootstrap over runs, always from the same random numbers. */
export function summaryOf(values: readonly number[]): Summary {
  const mean = meanOf(values)
  const random = new NumpyRandom([values.length, 95])
  const means = Array.from({ length: resamples }, () => {
    let sum = 0
    for (let i = 0; i < values.length; i++) sum += values[Math.floor(random.random() * values.length)]
    return sum / values.length
  }).sort((a, b) => a - b)
  const at = (share: number) => means[Math.round(share * (resamples - 1))]
  return { mean, interval: [at(0.025), at(0.975)], median: median(values) }
}

export const meanOf = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length

/** Ranks from 1, smallest first; equals share the mean of their ranks. */
export function ranksOf(values: readonly number[]): number[] {
  return values.map((value) => {
    const smaller = values.filter((each) => each < value).length
    const equal = values.filter((each) => each === value).length
    return smaller + (equal + 1) / 2
  })
}

/** Regrets of many runs at one budget (or time). */
export const regretsAt = (runs: readonly (readonly Step[])[], limit: number, by: 'spent' | 'time'): number[] =>
  runs.map((steps) => regretAt(steps, limit, by))

/**
 * What was spent when the regret came to at most this and stayed there; `undefined` if it never did. A hyp that is handed
 * over for its short training until a full one has ended has not reached anything yet.
 */
export function reachedAt(steps: readonly Step[], target: number, by: 'spent' | 'time'): number | undefined {
  const before = steps.findLastIndex(({ regret }) => regret > target)
  return steps[before + 1]?.[by]
}

/**
 * By how much runs differ from other runs of the same tasks and seeds: mean and interval of the differences, which are
 * known more exactly than the two means, for a hard task is hard for both.
 */
export const differenceOf = (values: readonly number[], others: readonly number[]): Summary =>
  summaryOf(values.map((value, i) => value - others[i]))

/** What half of the runs needed at most for a target; `undefined` if fewer than half reached it. */
export function halfReached(
  runs: readonly (readonly Step[])[],
  target: number,
  by: 'spent' | 'time',
): number | undefined {
  const needed = runs.map((steps) => reachedAt(steps, target, by) ?? Infinity).sort((a, b) => a - b)
  const half = needed[Math.ceil(runs.length / 2) - 1]
  return Number.isFinite(half) ? half : undefined
}

/** Share of the runs that reached a target. */
export const shareReaching = (runs: readonly (readonly Step[])[], target: number, by: 'spent' | 'time'): number =>
  runs.filter((steps) => reachedAt(steps, target, by) !== undefined).length / runs.length
