// The search for anchors that fit a data set: k-means over the sizes of the labelled boxes, then a thousand small
// mutations, each kept if it fits better. Source: yolov5 v7.0 utils/autoanchor.py, kmean_anchors.
import type { Random } from '../../base/index.ts'
import type { AnchorMessage } from './check.ts'
import { fitness, fitOf } from './fit.ts'
import { kmeans } from './kmeans.ts'
import { type LabelledSizes, labelSizes, toFloat32 } from './sizes.ts'

/** k-means starts. */
const RESTARTS = 30
/** Share of the numbers that a mutation changes, and how much (standard deviation of the factor, less than this). */
const MUTATION = { probability: 0.9, sigma: 0.1 }

export interface AnchorSearchOptions {
  /** Number of anchors. */
  readonly count: number
  /** Longer side that images are trained at, pixels. */
  readonly imagePx: number
  /** Largest ratio of box to anchor that still matches: hyp `anchor_t`. */
  readonly threshold: number
  /** Mutations tried; 1000 by default. */
  readonly generations?: number
  readonly random: Random
  readonly onMessage?: AnchorMessage
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Anchors for a data set, [count, 2] flat width and height in pixels, by rising area.
 *
 * Draws, in order: the starts of k-means (or, if that fails, `count` × 2 uniform numbers), then for each mutation
 * uniform numbers, one from Python's generator, and normal ones.
 */
export function searchAnchors(labels: LabelledSizes, options: AnchorSearchOptions): Float32Array {
  const { count, imagePx, threshold, random, onMessage = () => {} } = options
  const all = labelSizes(labels, imagePx)
  const total = all.length / 2
  const tiny = countRows(all, (width, height) => width < 3 || height < 3)
  if (tiny > 0)
    onMessage(
      'warning',
      `AutoAnchor: ${tiny} of ${total} labels are less than 3 pixels wide or high at ${imagePx} pixels`,
    )
  const points = toFloat32(all, (width, height) => width >= 2 || height >= 2)

  onMessage('info', `AutoAnchor: k-means for ${count} anchors on ${points.length / 2} labels`)
  let start: Float32Array | Float64Array | undefined = kmeansAnchors(points, count, random)
  if (!start) {
    onMessage('warning', 'AutoAnchor: k-means found fewer clusters than anchors, starting from random anchors')
    start = randomAnchors(count, imagePx, random)
  }
  const best = evolveAnchors(byArea(start), points, {
    ...options,
    nextFactors: () => mutationFactors(2 * count, random),
  })
  const anchors = Float32Array.from(byArea(best))

  const fit = fitOf(toFloat32(all), anchors, threshold)
  onMessage(
    'info',
    `AutoAnchor: ${count} anchors at ${imagePx} pixels: best possible recall ${fit.bpr.toFixed(4)}, ` +
      `${fit.aat.toFixed(2)} anchors per label, mean fit ${fit.meanBest.toFixed(3)} (best anchor), ` +
      `${fit.meanAll.toFixed(3)} (all): ${sentence(anchors)}`,
  )
  return anchors
}

/** 10,13, 16,30, … */
const sentence = (anchors: Float32Array) =>
  Array.from({ length: anchors.length / 2 }, (_, i) =>
    [anchors[2 * i]!, anchors[2 * i + 1]!].map((value) => Math.round(value)).join(','),
  ).join(', ')

/** k-means over points scaled to unit deviation; `undefined` if there are too few points or a cluster runs empty. */
export function kmeansAnchors(points: Float32Array, count: number, random: Random): Float32Array | undefined {
  if (count > points.length / 2) return undefined
  const deviation = deviations(points)
  const scaled = points.map((value, i) => value / deviation[i % 2]!)
  const { centres } = kmeans(scaled, count, random.numpy, RESTARTS)
  return centres.length === 2 * count ? centres.map((value, i) => value * deviation[i % 2]!) : undefined
}

/** Standard deviation of both columns, float32 in NumPy's order of operations. */
function deviations(points: Float32Array): Float32Array {
  const count = points.length / 2
  const sum = new Float32Array(2)
  for (let i = 0; i < points.length; i++) sum[i % 2] = sum[i % 2]! + points[i]!
  const mean = sum.map((value) => value / count)
  const squares = new Float32Array(2)
  for (let i = 0; i < points.length; i++) {
    const difference = Math.fround(points[i]! - mean[i % 2]!)
    squares[i % 2] = squares[i % 2]! + Math.fround(difference * difference)
  }
  return squares.map((value) => Math.sqrt(Math.fround(value / count)))
}

/** Uniform numbers, sorted, taken two by two as width and height. */
function randomAnchors(count: number, imagePx: number, random: Random): Float64Array {
  const draws = Float64Array.from({ length: 2 * count }, () => random.numpy.random())
  return draws.sort().map((value) => value * imagePx)
}

export interface EvolveAnchorsOptions extends Pick<AnchorSearchOptions, 'threshold' | 'generations' | 'onProgress'> {
  /** Factors of the next mutation, one per number of the anchors. */
  readonly nextFactors: () => Float64Array
  /** Told every accepted generation. */
  readonly onAccept?: (generation: number, fitness: number) => void
}

/**
 * Genetic evolution: anchors times random factors, kept at 2 pixels or more, accepted if the fitness rises.
 *
 * @param start - [count, 2] flat
 * @param points - [n, 2] label sizes
 */
export function evolveAnchors(
  start: Float32Array | Float64Array,
  points: Float32Array,
  { threshold, generations = 1000, nextFactors, onAccept, onProgress }: EvolveAnchorsOptions,
): Float64Array {
  let best = Float64Array.from(start)
  let bestFitness = fitness(Float32Array.from(best), points, threshold)
  for (let generation = 0; generation < generations; generation++) {
    const factors = nextFactors()
    const mutated = best.map((value, i) => Math.max(value * factors[i]!, 2))
    const mutatedFitness = fitness(Float32Array.from(mutated), points, threshold)
    if (mutatedFitness > bestFitness) {
      best = mutated
      bestFitness = mutatedFitness
      onAccept?.(generation, mutatedFitness)
    }
    if ((generation + 1) % 100 === 0) onProgress?.(generation + 1, generations)
  }
  return best
}

/** v = clip(1 + [u < 0.9] · r · n · 0.1, 0.3, 3) for `count` numbers, at least one of them not 1. */
export function mutationFactors(count: number, random: Random): Float64Array {
  for (;;) {
    const chosen = Float64Array.from({ length: count }, () => Number(random.numpy.random() < MUTATION.probability))
    const r = random.python.random()
    const factors = chosen.map((on) => Math.min(Math.max(on * r * random.numpy.normal() * MUTATION.sigma + 1, 0.3), 3))
    if (factors.some((factor) => factor !== 1)) return factors
  }
}

/** Rows by rising product, which float32 anchors take in float32; equal ones in their order. */
function byArea<Numbers extends Float32Array | Float64Array>(anchors: Numbers): Numbers {
  const round = anchors instanceof Float32Array ? Math.fround : (value: number) => value
  const areas = Array.from({ length: anchors.length / 2 }, (_, i) => round(anchors[2 * i]! * anchors[2 * i + 1]!))
  const order = areas.map((_, i) => i).sort((a, b) => areas[a]! - areas[b]!)
  const sorted = anchors.slice() as Numbers
  for (const [to, row] of order.entries()) {
    sorted[2 * to] = anchors[2 * row]!
    sorted[2 * to + 1] = anchors[2 * row + 1]!
  }
  return sorted
}

function countRows(sizes: Float64Array, match: (width: number, height: number) => boolean): number {
  let count = 0
  for (let i = 0; i < sizes.length; i += 2) if (match(sizes[i]!, sizes[i + 1]!)) count++
  return count
}
