// Precision, recall and average precision from marked detections, as YOLOv5 v7.0 defines them. Float64 throughout.

/** The eps of v7.0's ap_per_class. */
const EPS = 1e-16

/** Detections of a whole data set. */
export interface MarkedDetections {
  /** [n, thresholds] of 0 and 1, see {@link matchDetections}. */
  readonly correct: Uint8Array
  /** [n] */
  readonly confidence: ArrayLike<number>
  /** [n] class of each detection. */
  readonly predicted: ArrayLike<number>
  /** [m] class of each label. */
  readonly actual: ArrayLike<number>
}

/** Where YOLOv3's figures differ from YOLOv5 v7.0's. */
export interface FigureRules {
  /** Confidence at which precision, recall and F1 are read; default where the smoothed mean F1 is largest. */
  readonly confidence?: number
  /**
   * Where the precision falls to 0 behind the last detection: at recall 1 (default), or a thousandth behind the last recall,
   * where the curve also begins with its own precision instead of 1.
   */
  readonly recallEnd?: 'one' | 'near'
}

/** Figures of the classes that have labels, in rising order of class. All in [0, 1] but the counts. */
export interface ClassMetrics {
  readonly classes: readonly number[]
  /** Number of labels. */
  readonly labels: readonly number[]
  /** Right and wrong detections at the confidence of {@link confidence}, computed back from precision and recall. */
  readonly truePositives: readonly number[]
  readonly falsePositives: readonly number[]
  /** Precision, recall and F1 at the one confidence where the smoothed mean F1 is largest, at IoU 0.5. */
  readonly precision: readonly number[]
  readonly recall: readonly number[]
  readonly f1: readonly number[]
  readonly confidence: number
  /** Average precision, [classes][thresholds]. */
  readonly ap: readonly (readonly number[])[]
  /** Curves at IoU 0.5, one row of 1000 points per class over {@link axis}. */
  readonly precisionCurve: readonly Float64Array[]
  readonly recallCurve: readonly Float64Array[]
  readonly f1Curve: readonly Float64Array[]
  /** Precision over recall. */
  readonly precisionOverRecall: readonly Float64Array[]
}

/** Confidence (and recall) axis of the curves: 1000 points from 0 to 1. */
export const axis: Float64Array = linspace(0, 1, 1000)

/** Recall points of the average precision (COCO's 101). */
export const recallPoints: Float64Array = linspace(0, 1, 101)

/**
 * Per-class figures. Equal confidences keep their order (the original leaves it to chance).
 *
 * Source: yolov5 v7.0 utils/metrics.py, ap_per_class.
 *
 * @param thresholds - columns of `correct`
 * @param rules - for YOLOv3; source: yolov3 v8 utils/utils.py, ap_per_class
 */
