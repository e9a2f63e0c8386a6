// YOLOv3's loss (2019 to yolov3 v8) where it differs from YOLOv5's: boxes, assignment, scale.
import { exp, minimum, mul, sigmoid } from '../../nn/index.ts'
import { type LossForm, plainSigmoid } from './forms.ts'
import { generalisedIou } from './giou.ts'
import { emptyRows, type LevelGeometry, type MatchedRows } from './match-targets.ts'

/** A predicted side is at most so many anchors long. */
const longest = 1000
/** Images per optimizer step that the loss gains are made for. */
const nominalBatch = 64

/**
 * Centre: the sigmoid; size: e^x anchors, at most 1000. Overlap: GIoU. Every level counts the same. The sum of the terms is
 * scaled by batch / 64, so that a step over 64 images has the gradient of their mean.
 *
 * Source: yolov3 v8 utils/utils.py, compute_loss; train.py.
 */
export const yolov3Loss: LossForm = {
  decode: (logitsXY, logitsWH, anchorWH) => ({
    xy: sigmoid(logitsXY),
    wh: mul(exp(minimum(logitsWH, Math.log(longest))), anchorWH), // bounded before e^x, which could overflow
  }),
  overlap: generalisedIou,
  scale: (batch) => batch / nominalBatch,
  match: matchByOverlap,
  threshold: 'iou_t',
  balance: (levels) => Array.from({ length: levels }, () => 1),
  decodeRow: (x, y, w, h, anchorW, anchorH) => [
    plainSigmoid(x),
    plainSigmoid(y),
    Math.min(Math.exp(w), longest) * anchorW,
    Math.min(Math.exp(h), longest) * anchorH,
  ],
  iou: 'giou',
}

/**
 * Matches boxes to anchor cells: a box takes the cell of its centre with every anchor that it overlaps by more than `iouT`
 * when both have the same centre. Rows are ordered by anchor, then target. All arithmetic is float32.
 *
 * Source: yolov3 v8 utils/utils.py, build_targets and wh_iou. Kept from there: a cell index is clamped to the map before
 * the offset of the box from its cell is taken.
 *
 * @param targets - [count, 6] image, class, x, y, width, height; boxes normalised to [0, 1]
 * @param iouT - hyp `iou_t`
 */
export function matchByOverlap(targets: Float32Array, levels: readonly LevelGeometry[], iouT: number): MatchedRows[] {
  const limit = Math.fround(iouT)
  return levels.map((level) => matchLevel(targets, level, limit))
}

function matchLevel(targets: Float32Array, { ny, nx, anchors }: LevelGeometry, limit: number): MatchedRows {
  const targetCount = Math.floor(targets.length / 6)
  const rows: [target: number, anchor: number][] = []
  for (let anchor = 0; anchor < anchors.length / 2; anchor++)
    for (let t = 0; t < targetCount; t++) {
      const overlap = sizeOverlap(
        anchors[2 * anchor]!,
        anchors[2 * anchor + 1]!,
        Math.fround(targets[6 * t + 4]! * nx),
        Math.fround(targets[6 * t + 5]! * ny),
      )
      if (overlap > limit) rows.push([t, anchor])
    }
  const result = emptyRows(rows.length)
  for (const [row, [t, anchor]] of rows.entries()) {
    const x = Math.fround(targets[6 * t + 2]! * nx)
    const y = Math.fround(targets[6 * t + 3]! * ny)
    const cellX = Math.min(Math.max(Math.trunc(x), 0), nx - 1)
    const cellY = Math.min(Math.max(Math.trunc(y), 0), ny - 1)
    result.image[row] = targets[6 * t]!
    result.classes[row] = targets[6 * t + 1]!
    result.anchor[row] = anchor
    result.gridX[row] = cellX
    result.gridY[row] = cellY
    result.boxes.set([x - cellX, y - cellY, targets[6 * t + 4]! * nx, targets[6 * t + 5]! * ny], 4 * row)
    result.anchorSizes.set([anchors[2 * anchor]!, anchors[2 * anchor + 1]!], 2 * row)
  }
  return result
}

/** Intersection over union of two boxes with one centre, float32. */
export function sizeOverlap(w1: number, h1: number, w2: number, h2: number): number {
  const f = Math.fround
  const intersection = f(Math.min(w1, w2) * Math.min(h1, h2))
  const union = f(f(f(w1 * h1) + f(w2 * h2)) - intersection)
  return f(intersection / union)
}
