// Anchors of a cfg are kept as they are, so a training says if they do not fit. What a box has to overlap an anchor by is
// the hyp `iou_t`; a box that no anchor overlaps so far is never learned.
import type { Random } from '../../base/index.ts'
import { kmeansAnchors, type LabelledSizes, labelSizes, toFloat32 } from '../anchors/index.ts'
import { sizeOverlap } from '../loss/index.ts'

/** Best possible recall below which anchors fit poorly, as in AutoAnchor. */
const goodRecall = 0.98
/** Labels that anchors are suggested from; more change little and take long. */
const mostSuggesting = 20_000

export interface CfgAnchorsOptions {
  /** The cfg, for messages. */
  readonly source: string
  /** Anchors in pixels, per level width, height, width, height, … */
  readonly anchorsPx: readonly (readonly number[])[]
  /** Longer side that images are trained at, pixels. */
  readonly imagePx: number
  /** Hyp `iou_t`. */
  readonly iouT: number
  readonly random: Random
  readonly onMessage: (level: 'info' | 'warning', text: string) => void
}

/** Tells how the anchors of a cfg fit the labels; if poorly, also which would fit. */
export function tellCfgAnchors(labels: LabelledSizes, options: CfgAnchorsOptions): void {
  const { source, anchorsPx, imagePx, iouT, random, onMessage } = options
  const boxes = toFloat32(labelSizes(labels, imagePx))
  if (boxes.length === 0) return
  const anchors = anchorsPx.flat()
  const recall = bestPossibleRecall(boxes, anchors, iouT)
  const found = `Anchors of ${source}: best possible recall ${recall.toFixed(3)} at ${imagePx} pixels, iou_t ${iouT}.`
  if (recall >= goodRecall) {
    onMessage('info', found)
    return
  }
  const every = Math.ceil(boxes.length / 2 / mostSuggesting)
  const some = boxes.filter((_, i) => Math.floor(i / 2) % every === 0)
  const fitting = kmeansAnchors(some, anchors.length / 2, random)
  const better = fitting && bestPossibleRecall(boxes, fitting, iouT)
  const lost = `${found} The other ${((1 - recall) * 100).toFixed(0)} % of the boxes are never learned.`
  onMessage(
    'warning',
    fitting && better! > recall
      ? `${lost} Larger images help, or these anchors in the [yolo] sections of a copy of the cfg (${better!.toFixed(3)}): anchors=${sorted(fitting)}`
      : `${lost} Larger images help, or a lower iou_t.`,
  )
}

/** Share of the boxes that at least one anchor overlaps by more than `iouT`, both at one centre. */
export function bestPossibleRecall(boxes: ArrayLike<number>, anchors: ArrayLike<number>, iouT: number): number {
  const limit = Math.fround(iouT)
  let recalled = 0
  for (let box = 0; box < boxes.length; box += 2)
    for (let anchor = 0; anchor < anchors.length; anchor += 2)
      if (sizeOverlap(anchors[anchor]!, anchors[anchor + 1]!, boxes[box]!, boxes[box + 1]!) > limit) {
        recalled++
        break
      }
  return recalled / (boxes.length / 2)
}

/** By rising area, whole pixels, as a cfg has them. */
const sorted = (anchors: Float32Array) =>
  Array.from({ length: anchors.length / 2 }, (_, i) => [anchors[2 * i]!, anchors[2 * i + 1]!] as const)
    .sort((a, b) => a[0] * a[1] - b[0] * b[1])
    .map((size) => size.map(Math.round).join(','))
    .join(', ')
