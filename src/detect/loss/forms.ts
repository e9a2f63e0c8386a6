// Where the losses of YOLOv5 and YOLOv3 differ: the form of boxes, their overlap, the assignment, the scale. All else is
// the same: detection-loss.ts.
import { mul, sigmoid, sub, type Tensor } from '../../nn/index.ts'
import { completeIou } from './complete-iou.ts'
import { type LevelGeometry, type MatchedRows, matchTargets } from './match-targets.ts'
import { levelBalance } from './pack-matches.ts'

export interface LossForm {
  /**
   * Predicted boxes of matched rows, in cells, the centre from the cell's corner.
   *
   * @param logitsXY - [n, 2]
   * @param logitsWH - [n, 2]
   * @param anchorWH - [n, 2] in cells
   */
  decode(logitsXY: Tensor, logitsWH: Tensor, anchorWH: Tensor): { readonly xy: Tensor; readonly wh: Tensor }
  /** Overlap of predicted and true boxes, [n, 2] each. @returns [n, 1], at most 1 */
  overlap(xy: Tensor, wh: Tensor, targetXY: Tensor, targetWH: Tensor): Tensor
  /** Factor on the sum of the terms before it is differentiated. */
  scale(batch: number): number
  /** Assigns true boxes to anchor cells. @param threshold - value of the hyp {@link threshold} */
  match(targets: Float32Array, levels: readonly LevelGeometry[], threshold: number): MatchedRows[]
  /** The hyp that decides the assignment. */
  readonly threshold: 'anchor_t' | 'iou_t'
  /** Weight of each level's objectness. */
  balance(levels: number): readonly number[]
  /** {@link decode} of one row, in plain numbers: [x, y, width, height]. */
  decodeRow(x: number, y: number, w: number, h: number, anchorW: number, anchorH: number): readonly number[]
  /** {@link overlap}, for plain numbers. */
  readonly iou: 'ciou' | 'giou'
}

/** Centre: twice the sigmoid less a half; size: (twice the sigmoid)² anchors. Source: yolov5 v7.0 utils/loss.py. */
export const yolov5Loss: LossForm = {
  decode(logitsXY, logitsWH, anchorWH) {
    const twice = mul(sigmoid(logitsWH), 2)
    return { xy: sub(mul(sigmoid(logitsXY), 2), 0.5), wh: mul(mul(twice, twice), anchorWH) }
  },
  overlap: completeIou,
  scale: (batch) => batch,
  match: matchTargets,
  threshold: 'anchor_t',
  balance: levelBalance,
  decodeRow: (x, y, w, h, anchorW, anchorH) => [
    plainSigmoid(x) * 2 - 0.5,
    plainSigmoid(y) * 2 - 0.5,
    (plainSigmoid(w) * 2) ** 2 * anchorW,
    (plainSigmoid(h) * 2) ** 2 * anchorH,
  ],
  iou: 'ciou',
}

/** For plain numbers. */
export const plainSigmoid = (x: number) => 1 / (1 + Math.exp(-x))
