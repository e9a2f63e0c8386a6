// Is one detector better than another, or were the images only kind to it? Paired bootstrap: the images of a data set are
// drawn again and again with replacement, and both detectors are judged on every draw. Source: Efron and Tibshirani, An
// Introduction to the Bootstrap (1993), chapters 6 and 13.
//
// Detections are marked and sorted once. A draw is then only a weight per image, and average precision comes out of one
// walk over the marks: `WeightedPrecision`.
import { NumpyRandom } from '../../base/index.ts'
import { iouThresholds } from './match.ts'
import { recallPoints } from './precision.ts'
import type { MarkedImage } from './validate.ts'

const thresholds = iouThresholds.length

/** mAP of one judgement: of all classes that have labels, and of each class (NaN without labels), in [0, 1]. */
export interface ClassPrecision {
  readonly mAP50: number
  readonly mAP50to95: number
  readonly perClass50: Float64Array
  readonly perClass50to95: Float64Array
}

/** Detections of one class, most confident first. */
interface ClassMarks {
  /** Image of each detection. */
  readonly image: Int32Array
  /** Positions of the right ones, by threshold. */
  readonly right: readonly Int32Array[]
  /** Weighted number of detections up to each. */
  readonly seen: Int32Array
  /** Images with labels of the class, and how many. */
  readonly labelled: Int32Array
  readonly labels: Int32Array
}

/** Average precision of a detector for any weights of the images. */
export class WeightedPrecision {
  private readonly marks: readonly ClassMarks[]
  private readonly heights = new Float64Array(recallPoints.length)

  constructor(images: readonly MarkedImage[], classes: number) {
    this.marks = Array.from({ length: classes }, (_, c) => classMarks(images, c))
  }

  /**
   * What `classMetrics` would say of the images if image i were there `weights[i]` times.
   *
   * @param weights - whole numbers from 0
   */
  judge(weights: Int32Array): ClassPrecision {
    const perClass50 = new Float64Array(this.marks.length).fill(Number.NaN)
    const perClass50to95 = new Float64Array(this.marks.length).fill(Number.NaN)
    let [sum50, sum, count] = [0, 0, 0]
    for (const [c, marks] of this.marks.entries()) {
      let labels = 0
      for (let i = 0; i < marks.labelled.length; i++) labels += weights[marks.labelled[i]!]! * marks.labels[i]!
      if (labels === 0) continue
      const { image, seen } = marks
      let total = 0
      for (let i = 0; i < image.length; i++) seen[i] = total += weights[image[i]!]!
      let mean = 0
      for (let t = 0; t < thresholds; t++) {
        const ap = this.average(marks, marks.right[t]!, weights, labels, total)
        if (t === 0) sum50 += perClass50[c] = ap
        mean += ap
      }
      sum += perClass50to95[c] = mean / thresholds
      count++
    }
    return { mAP50: count > 0 ? sum50 / count : 0, mAP50to95: count > 0 ? sum / count : 0, perClass50, perClass50to95 }
  }

  /**
   * `averagePrecision`, without its curves: the envelope of precision over recall is a staircase with a step at each right
   * detection, and behind the last one a line down to (1, 0).
   */
  private average(
    { image, seen }: ClassMarks,
    right: Int32Array,
    weights: Int32Array,
    labels: number,
    total: number,
  ): number {
    let found = 0
    for (let k = 0; k < right.length; k++) found += weights[image[right[k]!]!]!
    if (found === 0) return 0
    const { heights } = this
    let point = recallPoints.length - 1
    const last = found / labels
    const slope = last < 1 ? -(found / total) / (1 - last) : 0
    heights[point] = 0
    if (last < 1)
      for (; point >= 0 && recallPoints[point]! >= last; point--)
        heights[point] = slope * (recallPoints[point]! - last) + found / total
    else point--
    let envelope = 0
    for (let k = right.length - 1; k >= 0; k--) {
      const weight = weights[image[right[k]!]!]!
      if (weight === 0) continue
      envelope = Math.max(envelope, found / seen[right[k]!]!)
      found -= weight
      const before = found / labels
      for (; point >= 0 && (recallPoints[point]! >= before || found === 0); point--) heights[point] = envelope
    }
    let area = 0
    for (let i = 1; i < heights.length; i++)
      area += ((recallPoints[i]! - recallPoints[i - 1]!) * (heights[i]! + heights[i - 1]!)) / 2
    return area
  }
}

