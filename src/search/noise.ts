// How far results can be trusted: the noise of trainings from those that were repeated, and what it leaves of the
// differences between a few hyps. Start reading at `compare`.
import { normalCdf, normalQuantile } from './samplers/normal.ts'

/** Results of one hyp at full length. */
export interface Sample {
  /** Trainings that it was not selected by. */
  readonly values: readonly number[]
  /** The training that it was selected by, out of many: likely to be too good. */
  readonly selected?: number | undefined
}

/** The results that hyps were selected from. */
export interface Spread {
  readonly center: number
  /** Of the better half around the center, noise included. */
  readonly sd: number
  readonly count: number
}

/** The noise of trainings, pooled over all hyps that were trained more than once. */
export interface Noise {
  /** Standard deviation of one training; undefined if nothing was repeated. */
  readonly sigma: number | undefined
  readonly degreesOfFreedom: number
}

/** What is known about a hyp's true fitness: what its trainings bring on average. */
export interface Belief {
  readonly mean: number
  /** It lies in between with a probability of 95 %. */
  readonly interval: readonly [low: number, high: number]
  /** Probability to be better than the reference; undefined for that itself, and where there is none. */
  readonly better: number | undefined
  /** Probability to be the best of all samples. */
  readonly best: number
  /** The mean as far as the training alone tells that the hyp was selected by. */
  readonly shrunken: number | undefined
}

/** What {@link compare} goes by beside the samples. */
export interface Background {
  /** Left out: too few results; hyps that were selected then count as if they were not. */
  readonly spread?: Spread | undefined
  /** Index of the sample that the others are compared with. */
  readonly reference?: number | undefined
  /** Values of other hyps that were trained more than once: they too tell the noise. */
  readonly others?: readonly (readonly number[])[]
}

/** @param samples - values of one hyp each, none of them selected */
export function noiseOf(samples: readonly (readonly number[])[]): Noise {
  const { sum, degreesOfFreedom } = squares(samples)
  return { sigma: degreesOfFreedom > 0 ? Math.sqrt(sum / degreesOfFreedom) : undefined, degreesOfFreedom }
}

/** Sum of the squared deviations from each sample's own mean. */
function squares(samples: readonly (readonly number[])[]): { sum: number; degreesOfFreedom: number } {
  let sum = 0
  let degreesOfFreedom = 0
  for (const values of samples) {
    if (values.length < 2) continue
    const mean = meanOf(values)
    for (const value of values) sum += (value - mean) ** 2
    degreesOfFreedom += values.length - 1
  }
  return { sum, degreesOfFreedom }
}

/**
 * Center and spread of results: the median, and the root mean square distance from it of those above. The better half
 * only, for results have a long tail of bad ones that says nothing about how the best differ.
 */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length < fewest) return undefined
  const sorted = [...values].sort((a, b) => b - a)
  const half = sorted.length >> 1
  const center = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
  const above = sorted.slice(0, half)
  const sd = Math.sqrt(above.reduce((sum, value) => sum + (value - center) ** 2, 0) / half)
  return { center, sd, count: values.length }
}

/** With fewer results their spread says too little. */
const fewest = 4

/**
 * What the trainings of a few hyps say about them.
 *
 * Normal noise of one size. Its standard deviation σ is not known: everything is averaged over σ, weighed by how well it
 * explains the repeats, with a uniform prior up to what the spread of all results allows. Without a spread this is the t
 * distribution with the pooled degrees of freedom. Given σ, the hyps that were selected have the prior N(center,
 * spread² - σ²): the best of many results was lucky, and the prior takes back how lucky (the winner's curse; Efron,
 * "Tweedie's formula and selection bias", JASA 106, 2011, normal case). A hyp that was not selected has a flat prior.
 *
 * @param samples - each with one training at least
 */
export function compare(samples: readonly Sample[], { spread, reference, others = [] }: Background = {}): Belief[] {
  const grid = noiseGrid(samples, others, spread)
  const beliefs = grid.map(({ sigma }) => samples.map((sample) => posterior(sample, sigma, spread)))
  const average = (value: (point: readonly Normal[], sigma: number) => number) =>
    grid.reduce((sum, { sigma, weight }, j) => sum + weight * value(beliefs[j], sigma), 0)
  return samples.map(({ selected }, i) => ({
    mean: average((point) => point[i].mean),
    interval: [quantile(0.025, i), quantile(0.975, i)],
    better:
      reference === undefined || i === reference ? undefined : average((point) => exceeds(point[i], point[reference])),
    best: average((point) => isBest(point, i)),
    shrunken: selected && average((_, sigma) => posterior({ values: [], selected }, sigma, spread).mean),
  }))

  function quantile(p: number, i: number): number {
    const low = Math.min(...beliefs.map((point) => point[i].mean - 9 * point[i].sd))
    const high = Math.max(...beliefs.map((point) => point[i].mean + 9 * point[i].sd))
    const below = (x: number) => average((point) => normalCdf((x - point[i].mean) / point[i].sd))
    return bisect(low, high, (x) => below(x) < p)
  }
}

