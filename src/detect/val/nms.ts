// Non-maximum suppression of YOLOv5 v7.0: from the decoded rows of a network to the boxes that stay. Same boxes in the
// same order as there, but the work is small: candidates are radix-sorted, each meets only the kept boxes of its own
// class, and the search ends with the last box wanted.

import { iouXyxy } from './boxes.ts'

/** Columns of a detection: x1, y1, x2, y2 (pixels), confidence, class. */
export const DETECTION_COLUMNS = 6

/** v7.0 shifts boxes by class × this, so that one suppression serves all classes. */
const CLASS_OFFSET = 7680

/** Options of {@link nonMaxSuppression}; defaults as v7.0's function. */
export interface NmsOptions {
  /** Least objectness and least confidence, in [0, 1); default 0.25. */
  readonly confidence?: number
  /** Overlap above which the less confident box goes, in [0, 1]; default 0.45. */
  readonly iou?: number
  /** One row may give a box of every class above the threshold (validation does this); default false. */
  readonly multiLabel?: boolean
  /** Suppress across classes; default false. */
  readonly agnostic?: boolean
  /** Boxes kept per image; default 300. */
  readonly maxDetections?: number
  /** Most confident candidates that are looked at; default 30000. */
  readonly maxCandidates?: number
  /** Only these classes. */
  readonly classes?: readonly number[]
  /** Only boxes with both sides between these, exclusive, pixels; YOLOv3: 2 and 4096. */
  readonly sidePx?: readonly [low: number, high: number]
  /**
   * Replace each box that stays by the mean of the boxes it stands for (overlap above `iou`), weighted by confidence, as
   * YOLOv3 does for images with fewer than 3000 candidates; default false.
   */
  readonly merge?: boolean
}

/** Images with so many candidates are not merged. */
const mostMerged = 3000

/** A decoded network output. */
export interface Decoded {
  /** [batch, rows, 5 + nc]: centre x, centre y, width, height in pixels, objectness, class probabilities. */
  readonly data: Float32Array
  readonly batch: number
  readonly rows: number
  /** 5 + number of classes. */
  readonly columns: number
}

/**
 * Boxes of each image, [n, 6] flat, most confident first. Among equal confidences the earlier row (then the lower
 * class) goes first, which the original leaves to chance.
 *
 * Source: yolov5 v7.0 utils/general.py, non_max_suppression, and torchvision's CPU nms. There is no time limit here:
 * v7.0 leaves the rest of a batch without boxes after 0.5 s + 0.05 s per image.
 */
export function nonMaxSuppression(decoded: Decoded, options: NmsOptions = {}): Float32Array[] {
  const images: Float32Array[] = []
  for (let image = 0; image < decoded.batch; image++) images.push(suppressImage(decoded, image, options))
  return images
}

/** Candidates of one image, and the scratch of their sorting; grown as needed and used again. */
class Candidates {
  count = 0
  boxes = new Float32Array(0) // [n, 4] corners
  scores = new Float32Array(0)
  classes = new Int32Array(0)
  order = new Uint32Array(0)
  /** Offsets of rows with an object. */
  rows = new Int32Array(0)
  private spare = new Uint32Array(0)
  private readonly histogram = new Uint32Array(3 * 2048)
  private readonly buckets = new Uint32Array(1 << 16)

  reserve(size: number): void {
    if (this.scores.length >= size) return
    const capacity = Math.max(1024, 2 ** Math.ceil(Math.log2(size)))
    const boxes = new Float32Array(capacity * 4)
    boxes.set(this.boxes)
    const scores = new Float32Array(capacity)
    scores.set(this.scores)
    const classes = new Int32Array(capacity)
    classes.set(this.classes)
    this.boxes = boxes
    this.scores = scores
    this.classes = classes
    this.order = new Uint32Array(capacity)
    this.spare = new Uint32Array(capacity)
  }

  /**
   * Fills `order` with the most confident candidates by falling score, equal ones in their own order: three passes of
   * an 11-bit radix sort over the bits of the (non-negative) floats, which rise as the numbers do.
   *
   * @param limit - candidates wanted
   * @returns number of candidates in `order`, at most `limit`
   */
  sort(limit: number): number {
    const { histogram } = this
    const bits = new Uint32Array(this.scores.buffer, 0, this.count)
    const count = this.select(bits, limit)
    histogram.fill(0)
    let from = this.order
    let to = this.spare
    for (let i = 0; i < count; i++) {
      const key = ~bits[from[i]!]!
      histogram[key & 2047]!++
      histogram[2048 + ((key >>> 11) & 2047)]!++
      histogram[4096 + (key >>> 22)]!++
    }
    for (let pass = 0; pass < 3; pass++) {
      let sum = 0
      for (let digit = pass * 2048; digit < (pass + 1) * 2048; digit++) {
        const here = histogram[digit]!
        histogram[digit] = sum
        sum += here
      }
    }
    for (let pass = 0; pass < 3; pass++) {
      const shift = pass * 11
      const base = pass * 2048
      for (let i = 0; i < count; i++) {
        const index = from[i]!
        const digit = (~bits[index]! >>> shift) & 2047
        to[histogram[base + digit]!++] = index
      }
      ;[from, to] = [to, from]
    }
    this.order = from
    this.spare = to
    return Math.min(count, limit)
  }

