// Generalised IoU, the overlap in YOLOv3's box loss, as graph.
import { add, clamp, div, maximum, minimum, mul, split, sub, type Tensor } from '../../nn/index.ts'

/** Keeps a division of 0 by 0 finite; it is too small to change any other float32. */
const epsilon = 1e-16

/**
 * Generalised IoU of boxes given by centre and size, [n, 2] each: IoU - (C - U) / C with U the area of the union and C that
 * of the smallest box around both.
 *
 * Source: arXiv:1902.09630, algorithm 1; ε as in yolov3 v8 utils/utils.py, bbox_iou.
 *
 * @returns [n, 1]
 */
export function generalisedIou(xy: Tensor, wh: Tensor, targetXY: Tensor, targetWH: Tensor): Tensor {
  const product = (x: Tensor) => {
    const [a, b] = split(x, [1, 1], 1) as [Tensor, Tensor]
    return mul(a, b)
  }
  const half = mul(wh, 0.5)
  const targetHalf = mul(targetWH, 0.5)
  const [low, high] = [sub(xy, half), add(xy, half)]
  const [targetLow, targetHigh] = [sub(targetXY, targetHalf), add(targetXY, targetHalf)]
  const intersection = product(clamp(sub(minimum(high, targetHigh), maximum(low, targetLow)), 0))
  const union = sub(add(add(product(wh), epsilon), product(targetWH)), intersection)
  const hull = add(product(sub(maximum(high, targetHigh), minimum(low, targetLow))), epsilon)
  return sub(div(intersection, union), div(sub(hull, union), hull))
}