export function classMetrics(marked: MarkedDetections, thresholds = 10, rules: FigureRules = {}): ClassMetrics {
  const labelCounts = new Map<number, number>()
  for (let i = 0; i < marked.actual.length; i++) {
    const c = marked.actual[i]!
    labelCounts.set(c, (labelCounts.get(c) ?? 0) + 1)
  }
  const classes = [...labelCounts.keys()].sort((a, b) => a - b)
  const labels = classes.map((c) => labelCounts.get(c)!)
  const rowsOfClass = rowsByFallingConfidence(marked)

  const ap: number[][] = []
  const precisionCurve: Float64Array[] = []
  const recallCurve: Float64Array[] = []
  const f1Curve: Float64Array[] = []
  const precisionOverRecall: Float64Array[] = []
  const precisionAt: number[] = []
  const recallAt: number[] = []
  for (const [k, c] of classes.entries()) {
    const curves = classCurves(marked, rowsOfClass.get(c) ?? [], labels[k]!, thresholds, rules)
    ap.push(curves.ap)
    precisionCurve.push(curves.precision)
    recallCurve.push(curves.recall)
    precisionOverRecall.push(curves.precisionOverRecall)
    precisionAt.push(curves.precisionAt)
    recallAt.push(curves.recallAt)
    f1Curve.push(
      curves.precision.map((p, i) => {
        const r = curves.recall[i]!
        return (2 * p * r) / (p + r + EPS)
      }),
    )
  }

  const meanF1 = axis.map((_, i) => {
    let sum = 0
    for (const row of f1Curve) sum += row[i]!
    return sum / f1Curve.length
  })
  const fixed = rules.confidence
  const best = classes.length > 0 && fixed === undefined ? argmax(smooth(meanF1, 0.1)) : 0
  const precision = fixed === undefined ? precisionCurve.map((row) => row[best]!) : precisionAt
  const recall = fixed === undefined ? recallCurve.map((row) => row[best]!) : recallAt
  const truePositives = recall.map((r, k) => roundHalfEven(r * labels[k]!))
  return {
    classes,
    labels,
    truePositives,
    falsePositives: truePositives.map((tp, k) => roundHalfEven(tp / (precision[k]! + EPS) - tp)),
    precision,
    recall,
    f1: precision.map((p, k) => (2 * p * recall[k]!) / (p + recall[k]! + EPS)),
    confidence: fixed ?? axis[best]!,
    ap,
    precisionCurve,
    recallCurve,
    f1Curve,
    precisionOverRecall,
  }
}

/** Row numbers by class, most confident first, equal ones in their own order. */
function rowsByFallingConfidence({ confidence, predicted }: MarkedDetections): Map<number, number[]> {
  const byClass = new Map<number, number[]>()
  for (let i = 0; i < predicted.length; i++) {
    const rows = byClass.get(predicted[i]!)
    if (rows) rows.push(i)
    else byClass.set(predicted[i]!, [i])
  }
  for (const rows of byClass.values()) rows.sort((a, b) => confidence[b]! - confidence[a]! || a - b)
  return byClass
}

interface Curves {
  readonly ap: number[]
  readonly precision: Float64Array
  readonly recall: Float64Array
  readonly precisionOverRecall: Float64Array
  /** At the confidence of the rules; 0 without one. */
  readonly precisionAt: number
  readonly recallAt: number
}

function classCurves(
  marked: MarkedDetections,
  rows: readonly number[],
  labels: number,
  thresholds: number,
  rules: FigureRules,
): Curves {
  // A class without a detection has zero curves and zero AP.
  if (rows.length === 0) {
    const zero = new Float64Array(axis.length)
    return {
      ap: Array(thresholds).fill(0),
      precision: zero,
      recall: zero,
      precisionOverRecall: zero,
      precisionAt: 0,
      recallAt: 0,
    }
  }
  const count = rows.length
  const recall = new Float64Array(count)
  const precision = new Float64Array(count)
  const ap: number[] = []
  const curves = {
    precision: new Float64Array(0) as Float64Array,
    recall: new Float64Array(0) as Float64Array,
    precisionOverRecall: new Float64Array(0) as Float64Array,
    precisionAt: 0,
    recallAt: 0,
  }
  for (let t = 0; t < thresholds; t++) {
    let right = 0
    for (let i = 0; i < count; i++) {
      right += marked.correct[rows[i]! * thresholds + t]!
      recall[i] = right / (labels + EPS)
      precision[i] = right / (i + 1)
    }
    const { value, envelopeRecall, envelopePrecision } = averagePrecision(recall, precision, rules.recallEnd)
    ap.push(value)
    if (t > 0) continue
    const falling = axis.map((x) => -x)
    const negated = Float64Array.from(rows, (row) => -marked.confidence[row]!)
    curves.recall = interpolate(falling, negated, recall, 0)
    curves.precision = interpolate(falling, negated, precision, 1)
    if (rules.confidence !== undefined) {
      // Below the least confidence the first value counts, not the last: so it is there.
      curves.precisionAt = interpolate([-rules.confidence], negated, precision)[0]!
      curves.recallAt = interpolate([-rules.confidence], negated, recall)[0]!
    }
    curves.precisionOverRecall = interpolate(axis, envelopeRecall, envelopePrecision)
  }
  return { ap, ...curves }
}