interface Normal {
  readonly mean: number
  readonly sd: number
}

/** Posterior of a mean under known noise. */
function posterior({ values, selected }: Sample, sigma: number, spread: Spread | undefined): Normal {
  if (selected === undefined || spread === undefined) {
    const flat = values.length > 0 || selected === undefined ? values : [selected]
    return { mean: meanOf(flat), sd: sigma / Math.sqrt(flat.length) }
  }
  const own = (values.length + 1) / sigma ** 2
  const prior = 1 / priorVariance(spread, sigma)
  const mean = (own * meanOf([...values, selected]) + prior * spread.center) / (own + prior)
  return { mean, sd: Math.sqrt(1 / (own + prior)) }
}

/** Spread of the true means: what noise does not explain, but never nothing, for the spread itself is an estimate. */
function priorVariance({ sd, count }: Spread, sigma: number): number {
  return Math.max(sd ** 2 - sigma ** 2, sd ** 2 / Math.sqrt(count), 1e-300)
}

interface Point {
  readonly sigma: number
  readonly weight: number
}

const gridPoints = 40

/** Values of σ, evenly in the logarithm, and their posterior weights; those that weigh next to nothing are left out. */
function noiseGrid(
  samples: readonly Sample[],
  others: readonly (readonly number[])[],
  spread: Spread | undefined,
): readonly Point[] {
  const all: readonly Sample[] = [...samples, ...others.map((values) => ({ values }))]
  const { sigma: pooled = 0 } = noiseOf(all.map(({ values }) => values))
  // An estimate of the spread from so many results may well be too small by this factor; repeats will tell.
  const bound = spread ? spread.sd * (pooled > 0 ? 1 + 2 / Math.sqrt(spread.count) : 1) : 0
  const isBounded = bound > 0 || pooled === 0
  const top = isBounded ? Math.max(bound, 2 * pooled) || rangeOf(samples) || 1e-12 : 30 * pooled
  const low = top / 1000
  const points = Array.from({ length: gridPoints }, (_, j) => {
    const sigma = low * (top / low) ** (j / (gridPoints - 1))
    // Evenly in the logarithm is the prior 1/σ; times σ it is uniform.
    const prior = isBounded ? Math.log(sigma) : 0
    return { sigma, log: all.reduce((sum, sample) => sum + logLikelihood(sample, sigma, spread), prior) }
  })
  const largest = Math.max(...points.map(({ log }) => log))
  const weighed = points.map(({ sigma, log }) => ({ sigma, weight: Math.exp(log - largest) }))
  const kept = weighed.filter(({ weight }) => weight > 1e-4)
  const total = kept.reduce((sum, { weight }) => sum + weight, 0)
  return kept.map(({ sigma, weight }) => ({ sigma, weight: weight / total }))
}

function rangeOf(samples: readonly Sample[]): number {
  const all = samples.flatMap(({ values, selected }) => (selected === undefined ? values : [...values, selected]))
  return Math.max(...all) - Math.min(...all)
}

/** Of the values of a hyp under noise, its true mean averaged out; given the training that it was selected by. */
function logLikelihood({ values, selected }: Sample, sigma: number, spread: Spread | undefined): number {
  if (selected === undefined || spread === undefined) {
    const { sum, degreesOfFreedom } = squares([values])
    return -degreesOfFreedom * Math.log(sigma) - sum / (2 * sigma ** 2)
  }
  return marginal([...values, selected], sigma, spread) - marginal([selected], sigma, spread)
}

function marginal(values: readonly number[], sigma: number, spread: Spread): number {
  const n = values.length
  const variance = priorVariance(spread, sigma)
  const { sum } = squares([values])
  const between = (n * (meanOf(values) - spread.center) ** 2) / (sigma ** 2 + n * variance)
  return -n * Math.log(sigma) - 0.5 * (Math.log1p((n * variance) / sigma ** 2) + sum / sigma ** 2 + between)
}

const exceeds = (a: Normal, b: Normal): number => normalCdf((a.mean - b.mean) / Math.hypot(a.sd, b.sd))

const slices = 24

/** P(the i-th is the largest): the mean over its own quantiles of the probability that all others lie below. */
function isBest(point: readonly Normal[], i: number): number {
  let sum = 0
  for (const z of midpoints) {
    const x = point[i].mean + point[i].sd * z
    sum += point.reduce(
      (product, other, j) => (j === i ? product : product * normalCdf((x - other.mean) / other.sd)),
      1,
    )
  }
  return sum / slices
}

/** In the middle of equally probable slices of the standard normal. */
const midpoints = Array.from({ length: slices }, (_, j) => normalQuantile((j + 0.5) / slices))

function bisect(low: number, high: number, isBelow: (x: number) => boolean): number {
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (isBelow(middle)) low = middle
    else high = middle
  }
  return (low + high) / 2
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
