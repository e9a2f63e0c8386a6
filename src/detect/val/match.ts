// Which detections are right: each detection of an image gets, at each of ten overlap thresholds, a yes or no; and the
// confusion matrix, which asks the same across classes.
import { iouXyxy } from './boxes.ts'
import { DETECTION_COLUMNS } from './nms.ts'

/** Overlap thresholds of mAP50-95 in float32, as v7.0 has them: 0.5, 0.55, … 0.95. */
export const iouThresholds: Float32Array = Float32Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100)

/** Columns of a label: class, x1, y1, x2, y2. */
export const LABEL_COLUMNS = 5

/**
 * Marks the right detections of one image.
 *
 * A detection claims the label of its class that it overlaps most (the later one if two are equal); among the
 * detections that claim one label at a threshold, the first has it, and the first is the most confident.
 *
 * @param detections - [n, 6], most confident first, in pixels
 * @param labels - [m, 5]
 * @returns [n, thresholds] of 0 and 1
 * Source: yolov5 v7.0 val.py, process_batch.
 */
export function matchDetections(
  detections: Float32Array,
  labels: Float32Array,
  thresholds: Float32Array = iouThresholds,
): Uint8Array {
  const count = detections.length / DETECTION_COLUMNS
  const labelCount = labels.length / LABEL_COLUMNS
  const correct = new Uint8Array(count * thresholds.length)
  /** For each label the number of thresholds, from the lowest, at which a detection has it already. */
  const taken = new Uint8Array(labelCount)
  for (let d = 0; d < count; d++) {
    const detectionClass = detections[d * DETECTION_COLUMNS + 5]!
    let best = -1
    let bestIou = thresholds[0]!
    for (let l = 0; l < labelCount; l++) {
      if (labels[l * LABEL_COLUMNS] !== detectionClass) continue
      const iou = iouXyxy(labels, l * LABEL_COLUMNS + 1, detections, d * DETECTION_COLUMNS)
      if (iou >= bestIou) {
        best = l
        bestIou = iou
      }
    }
    if (best < 0) continue
    let passed = taken[best]!
    while (passed < thresholds.length && bestIou >= thresholds[passed]!) correct[d * thresholds.length + passed++] = 1
    taken[best] = passed
  }
  return correct
}

/** Counts of predicted (row) against true class (column), with background as last of both. */
export class ConfusionMatrix {
  /** [nc + 1, nc + 1] flat. */
  readonly counts: Float64Array

  /**
   * @param confidence - detections at or below it do not count, v7.0: 0.25
   * @param iou - overlaps at or below it do not count, v7.0: 0.45
   */
  constructor(
    readonly nc: number,
    private readonly confidence = 0.25,
    private readonly iou = 0.45,
  ) {
    this.counts = new Float64Array((nc + 1) ** 2)
  }

  /**
   * Adds one image.
   *
   * Kept from v7.0: if nothing overlaps in an image, its detections do not count as false ones. It also leaves out
   * images without labels; that is the caller's affair.
   *
   * @param detections - [n, 6]
   * @param labels - [m, 5]
   */
  add(detections: Float32Array, labels: Float32Array): void {
    const labelCount = labels.length / LABEL_COLUMNS
    const threshold = Math.fround(this.confidence)
    const confident: number[] = []
    for (let at = 0; at < detections.length; at += DETECTION_COLUMNS)
      if (detections[at + 4]! > threshold) confident.push(at)

    // The largest overlap of each detection, then of each label: pairs by falling overlap, ties from the end.
    const claims: { detection: number; label: number; iou: number }[] = []
    for (let d = 0; d < confident.length; d++) {
      let best: (typeof claims)[number] | undefined
      for (let l = 0; l < labelCount; l++) {
        const iou = iouXyxy(labels, l * LABEL_COLUMNS + 1, detections, confident[d]!)
        if (iou > Math.fround(this.iou) && (!best || iou >= best.iou)) best = { detection: d, label: l, iou }
      }
      if (best) claims.push(best)
    }
    const byLabel = new Map<number, (typeof claims)[number]>()
    for (const claim of claims) {
      const other = byLabel.get(claim.label)
      if (!other || claim.iou >= other.iou) byLabel.set(claim.label, claim)
    }

    const matched = new Set<number>()
    for (let l = 0; l < labelCount; l++) {
      const claim = byLabel.get(l)
      if (claim) matched.add(claim.detection)
      const predicted = claim ? detections[confident[claim.detection]! + 5]! : this.nc
      this.count(predicted, labels[l * LABEL_COLUMNS]!)
    }
    if (byLabel.size === 0) return
    for (let d = 0; d < confident.length; d++) if (!matched.has(d)) this.count(detections[confident[d]! + 5]!, this.nc)
  }

  /** As rows: predicted (row) against true (column). */
  rows(): number[][] {
    const size = this.nc + 1
    return Array.from({ length: size }, (_, row) => Array.from(this.counts.subarray(row * size, (row + 1) * size)))
  }

  private count(predicted: number, actual: number): void {
    this.counts[predicted * (this.nc + 1) + actual]!++
  }
}
