// Complete IoU, the overlap in YOLOv5's box loss, as graph.
import {
  add,
  atan,
  clamp,
  div,
  maximum,
  minimum,
  mul,
  reduceSum,
  split,
  stopGradient,
  sub,
  type Tensor,
} from '../../nn/index.ts'

const epsilon = 1e-7

/**
 * Complete IoU of boxes given by centre and size, [n, 2] each: IoU - ρ² / c² - α v, with ρ the distance of the centres,
 * c the diagonal of the hull, v the difference of the aspect ratios, α = v / (v - IoU + 1) without gradient.
 *
 * Source: arXiv:1911.08287, eq. 8 to 11; ε as in yolov5 v7.0 utils/metrics.py, bbox_iou.
 *
 * @returns [n, 1]
 */
export function completeIou(xy: Tensor, wh: Tensor, targetXY: Tensor, targetWH: Tensor): Tensor {
  const columns = (x: Tensor) => split(x, [1, 1], 1) as [Tensor, Tensor]
  const product = (x: Tensor) => {
    const [a, b] = columns(x)
    return mul(a, b)
  }
  const half = mul(wh, 0.5)
  const targetHalf = mul(targetWH, 0.5)
  const [low, high] = [sub(xy, half), add(xy, half)]
  const [targetLow, targetHigh] = [sub(targetXY, targetHalf), add(targetXY, targetHalf)]

  const intersection = product(clamp(sub(minimum(high, targetHigh), maximum(low, targetLow)), 0))
  const union = add(sub(add(product(wh), product(targetWH)), intersection), epsilon)
  const iou = div(intersection, union)

  const hull = sub(maximum(high, targetHigh), minimum(low, targetLow))
  const diagonal = add(reduceSum(mul(hull, hull), [1], true), epsilon)
  const offset = sub(targetXY, xy)
  const distance = reduceSum(mul(offset, offset), [1], true)

  const angle = (sizes: Tensor) => {
    const [w, h] = columns(sizes)
    return atan(div(w, maximum(h, epsilon))) // a height that underflows to 0 must not give NaN
  }
  const turn = sub(angle(targetWH), angle(wh))
  const v = mul(mul(turn, turn), 4 / Math.PI ** 2)
  const alpha = stopGradient(div(v, add(sub(v, iou), 1 + epsilon)))
  return sub(iou, add(div(distance, diagonal), mul(v, alpha)))
}
