// AutoAnchor: before a training, do the model's anchors fit the data set? If fewer than 98 % of the labels have an
// anchor, better ones are searched. Source: yolov5 v7.0 utils/autoanchor.py, check_anchors.
import type { Random } from '../../base/index.ts'
import { type AnchorFit, fitOf } from './fit.ts'
import { searchAnchors } from './search.ts'
import { type LabelledSizes, labelSizes, toFloat32 } from './sizes.ts'

export type AnchorMessage = (level: 'info' | 'warning', text: string) => void

/** Best possible recall above which anchors are left alone. */
const GOOD_RECALL = 0.98

export interface CheckAnchorsOptions {
  /** Anchors in pixels, per level (fine to coarse) width, height, width, height, … */
  readonly anchorsPx: readonly (readonly number[])[]
  /** Stride of each level. */
  readonly strides: readonly number[]
  /** Longer side that images are trained at, pixels. */
  readonly imagePx: number
  /** Largest ratio of box to anchor that still matches: hyp `anchor_t`. */
  readonly threshold: number
  readonly random: Random
  readonly onMessage?: AnchorMessage
  readonly onProgress?: (done: number, total: number) => void
}

export interface CheckedAnchors {
  /** What to train with, in the form of the input. */
  readonly anchorsPx: number[][]
  readonly changed: boolean
  /** Of the anchors given and of those returned. */
  readonly before: Pick<AnchorFit, 'bpr' | 'aat'>
  readonly after: Pick<AnchorFit, 'bpr' | 'aat'>
}

/**
 * Keeps or replaces a model's anchors.
 *
 * Draws one uniform number in [0.9, 1.1] per image (its scale in this check), then those of {@link searchAnchors} if
 * it comes to that.
 */
export function checkAnchors(labels: LabelledSizes, options: CheckAnchorsOptions): CheckedAnchors {
  const { anchorsPx, strides, imagePx, threshold, random, onMessage = () => {}, onProgress } = options
  const current = anchorsPx.map((level) => Array.from(level))
  const images = labels.labelStart.length - 1
  const scales = Float64Array.from({ length: images }, () => random.numpy.uniform(0.9, 1.1))
  if (labels.labels.length === 0) {
    onMessage('warning', 'AutoAnchor: the data set has no labels, the anchors stay as they are')
    const none = { bpr: 0, aat: 0 }
    return { anchorsPx: current, changed: false, before: none, after: none }
  }
  const boxes = toFloat32(labelSizes(labels, imagePx, scales))
  // The model holds anchors in cells, in float32; there and back is exact for strides that are powers of two.
  const before = pick(fitOf(boxes, Float32Array.from(current.flat()), threshold))
  const found = `AutoAnchor: ${before.aat.toFixed(2)} anchors per label, best possible recall ${before.bpr.toFixed(3)}.`
  if (before.bpr > GOOD_RECALL) {
    onMessage('info', `${found} The anchors fit this data set`)
    return { anchorsPx: current, changed: false, before, after: before }
  }

  onMessage('info', `${found} The anchors fit this data set poorly, searching better ones`)
  const anchors = searchAnchors(labels, {
    count: current.flat().length / 2,
    imagePx,
    threshold,
    random,
    onMessage,
    ...(onProgress && { onProgress }),
  })
  const after = pick(fitOf(boxes, anchors, threshold))
  if (!(after.bpr > before.bpr)) {
    onMessage('warning', 'AutoAnchor: the anchors of the model fit better than those found, training goes on with them')
    return { anchorsPx: current, changed: false, before, after: before }
  }
  onMessage('info', 'AutoAnchor: done. To start from these anchors another time, write them into the model yaml')
  let at = 0
  const levels = current.map((level) => Array.from(anchors.subarray(at, (at += level.length))))
  return { anchorsPx: orderAnchors(levels, strides), changed: true, before, after }
}

const pick = ({ bpr, aat }: AnchorFit) => ({ bpr, aat })

/**
 * Turns the levels around if small anchors stand at the large strides.
 * Source: yolov5 v7.0 utils/autoanchor.py, check_anchor_order.
 */
export function orderAnchors(anchorsPx: readonly (readonly number[])[], strides: readonly number[]): number[][] {
  const levels = anchorsPx.map((level) => Array.from(level))
  const meanArea = (level: readonly number[]) => {
    let sum = 0
    for (let i = 0; i < level.length; i += 2) sum += level[i]! * level[i + 1]!
    return sum / (level.length / 2)
  }
  const growth = meanArea(levels.at(-1)!) - meanArea(levels[0]!)
  const strideGrowth = strides.at(-1)! - strides[0]!
  return growth !== 0 && Math.sign(growth) !== Math.sign(strideGrowth) ? levels.reverse() : levels
}
