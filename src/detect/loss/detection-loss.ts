// The differentiated part of the loss, as graph: box overlap, objectness, classes. Where YOLOv5 and YOLOv3 differ: forms.ts.
import {
  add,
  cast,
  clamp,
  concat,
  equal,
  type Graph,
  gather,
  greater,
  maximum,
  mul,
  pow,
  reduceMean,
  reduceSum,
  reshape,
  scatter,
  sigmoid,
  slice,
  softplus,
  split,
  stopGradient,
  sub,
  type Tensor,
  where,
} from '../../nn/index.ts'
import { type LossForm, yolov5Loss } from './forms.ts'
import { type LossGeometry, lossInputs, numberPlaces, rowColumns } from './pack-matches.ts'

/** What the loss gives. */
export interface DetectionLoss {
  /** Scalar to differentiate: (box + obj + cls) · scale, of YOLOv5 the batch. */
  readonly loss: Tensor
  /** [3] box, obj, cls after their gains, not multiplied by the batch. */
  readonly items: Tensor
  /** [levels] objectness of each level before balance and gain. */
  readonly levelObjectness: Tensor
}

/**
 * Loss of a batch. Its inputs besides the heads are those of {@link lossFeeds}.
 *
 * - box: mean over a level's matches of 1 - overlap (CIoU, of YOLOv3 GIoU), summed over levels;
 * - cls: mean over matches and classes of the cross entropy (none if there is one class);
 * - obj: mean over all cells of the cross entropy against the overlap of the cell's match (0 without one), weighted
 *   by level. If a cell has several matches the last one counts here; in the other terms all do.
 *
 * Source: yolov5 v7.0 utils/loss.py, ComputeLoss.
 *
 * @param heads - raw output of each level, [batch, anchors * (5 + classes), ny, nx]
 */