function classMarks(images: readonly MarkedImage[], c: number): ClassMarks {
  const rows: { readonly image: number; readonly row: number; readonly confidence: number }[] = []
  const labelled: number[] = []
  const labels: number[] = []
  for (const [image, { predicted, confidence, actual }] of images.entries()) {
    for (let row = 0; row < predicted.length; row++)
      if (predicted[row] === c) rows.push({ image, row, confidence: confidence[row]! })
    let count = 0
    for (const label of actual) if (label === c) count++
    if (count === 0) continue
    labelled.push(image)
    labels.push(count)
  }
  rows.sort((a, b) => b.confidence - a.confidence) // stable: equal ones stay in order
  const right = Array.from({ length: thresholds }, (_, t) =>
    Int32Array.from(
      [...rows.keys()].filter((i) => images[rows[i]!.image]!.correct[rows[i]!.row * thresholds + t] === 1),
    ),
  )
  return {
    image: Int32Array.from(rows, ({ image }) => image),
    right,
    seen: new Int32Array(rows.length),
    labelled: Int32Array.from(labelled),
    labels: Int32Array.from(labels),
  }
}

export interface PairedOptions {
  readonly classes: number
  /** Default 0. */
  readonly seed?: number
}

/** B less A. */
export interface Difference {
  readonly a: number
  readonly b: number
  readonly difference: number
  /** 95 % interval of the difference: 2.5 % and 97.5 % quantiles of the draws; NaN where a class has no labels. */
  readonly low: number
  readonly high: number
  /** Share of the draws in which B is better, equal ones counted half. */
  readonly probabilityBetter: number
}

export interface PairedComparison {
  readonly mAP50: Difference
  readonly mAP50to95: Difference
  /** By class number; `a` is NaN for a class without labels. */
  readonly perClass50: readonly Difference[]
  readonly perClass50to95: readonly Difference[]
  readonly resamples: number
  readonly images: number
}

/**
 * Compares the marks of two detectors on the same images, in the same order. The same seed gives the same draws.
 *
 * @example
 * ```ts
 * const bootstrap = new PairedBootstrap(marksOfA.images, marksOfB.images, { classes: 3 })
 * bootstrap.draw(2000)
 * const { mAP50to95 } = bootstrap.comparison()
 * ```
 */
export class PairedBootstrap {
  private readonly random: NumpyRandom
  private readonly a: WeightedPrecision
  private readonly b: WeightedPrecision
  private readonly weights: Int32Array
  private readonly whole: readonly [a: readonly number[], b: readonly number[]]
  /** Differences of each draw, by column. */
  private readonly differences: number[][]

  constructor(
    a: readonly MarkedImage[],
    b: readonly MarkedImage[],
    private readonly options: PairedOptions,
  ) {
    this.random = new NumpyRandom(options.seed ?? 0)
    this.a = new WeightedPrecision(a, options.classes)
    this.b = new WeightedPrecision(b, options.classes)
    this.weights = new Int32Array(a.length).fill(1)
    this.whole = [columnsOf(this.a.judge(this.weights)), columnsOf(this.b.judge(this.weights))]
    this.differences = this.whole[0].map(() => [])
  }

  /** How many draws there were. */
  get draws(): number {
    return this.differences[0]!.length
  }

  /** Draws the images so many times more, each time as many as there are. */
  draw(times: number): void {
    const { weights, random, differences } = this
    for (let draw = 0; draw < times; draw++) {
      weights.fill(0)
      for (let i = 0; i < weights.length; i++) weights[random.randint(weights.length)]!++
      const [a, b] = [columnsOf(this.a.judge(weights)), columnsOf(this.b.judge(weights))]
      for (const [column, values] of differences.entries()) values.push(b[column]! - a[column]!)
    }
  }

  /** What the draws say. */
  comparison(): PairedComparison {
    const [a, b] = this.whole
    const columns = this.differences.map((draws, column) => summary(a[column]!, b[column]!, draws))
    const { classes } = this.options
    return {
      mAP50: columns[0]!,
      mAP50to95: columns[1]!,
      perClass50: columns.slice(2, 2 + classes),
      perClass50to95: columns.slice(2 + classes),
      resamples: this.draws,
      images: this.weights.length,
    }
  }
}

const columnsOf = ({ mAP50, mAP50to95, perClass50, perClass50to95 }: ClassPrecision) => [
  ...[mAP50, mAP50to95],
  ...perClass50,
  ...perClass50to95,
]

/** A draw without labels of a class says nothing about it (NaN) and is left out. */
function summary(a: number, b: number, draws: readonly number[]): Difference {
  const told = Float64Array.from(draws.filter((value) => !Number.isNaN(value))).sort()
  let better = 0
  for (const value of told) better += value > 0 ? 1 : value === 0 ? 0.5 : 0
  return {
    a,
    b,
    difference: b - a,
    low: quantile(told, 0.025),
    high: quantile(told, 0.975),
    probabilityBetter: told.length > 0 ? better / told.length : Number.NaN,
  }
}

/** Linear between the two nearest of rising values. */
function quantile(values: Float64Array, share: number): number {
  if (values.length === 0) return Number.NaN
  const at = share * (values.length - 1)
  const [low, high] = [values[Math.floor(at)]!, values[Math.ceil(at)]!]
  return low + (high - low) * (at - Math.floor(at))
}
