// The value of the detection loss of YOLOv5 or YOLOv3, without gradients, in float64 and plain loops. Validation reports it for every
// epoch (val/box_loss, …), and tests hold the differentiated loss of the training graph against it.
//
// Its formulas, where they are explained and differentiated: ../loss. Here only the number is wanted.
import { type LossForm, plainSigmoid as sigmoid, yolov5Loss } from '../loss/forms.ts'
import { bboxIouXywh } from './boxes.ts'

/** Raw output of one detection level. */
export interface RawHead {
  /** [batch, anchors, ny, nx, 5 + nc] flat: x, y, w, h, objectness, classes, before any sigmoid. */
  readonly data: ArrayLike<number>
  readonly shape: readonly number[]
}

/** Targets matched to one level, a row each; in v7.0's row order, since the last of several rows of a cell wins. */
export interface MatchedRows {
  readonly count: number
  readonly image: ArrayLike<number>
  readonly anchor: ArrayLike<number>
  readonly gridY: ArrayLike<number>
  readonly gridX: ArrayLike<number>
  readonly classes: ArrayLike<number>
  /** [count, 4] x, y offset from the cell, width, height in cells. */
  readonly boxes: ArrayLike<number>
  /** [count, 2] anchor of the row in cells. */
  readonly anchorSizes: ArrayLike<number>
}

/** What the loss depends on besides data; names of the hyps. */
export interface LossOptions {
  readonly box: number
  readonly obj: number
  readonly cls: number
  readonly objPw: number
  readonly clsPw: number
  readonly flGamma: number
  readonly labelSmoothing: number
  /** Weight of each level's objectness; default [4, 1, 0.4], other than 3 levels [4, 1, 0.25, 0.06, 0.02]. */
  readonly balance?: readonly number[]
  /** Default YOLOv5's. */
  readonly form?: LossForm
}

/** Loss terms after their gains, not multiplied by the batch. */
export interface LossValue {
  readonly box: number
  readonly obj: number
  readonly cls: number
  /** (box + obj + cls) × scale, of YOLOv5 the batch: what is differentiated in training. */
  readonly total: number
  /** Objectness of each level before balance and gain; `autobalance` wants it. */
  readonly objPerLevel: readonly number[]
}

/**
 * Loss of a batch.
 *
 * Source: yolov5 v7.0 utils/loss.py, ComputeLoss.
 *
 * @param heads - one per level, fine to coarse
 * @param matched - one per level
 */
export function detectionLossReference(
  heads: readonly RawHead[],
  matched: readonly MatchedRows[],
  options: LossOptions,
): LossValue {
  const form = options.form ?? yolov5Loss
  const balance = options.balance ?? form.balance(heads.length)
  const positive = 1 - 0.5 * options.labelSmoothing
  const negative = 0.5 * options.labelSmoothing
  const bceObj = binaryCrossEntropy(options.objPw, options.flGamma)
  const bceCls = binaryCrossEntropy(options.clsPw, options.flGamma)
  let box = 0
  let obj = 0
  let cls = 0
  const objPerLevel: number[] = []

  for (const [level, head] of heads.entries()) {
    const rows = matched[level]!
    const [, na, ny, nx, columns] = head.shape as [number, number, number, number, number]
    const nc = columns - 5
    const cells = head.data.length / columns
    const objectness = new Float64Array(cells) // target per cell
    let boxSum = 0
    let clsSum = 0
    const target = [0, 0, 0, 0]
    for (let row = 0; row < rows.count; row++) {
      const cell = ((rows.image[row]! * na + rows.anchor[row]!) * ny + rows.gridY[row]!) * nx + rows.gridX[row]!
      const at = cell * columns
      const [aw, ah] = [rows.anchorSizes[2 * row]!, rows.anchorSizes[2 * row + 1]!]
      const logit = (column: number) => head.data[at + column]!
      const predicted = form.decodeRow(logit(0), logit(1), logit(2), logit(3), aw, ah)
      for (let c = 0; c < 4; c++) target[c] = rows.boxes[4 * row + c]!
      const iou = bboxIouXywh(predicted, target, form.iou)
      boxSum += 1 - iou
      objectness[cell] = Math.max(iou, 0) // the last row of a cell wins
      if (nc > 1)
        for (let c = 0; c < nc; c++)
          clsSum += bceCls(head.data[at + 5 + c]!, c === rows.classes[row]! ? positive : negative)
    }
    if (rows.count > 0) {
      box += boxSum / rows.count
      if (nc > 1) cls += clsSum / (rows.count * nc)
    }
    let objSum = 0
    for (let cell = 0; cell < cells; cell++) objSum += bceObj(head.data[cell * columns + 4]!, objectness[cell]!)
    const levelObj = objSum / cells
    objPerLevel.push(levelObj)
    obj += levelObj * balance[level]!
  }

  const terms = { box: box * options.box, obj: obj * options.obj, cls: cls * options.cls }
  const batch = heads[0]?.shape[0] ?? 0
  return { ...terms, total: (terms.box + terms.obj + terms.cls) * form.scale(batch), objPerLevel }
}

/**
 * The loss terms of validation batches: matching, then {@link detectionLossReference}. For {@link validate}'s
 * `computeLoss`.
 *
 * @param anchors - per level (fine to coarse) [anchors, 2] widths and heights in cells
 * @param threshold - value of the hyp that decides the assignment, `anchor_t` or `iou_t`
 */
export function validationLoss(
  anchors: readonly Float32Array[],
  threshold: number,
  options: LossOptions,
): (
  heads: readonly RawHead[],
  batch: { readonly targets: Float32Array },
) => readonly [box: number, obj: number, cls: number] {
  const { match } = options.form ?? yolov5Loss
  return (heads, { targets }) => {
    const levels = heads.map(({ shape }, level) => ({ ny: shape[2]!, nx: shape[3]!, anchors: anchors[level]! }))
    const { box, obj, cls } = detectionLossReference(heads, match(targets, levels, threshold), options)
    return [box, obj, cls]
  }
}

/**
 * Cross entropy of a logit x against a target t in [0, 1]:  (1 - t) x + (1 + (pw - 1) t) · log(1 + e^-x), and with
 * γ > 0 the focal factor (0.25 t + 0.75 (1 - t)) · (1 - p_t)^γ  (arXiv:1708.02002, eq. 5, α = 0.25).
 */
function binaryCrossEntropy(positiveWeight: number, gamma: number): (x: number, t: number) => number {
  const plain = (x: number, t: number) => (1 - t) * x + (1 + (positiveWeight - 1) * t) * softplus(-x)
  if (gamma <= 0) return plain
  return (x, t) => {
    const p = sigmoid(x)
    const pt = t * p + (1 - t) * (1 - p)
    const alpha = t * 0.25 + (1 - t) * 0.75
    return plain(x, t) * alpha * (1 - pt) ** gamma
  }
}

/** log(1 + e^x), without overflow. */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