export function detectionLoss(
  graph: Graph,
  heads: readonly Tensor[],
  geometry: LossGeometry,
  form: LossForm = yolov5Loss,
): DetectionLoss {
  const { batch, classes, anchorsPerLevel, levels, capacity, focal } = geometry
  const count = levels.length * capacity
  const cells = levels.map(({ ny, nx }) => batch * anchorsPerLevel * ny * nx)
  const allCells = cells.reduce((a, b) => a + b, 0)

  const rows = graph.input(lossInputs.rows, [count, rowColumns])
  const indices = graph.input(lossInputs.indices, [3, count], 'int32')
  const numbers = graph.input(lossInputs.numbers, [numberPlaces.length + levels.length])
  const [targetXY, targetWH, anchorWH, weight] = split(rows, [2, 2, 2, 1], 1) as [Tensor, Tensor, Tensor, Tensor]
  const [firstChannel, objectnessSlot, targetClass] = split(indices, [1, 1, 1], 0).map((x) => reshape(x, [count])) as [
    Tensor,
    Tensor,
    Tensor,
  ]
  const places = split(numbers, [...numberPlaces.map(() => 1), ...levels.map(() => 1)], 0)
  const number = (place: (typeof numberPlaces)[number]) => reshape(places[numberPlaces.indexOf(place)]!, [])
  const modulate = focal ? focalFactor(number('focalGamma')) : undefined

  // The matched rows of all levels under each other, [count, 4 + classes]: all channels but objectness.
  const channels = [0, 1, 2, 3, ...(classes > 1 ? Array.from({ length: classes }, (_, c) => 5 + c) : [])]
  const predicted = concat(
    heads.map((head, level) => {
      const { ny, nx } = levels[level]!
      const steps = graph.constant(
        channels.map((c) => c * ny * nx),
        [1, channels.length],
        'int32',
      )
      const start = slice(firstChannel, 0, level * capacity, (level + 1) * capacity)
      return gather(reshape(head, [-1]), add(reshape(start, [capacity, 1]), steps))
    }),
    0,
  )
  const [logitsXY, logitsWH, ...rest] = split(predicted, [2, 2, ...(classes > 1 ? [classes] : [])], 1) as Tensor[]

  const { xy, wh } = form.decode(logitsXY!, logitsWH!, anchorWH)
  const overlap = form.overlap(xy, wh, targetXY, targetWH) // [count, 1]
  const box = reduceSum(mul(sub(1, overlap), weight))

  let cls: Tensor | undefined
  if (classes > 1) {
    const ids = graph.constant(
      Array.from({ length: classes }, (_, c) => c),
      [1, classes],
      'int32',
    )
    const target = where(equal(reshape(targetClass, [count, 1]), ids), number('positive'), number('negative'))
    const losses = crossEntropy(rest[0]!, target, number('clsPositiveWeight'), modulate)
    cls = reduceSum(mul(reduceMean(losses, [1], true), weight))
  }

  // Objectness: all cells of all levels end to end, and the dump slot.
  const ratio = number('overlapRatio')
  const value = add(sub(1, ratio), mul(ratio, clamp(stopGradient(overlap), 0)))
  const empty = graph.constant(new Float32Array(allCells + 1), [allCells + 1])
  const written = scatter(empty, objectnessSlot, reshape(value, [count]))
  const objectnessTarget = slice(written, 0, 0, allCells)
  const objectness = concat(
    heads.map((head, level) => {
      const { ny, nx } = levels[level]!
      const planes = reshape(head, [batch * anchorsPerLevel, 5 + classes, ny * nx])
      return reshape(slice(planes, 1, 4, 5), [cells[level]!])
    }),
    0,
  )
  const objLosses = crossEntropy(objectness, objectnessTarget, number('objPositiveWeight'), modulate)
  const levelObjectness = split(objLosses, cells, 0).map((losses) => reshape(reduceMean(losses), [1]))
  const obj = levelObjectness
    .map((loss, level) => reshape(mul(loss, places[numberPlaces.length + level]!), []))
    .reduce((a, b) => add(a, b))

  const terms = [mul(box, number('box')), mul(obj, number('obj')), ...(cls ? [mul(cls, number('cls'))] : [])]
  const items = concat(
    [...terms, ...(cls ? [] : [graph.constant(0)])].map((term) => reshape(term, [1])),
    0,
  )
  return {
    loss: mul(
      terms.reduce((a, b) => add(a, b)),
      form.scale(batch),
    ),
    items,
    levelObjectness: concat(levelObjectness, 0),
  }
}

/** Factor of the focal loss for logits and targets. */
type Modulation = (logits: Tensor, targets: Tensor) => Tensor

/**
 * Cross entropy of logits x against targets t in [0, 1], positives weighted by w:
 * (1 - t) ln(1 + e^x) + w t ln(1 + e^-x) = (1 - t + w t) s - w t x,  s = ln(1 + e^x).
 *
 * In this form small losses of confident negatives, nearly all cells, are no difference of large numbers.
 */
function crossEntropy(x: Tensor, t: Tensor, positiveWeight: Tensor, modulate?: Modulation): Tensor {
  const positive = mul(t, positiveWeight)
  const losses = sub(mul(softplus(x), add(sub(1, t), positive)), mul(positive, x))
  return modulate ? mul(losses, modulate(x, t)) : losses
}

/**
 * (0.25 t + 0.75 (1 - t)) · q^γ with q = 1 - (t p + (1 - t)(1 - p)), p = sigmoid(x); exactly 1 if γ is 0.
 *
 * Source: arXiv:1708.02002, eq. 5, with α = 0.25; for targets between 0 and 1 as in yolov5 v7.0 utils/loss.py,
 * FocalLoss. The floor under q keeps the gradient finite where p has saturated and γ is below 1.
 */
function focalFactor(gamma: Tensor): Modulation {
  const on = cast(greater(gamma, 0), 'float32')
  return (x, t) => {
    const p = sigmoid(x)
    const missed = maximum(add(mul(t, sub(1, p)), mul(sub(1, t), p)), 1e-12)
    const share = sub(0.75, mul(t, 0.5))
    return add(mul(mul(share, pow(missed, gamma)), on), sub(1, on))
  }
}
