// What the YOLO samplers share: a parent from the fittest, factors, and the hyp that comes of both.
import { argsort, type Random } from '../../base/index.ts'
import type { HypValue } from '../hyp.ts'
import { clip, fromUnit, type Parameter, toUnit } from '../parameter.ts'
import type { SearchSpace } from '../space.ts'

/** A trial that may become a parent. */
export interface Candidate {
  readonly number: number
  /** In the order of the space's keys. */
  readonly values: readonly HypValue[]
  readonly fitness: number
}

export interface Parent {
  readonly values: readonly HypValue[]
  /** Numbers of the trials that it was made from. */
  readonly parents: readonly number[]
}

export interface Selection {
  /** `single`: one of the pool by chance, in proportion to its weight. `weighted`: their weighted mean. */
  readonly parent: 'single' | 'weighted'
  readonly poolSize: number
  /** What is added to each weight; with 0 equally fit candidates have no weight at all. */
  readonly guard: number
}

/** The fittest candidates, best first; ties in NumPy's order. */
export const fittestOf = (candidates: readonly Candidate[], count: number): Candidate[] =>
  argsort(candidates.map(({ fitness }) => -fitness))
    .slice(0, count)
    .map((i) => candidates[i])

/**
 * A parent from a pool, best first. A candidate weighs as much as its fitness exceeds the pool's worst, plus the guard.
 *
 * Without weight at all (guard 0, all equally fit) `single` takes the last of the pool, as Python up to 3.8 did (later
 * ones raise an error), and `weighted` gives NaN.
 *
 * Source: yolov5 v1.0 to v7.0 and yolov3 v7 to v9.6.0, train.py, "Select parent(s)".
 */
export function parentFrom(pool: readonly Candidate[], { parent, guard }: Selection, rng: Random): Parent {
  const worst = Math.min(...pool.map(({ fitness }) => fitness))
  const weights = pool.map(({ fitness }) => fitness - worst + guard)
  if (parent === 'single' || pool.length === 1) {
    const { values, number } = pool[chosen(weights, rng)]
    return { values, parents: [number] }
  }
  return weightedMean(pool, weights)
}

/** One uniform draw; without any weight, or with weights that have no finite sum, the last one. */
function chosen(weights: readonly number[], rng: Random): number {
  const total = weights.reduce((sum, weight) => sum + weight)
  if (total > 0 && Number.isFinite(total)) return rng.python.choices([...weights.keys()], weights)[0]
  rng.python.random()
  return weights.length - 1
}

/** Rows are added best first; values that are no numbers come from the best. */
export function weightedMean(pool: readonly Candidate[], weights: readonly number[]): Parent {
  const total = numpySum(weights)
  const values = pool[0].values.map((first, i) =>
    typeof first !== 'number'
      ? first
      : pool.map(({ values }, r) => Number(values[i]) * weights[r]).reduce((sum, x) => sum + x) / total,
  )
  return { values, parents: pool.map(({ number }) => number) }
}

/**
 * The sum in NumPy's order: from 8 numbers on in eight lanes that are added in pairs, above 128 in halves.
 * Source: NumPy 1.24 loops_utils.h.src, pairwise_sum.
 */
export function numpySum(values: readonly number[]): number {
  const n = values.length
  if (n < 8) return values.reduce((sum, x) => sum + x, 0)
  if (n > 128) {
    const half = Math.floor(n / 2) - (Math.floor(n / 2) % 8)
    return numpySum(values.slice(0, half)) + numpySum(values.slice(half))
  }
  const lanes = values.slice(0, 8)
  const whole = n - (n % 8)
  for (let i = 8; i < whole; i += 8) for (let j = 0; j < 8; j++) lanes[j] += values[i + j]
  const sum = lanes[0] + lanes[1] + (lanes[2] + lanes[3]) + (lanes[4] + lanes[5] + (lanes[6] + lanes[7]))
  return values.slice(whole).reduce((rest, x) => rest + x, sum)
}

/** After so many draws in which nothing moved, nothing will (the originals go on forever). */
const mostLoops = 10_000

/**
 * Factors v, at least one of them not 1:  v = clip(1 + gain · [u < p] · n · r · σ, 0.3, 3),
 * u and r uniform in [0, 1), n standard normal, r shared by all hyperparameters.
 *
 * The order of draws (all u, all n, then r) is part of the contract, golden vectors depend on it.
 * Source: yolov5 v1.0 to v7.0 train.py, "Mutate", and method 3 of yolov3 v7 and v8.
 *
 * @param gains - 0 where nothing may move; if all are 0, all factors are 1
 */
export function mutationFactors(gains: readonly number[], p: number, sigma: number, { numpy }: Random): number[] {
  for (let loop = 0; loop < mostLoops; loop++) {
    const u = gains.map(() => numpy.random())
    const n = gains.map(() => numpy.normal())
    const r = numpy.random()
    const v = gains.map((gain, i) => clip(gain * Number(u[i] < p) * n[i] * r * sigma + 1, 0.3, 3))
    if (v.some((factor) => factor !== 1)) return v
    if (gains.every((gain) => gain === 0)) break
  }
  return gains.map(() => 1)
}

/** How far a parameter moves: a YOLO table's gain; 1 for other numbers; 0 for what no factor moves. */
export function gainOf(parameter: Parameter): number {
  if (parameter.kind === 'range') return parameter.gain
  return parameter.kind === 'float' || parameter.kind === 'integer' ? 1 : 0
}

/**
 * The parent's values, moved. A YOLO hyperparameter is multiplied by its factor v; other numbers move by v - 1 of the way
 * between their bounds (in the logarithm where they have `log`), integers by at least 1; a choice is drawn anew with
 * probability p. What is frozen has its start value.
 */
export function moved(
  space: SearchSpace,
  values: readonly HypValue[],
  factors: readonly number[],
  p: number,
  { numpy }: Random,
): HypValue[] {
  const move = (parameter: Parameter, i: number): HypValue => {
    const value = values[i]
    switch (parameter.kind) {
      case 'range':
        // a mean of parents may differ in the last bit from what they all have
        return parameter.gain === 0 ? parameter.start : Number(value) * factors[i]
      case 'float':
      case 'integer': {
        if (factors[i] === 1) return value
        const target = fromUnit(parameter, clip(toUnit(parameter, Number(value)) + factors[i] - 1, 0, 1))
        return parameter.kind === 'float' ? target : steppedInteger(parameter, Number(value), target)
      }
      case 'choice': {
        const [gate, place] = [numpy.random(), numpy.random()]
        return gate < p ? parameter.choices[Math.floor(place * parameter.choices.length)] : value
      }
      case 'fixed':
        return parameter.start
    }
  }
  return space.parameters.map(move)
}

/** The target as a whole number, at least one step away from where it was, where the bounds allow that. */
function steppedInteger({ lower, upper }: { lower: number; upper: number }, from: number, target: number): number {
  const rounded = clip(Math.round(target), lower, upper)
  if (rounded !== from) return rounded
  const step = target < from ? -1 : 1
  return from + step >= lower && from + step <= upper ? from + step : clip(from - step, lower, upper)
}

/** Keys that a hyp has with another value than its parent. */
export function movedKeys(space: SearchSpace, hyp: Readonly<Record<string, HypValue>>, parent: Parent): string[] {
  return space.keys.filter((key, i) => Object.hasOwn(hyp, key) && hyp[key] !== parent.values[i])
}