  /** Puts into `order` all candidates that may be among the `limit` most confident; few more than these. */
  private select(bits: Uint32Array, limit: number): number {
    const { order, buckets } = this
    let lowest = 0
    if (bits.length > limit) {
      buckets.fill(0)
      for (let i = 0; i < bits.length; i++) buckets[bits[i]! >>> 16]!++
      lowest = buckets.length
      for (let above = 0; above < limit; ) above += buckets[--lowest]!
    }
    let count = 0
    for (let i = 0; i < bits.length; i++) if (bits[i]! >>> 16 >= lowest) order[count++] = i
    return count
  }
}

const scratch = new Candidates()

function suppressImage(decoded: Decoded, image: number, options: NmsOptions): Float32Array {
  const { confidence = 0.25, iou = 0.45, agnostic = false, maxDetections = 300, maxCandidates = 30_000 } = options
  collect(decoded, image, Math.fround(confidence), options.multiLabel === true, options.classes, options.sidePx)
  if (scratch.count === 0) return new Float32Array(0)
  const count = scratch.sort(maxCandidates)
  const kept = suppress(count, iou, agnostic, maxDetections)
  if (options.merge && count > 1 && count < mostMerged) mergeInto(kept, count, iou, agnostic)
  return kept
}

/** Rows above the threshold → candidates, in row order. */
function collect(
  { data, rows, columns }: Decoded,
  image: number,
  threshold: number,
  multiLabel: boolean,
  only: readonly number[] | undefined,
  sides: readonly [low: number, high: number] | undefined,
): void {
  const nc = columns - 5
  const wanted = only && new Set(only)
  const start = image * rows * columns
  const objects = rowsAbove(data, start, start + rows * columns, columns, threshold)
  scratch.count = 0
  let count = 0
  for (let k = 0; k < objects; k++) {
    const row = scratch.rows[k]!
    const objectness = data[row + 4]!
    if (sides && !(inside(data[row + 2]!, sides) && inside(data[row + 3]!, sides))) continue
    const first = count
    scratch.reserve(count + nc)
    const { scores, classes } = scratch
    if (multiLabel && nc > 1) {
      for (let c = 0; c < nc; c++) {
        const score = Math.fround(data[row + 5 + c]! * objectness)
        if (score > threshold && (!wanted || wanted.has(c))) {
          scores[count] = score
          classes[count++] = c
        }
      }
    } else {
      let best = 0
      let bestScore = Math.fround(data[row + 5]! * objectness)
      for (let c = 1; c < nc; c++) {
        const score = Math.fround(data[row + 5 + c]! * objectness)
        if (score > bestScore) {
          best = c
          bestScore = score
        }
      }
      if (bestScore > threshold && (!wanted || wanted.has(best))) {
        scores[count] = bestScore
        classes[count++] = best
      }
    }
    if (count === first) continue
    const { boxes } = scratch
    const x = data[row]!
    const y = data[row + 1]!
    const halfWidth = Math.fround(data[row + 2]! / 2)
    const halfHeight = Math.fround(data[row + 3]! / 2)
    for (let i = first; i < count; i++) {
      boxes[4 * i] = x - halfWidth
      boxes[4 * i + 1] = y - halfHeight
      boxes[4 * i + 2] = x + halfWidth
      boxes[4 * i + 3] = y + halfHeight
    }
  }
  scratch.count = count
}

/**
 * Puts the offsets of the rows whose objectness is above the threshold into `scratch.rows`; returns how many. Nearly all
 * time goes into fetching memory, so that four rows are asked for at once.
 */
function rowsAbove(data: Float32Array, start: number, end: number, columns: number, threshold: number): number {
  if (scratch.rows.length < (end - start) / columns) scratch.rows = new Int32Array((end - start) / columns)
  const { rows } = scratch
  let count = 0
  let row = start
  for (; row + 3 * columns < end; row += 4 * columns) {
    const at = row + 4
    const a = data[at]! > threshold
    const b = data[at + columns]! > threshold
    const c = data[at + 2 * columns]! > threshold
    const d = data[at + 3 * columns]! > threshold
    if (!(a || b || c || d)) continue
    if (a) rows[count++] = row
    if (b) rows[count++] = row + columns
    if (c) rows[count++] = row + 2 * columns
    if (d) rows[count++] = row + 3 * columns
  }
  for (; row < end; row += columns) if (data[row + 4]! > threshold) rows[count++] = row
  return count
}