/**
 * Area under the falling envelope of precision over recall, by trapezoids through 101 points.
 * Source: yolov5 v7.0 utils/metrics.py, compute_ap.
 *
 * @param recall - rising
 * @param precision - same length
 * @param recallEnd - see {@link FigureRules}
 */
export function averagePrecision(
  recall: ArrayLike<number>,
  precision: ArrayLike<number>,
  recallEnd: FigureRules['recallEnd'] = 'one',
): { value: number; envelopeRecall: Float64Array; envelopePrecision: Float64Array } {
  const count = recall.length
  const envelopeRecall = new Float64Array(count + 2)
  const envelopePrecision = new Float64Array(count + 2)
  const near = recallEnd === 'near'
  envelopePrecision[0] = near ? 0 : 1
  envelopeRecall[count + 1] = near ? Math.min(recall[count - 1]! + 1e-3, 1) : 1
  for (let i = 0; i < count; i++) {
    envelopeRecall[i + 1] = recall[i]!
    envelopePrecision[i + 1] = precision[i]!
  }
  for (let i = count; i >= 0; i--) envelopePrecision[i] = Math.max(envelopePrecision[i]!, envelopePrecision[i + 1]!)
  const heights = interpolate(recallPoints, envelopeRecall, envelopePrecision)
  let area = 0
  for (let i = 1; i < heights.length; i++)
    area += ((recallPoints[i]! - recallPoints[i - 1]!) * (heights[i]! + heights[i - 1]!)) / 2
  return { value: area, envelopeRecall, envelopePrecision }
}

/**
 * NumPy's `interp`: piecewise linear through (xs, ys), constant outside. Where several points share an x, the value at
 * it is the last one's. `at` and `xs` rise.
 *
 * @param left - value before the first point; that point's own by default
 */
export function interpolate(
  at: ArrayLike<number>,
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  left: number = ys[0]!,
): Float64Array {
  const rising = at.length < 2 || at[0]! <= at[at.length - 1]!
  const last = xs.length - 1
  const result = new Float64Array(at.length)
  let j = -1 // largest index with xs[j] <= x
  for (let k = 0; k < at.length; k++) {
    const i = rising ? k : at.length - 1 - k
    const x = at[i]!
    while (j < last && xs[j + 1]! <= x) j++
    if (j < 0) result[i] = left
    else if (j === last || xs[j] === x) result[i] = ys[j]!
    else {
      const slope = (ys[j + 1]! - ys[j]!) / (xs[j + 1]! - xs[j]!)
      result[i] = slope * (x - xs[j]!) + ys[j]!
    }
  }
  return result
}

/**
 * Box filter over about `2 · fraction` of the points, the ends repeated outwards.
 * Source: yolov5 v7.0 utils/metrics.py, smooth.
 */
export function smooth(values: ArrayLike<number>, fraction = 0.05): Float64Array {
  const width = Math.floor(roundHalfEven(values.length * fraction * 2) / 2) + 1
  const half = Math.floor(width / 2)
  const last = values.length - 1
  // An even width gives one point more than it was given, as there.
  const result = new Float64Array(values.length + 2 * half - width + 1)
  for (let i = 0; i < result.length; i++) {
    let sum = 0
    for (let k = 0; k < width; k++) sum += values[Math.min(Math.max(i + k - half, 0), last)]! * (1 / width)
    result[i] = sum
  }
  return result
}

function argmax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

function linspace(from: number, to: number, count: number): Float64Array {
  const step = (to - from) / (count - 1)
  const points = Float64Array.from({ length: count }, (_, i) => i * step + from)
  points[count - 1] = to
  return points
}

/** NumPy's round: halves go to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
