// From the lines of the file to numbers: what would have been handed over at each budget, and what that is worth.
import { NumpyRandom } from '../../src/base/index.ts'
import type { Hyp } from '../../src/search/index.ts'
import { runName, trialsOf } from './search.ts'
import { type Line, space } from './trainings.ts'

/** What a search handed over from here on. */
export interface Incumbent {
  /** Full trainings' worth of epochs when it became the best. */
  readonly spent: number
  readonly hyp: Hyp
  /** Fitness in the search: the largest of many noisy ones. */
  readonly observed: number
}

/** The bests of a search at full length, in their order; the first is the default. */
export function incumbentsOf(trials: readonly Line[], full: number): Incumbent[] {
  const incumbents: Incumbent[] = []
  let spent = 0
  for (const { values, epochs, fitness } of trials) {
    spent += epochs / full
    if (fitness === null || epochs < full || fitness <= (incumbents.at(-1)?.observed ?? -Infinity)) continue
    incumbents.push({ spent, hyp: space.toHyp(values), observed: fitness })
  }
  return incumbents
}

/** The last one up to a budget. */
export const incumbentAt = (incumbents: readonly Incumbent[], budget: number): Incumbent | undefined =>
  incumbents.findLast(({ spent }) => spent <= budget + 1e-9)

/** Mean fitness of the trainings of a hyp with these seeds; one that failed has 0. `undefined` until all are done. */
export function confirmedOf(
  known: (hyp: Hyp, seed: number) => Line | undefined,
  hyp: Hyp,
  seeds: readonly number[],
): number | undefined {
  const lines = seeds.map((seed) => known(hyp, seed))
  if (lines.some((line) => line === undefined)) return undefined
  return meanOf(lines.map((line) => line!.fitness ?? 0))
}

/** What a search's hyp is worth at each budget: fitness in trainings with other seeds. */
export interface Curve {
  readonly run: string
  /** Full trainings' worth that the search has spent. */
  readonly spent: number
  readonly trainings: number
  readonly incumbents: readonly (Incumbent & { readonly confirmed: number | undefined })[]
}

export function curveOf(
  lines: readonly Line[],
  method: string,
  seed: number,
  full: number,
  confirmed: (hyp: Hyp) => number | undefined,
): Curve {
  const run = runName(method, seed)
  const trials = trialsOf(lines, run)
  const spent = trials.reduce((sum, { epochs }) => sum + epochs / full, 0)
  const incumbents = incumbentsOf(trials, full).map((each) => ({ ...each, confirmed: confirmed(each.hyp) }))
  return { run, spent, trainings: trials.length, incumbents }
}

/** What a search's hyp is worth at a budget; `undefined` if the search has not come there or it is not confirmed. */
export function worthAt({ spent, incumbents }: Curve, budget: number): number | undefined {
  // The last training that fits into a budget seldom ends exactly with it.
  if (spent < budget - 1) return undefined
  const at = incumbents.findLast((each) => each.spent <= budget + 1e-9)
  return at?.confirmed
}

/** Mean over searches, where all have a number. */
export function meanWorthAt(curves: readonly Curve[], budget: number): number | undefined {
  const values = curves.map((curve) => worthAt(curve, budget))
  return values.length === 0 || values.some((value) => value === undefined) ? undefined : meanOf(values as number[])
}

/** The first of the budgets at which the mean over searches is at least as good; infinite if none is. */
export const reached = (curves: readonly Curve[], target: number, budgets: readonly number[]): number =>
  budgets.find((budget) => (meanWorthAt(curves, budget) ?? -Infinity) >= target) ?? Infinity

export interface Needed {
  readonly target: number
  readonly budget: number
  /** 95 % of the resamples lie in between; both sides are drawn again. */
  readonly interval: readonly [low: number, high: number]
}

/** Trainings' worth that searches need for what others are worth at their end: bootstrap over searches (seeds). */
export function neededFor(
  curves: readonly Curve[],
  others: readonly Curve[],
  end: number,
  budgets: readonly number[],
): Needed | undefined {
  const target = meanWorthAt(others, end)
  if (target === undefined || curves.length === 0) return undefined
  const random = new NumpyRandom([curves.length, others.length, 95])
  const again = <T>(all: readonly T[]) => all.map(() => all[Math.floor(random.random() * all.length)])
  const resampled = Array.from({ length: resamples }, () =>
    reached(again(curves), meanWorthAt(again(others), end)!, budgets),
  ).sort((a, b) => a - b)
  const at = (share: number) => resampled[Math.round(share * (resamples - 1))]
  return { target, budget: reached(curves, target, budgets), interval: [at(0.025), at(0.975)] }
}

const resamples = 2000

export const meanOf = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length

/** Of a sample. */
export function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values)
  return Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (values.length - 1))
}