const inside = (side: number, [low, high]: readonly [number, number]) => side > low && side < high

/** Greedy suppression over the sorted candidates; stops with the last box wanted. */
function suppress(count: number, threshold: number, agnostic: boolean, maxDetections: number): Float32Array {
  const { boxes, scores, classes, order } = scratch
  // Boxes of different classes are moved apart by 7680 pixels per class. As long as no box reaches over that distance
  // they cannot meet, and each candidate need only look at the kept boxes of its own class.
  const apart = !agnostic && reach(count) < CLASS_OFFSET - 1
  const kept = new Uint32Array(Math.min(count, maxDetections))
  const shifted = new Float32Array(kept.length * 5) // of the kept: corners after the shift, area
  /** Kept boxes of a class as a chain, newest first: head by class, next by position in `kept`. */
  const head = new Map<number, number>()
  const next = new Int32Array(kept.length)
  let keptCount = 0

  for (let k = 0; k < count && keptCount < kept.length; k++) {
    const i = order[k]!
    const offset = agnostic ? 0 : classes[i]! * CLASS_OFFSET
    const x1 = Math.fround(boxes[4 * i]! + offset)
    const y1 = Math.fround(boxes[4 * i + 1]! + offset)
    const x2 = Math.fround(boxes[4 * i + 2]! + offset)
    const y2 = Math.fround(boxes[4 * i + 3]! + offset)
    const area = Math.fround(Math.fround(x2 - x1) * Math.fround(y2 - y1))
    const chain = apart ? classes[i]! : 0

    let stays = true
    const first = head.get(chain) ?? -1
    for (let j = first; j >= 0; j = next[j]!) {
      const other = 5 * j
      const left = Math.max(shifted[other]!, x1)
      const right = Math.min(shifted[other + 2]!, x2)
      const width = Math.fround(right - left)
      if (!(width > 0)) continue
      const top = Math.max(shifted[other + 1]!, y1)
      const bottom = Math.min(shifted[other + 3]!, y2)
      const height = Math.fround(bottom - top)
      if (!(height > 0)) continue
      const inter = Math.fround(width * height)
      const union = Math.fround(Math.fround(shifted[other + 4]! + area) - inter)
      if (Math.fround(inter / union) > threshold) {
        stays = false
        break
      }
    }
    if (!stays) continue
    shifted[5 * keptCount] = x1
    shifted[5 * keptCount + 1] = y1
    shifted[5 * keptCount + 2] = x2
    shifted[5 * keptCount + 3] = y2
    shifted[5 * keptCount + 4] = area
    next[keptCount] = first
    head.set(chain, keptCount)
    kept[keptCount++] = i
  }

  const result = new Float32Array(keptCount * DETECTION_COLUMNS)
  for (let k = 0; k < keptCount; k++) {
    const i = kept[k]!
    for (let c = 0; c < 4; c++) result[6 * k + c] = boxes[4 * i + c]!
    result[6 * k + 4] = scores[i]!
    result[6 * k + 5] = classes[i]!
  }
  return result
}

/**
 * Moves every kept box to the mean of the candidates that it stands for.
 * Source: yolov3 v8 utils/utils.py, non_max_suppression with merge.
 */
function mergeInto(kept: Float32Array, count: number, threshold: number, agnostic: boolean): void {
  const { boxes, scores, classes, order } = scratch
  const box = new Float32Array(4)
  for (let at = 0; at < kept.length; at += DETECTION_COLUMNS) {
    box.set(kept.subarray(at, at + 4))
    const sum = [0, 0, 0, 0]
    let weight = 0
    for (let k = 0; k < count; k++) {
      const i = order[k]!
      if (!agnostic && classes[i] !== kept[at + 5]) continue
      if (boxes[4 * i]! >= box[2]! || boxes[4 * i + 2]! <= box[0]!) continue
      if (boxes[4 * i + 1]! >= box[3]! || boxes[4 * i + 3]! <= box[1]!) continue
      if (!(iouXyxy(box, 0, boxes, 4 * i) > threshold)) continue
      weight += scores[i]!
      for (let c = 0; c < 4; c++) sum[c]! += scores[i]! * boxes[4 * i + c]!
    }
    if (weight > 0) for (let c = 0; c < 4; c++) kept[at + c] = sum[c]! / weight
  }
}

/** Largest distance between any two coordinates of the first candidates; Infinity if one is not a number. */
function reach(count: number): number {
  const { boxes, order } = scratch
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let k = 0; k < count; k++) {
    const i = 4 * order[k]!
    for (let c = 0; c < 4; c++) {
      const value = boxes[i + c]!
      if (Number.isNaN(value)) return Number.POSITIVE_INFINITY
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  return high - low
}
