// Box arithmetic of validation: forms, overlaps, and the way back from the network's image to the photograph. Boxes
// lie flat in Float32Array, four numbers each. Suffix of a name: `Xywh` centre form, `Xyxy` corners, `n` normalised.
//
// The float32 functions round after every operation as PyTorch's float32 kernels do, so that detections and matches
// are those of YOLOv5 and not merely close to them.

const f = Math.fround

/** The eps of every overlap in YOLOv5. */
const EPS = 1e-7

/** Centre form to corners, float32; `boxes` is [n, stride] with the box in the first four columns. In place. */
export function xywhToXyxy(boxes: Float32Array, stride = 4): Float32Array {
  for (let i = 0; i + 3 < boxes.length; i += stride) {
    const halfWidth = f(boxes[i + 2]! / 2)
    const halfHeight = f(boxes[i + 3]! / 2)
    const x = boxes[i]!
    const y = boxes[i + 1]!
    boxes[i] = x - halfWidth
    boxes[i + 1] = y - halfHeight
    boxes[i + 2] = x + halfWidth
    boxes[i + 3] = y + halfHeight
  }
  return boxes
}

/** Corners to centre form, float32, in place; see {@link xywhToXyxy}. */
export function xyxyToXywh(boxes: Float32Array, stride = 4): Float32Array {
  for (let i = 0; i + 3 < boxes.length; i += stride) {
    const x1 = boxes[i]!
    const y1 = boxes[i + 1]!
    const x2 = boxes[i + 2]!
    const y2 = boxes[i + 3]!
    boxes[i] = f(x1 + x2) / 2
    boxes[i + 1] = f(y1 + y2) / 2
    boxes[i + 2] = x2 - x1
    boxes[i + 3] = y2 - y1
  }
  return boxes
}

/** Where a photograph lies in the network's image. */
export interface Placement {
  /** Size of the photograph in pixels. */
  readonly height: number
  readonly width: number
  /** Factors [vertical, horizontal] from the photograph to the network's image; v7.0 uses only the first. */
  readonly ratio: readonly [gainY: number, gainX: number]
  /** Border [left, top] in pixels of the network's image. */
  readonly pad: readonly [padX: number, padY: number]
}

/**
 * Corner boxes in pixels of the network's image → pixels of the photograph, clipped to it. In place, float32.
 * Source: yolov5 v7.0 utils/general.py, scale_boxes (which takes the vertical factor for both directions).
 */
export function scaleBoxes(boxesXyxy: Float32Array, placement: Placement, stride = 4): Float32Array {
  const gain = f(placement.ratio[0])
  const padX = f(placement.pad[0])
  const padY = f(placement.pad[1])
  const { width, height } = placement
  for (let i = 0; i + 3 < boxesXyxy.length; i += stride) {
    boxesXyxy[i] = clamp(f(f(boxesXyxy[i]! - padX) / gain), width)
    boxesXyxy[i + 1] = clamp(f(f(boxesXyxy[i + 1]! - padY) / gain), height)
    boxesXyxy[i + 2] = clamp(f(f(boxesXyxy[i + 2]! - padX) / gain), width)
    boxesXyxy[i + 3] = clamp(f(f(boxesXyxy[i + 3]! - padY) / gain), height)
  }
  return boxesXyxy
}

const clamp = (value: number, upper: number) => (value < 0 ? 0 : Math.min(value, upper))

/**
 * Overlap of two corner boxes, float32, with the eps of v7.0's `box_iou`.
 *
 * @param a - offset of the first box in `boxesA`
 * @param b - offset of the second box in `boxesB`
 */
export function iouXyxy(boxesA: Float32Array, a: number, boxesB: Float32Array, b: number): number {
  const ax1 = boxesA[a]!
  const ay1 = boxesA[a + 1]!
  const ax2 = boxesA[a + 2]!
  const ay2 = boxesA[a + 3]!
  const bx1 = boxesB[b]!
  const by1 = boxesB[b + 1]!
  const bx2 = boxesB[b + 2]!
  const by2 = boxesB[b + 3]!
  const width = Math.max(0, f(Math.min(ax2, bx2) - Math.max(ax1, bx1)))
  const height = Math.max(0, f(Math.min(ay2, by2) - Math.max(ay1, by1)))
  const inter = f(width * height)
  const areaA = f(f(ax2 - ax1) * f(ay2 - ay1))
  const areaB = f(f(bx2 - bx1) * f(by2 - by1))
  return f(inter / f(f(f(areaA + areaB) - inter) + f(EPS)))
}

/**
 * Overlaps of all pairs, [a, b] flat.
 *
 * @param strideA - columns of `boxesA`, the box in the first four
 */
export function pairwiseIou(boxesA: Float32Array, boxesB: Float32Array, strideA = 4, strideB = 4): Float32Array {
  const countA = Math.floor(boxesA.length / strideA)
  const countB = Math.floor(boxesB.length / strideB)
  const result = new Float32Array(countA * countB)
  for (let a = 0; a < countA; a++)
    for (let b = 0; b < countB; b++) result[a * countB + b] = iouXyxy(boxesA, a * strideA, boxesB, b * strideB)
  return result
}

/** Share of the second box that the first covers: intersection over the second area (float64). */
export function intersectionOverSecond(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const width = Math.max(0, Math.min(first[2]!, second[2]!) - Math.max(first[0]!, second[0]!))
  const height = Math.max(0, Math.min(first[3]!, second[3]!) - Math.max(first[1]!, second[1]!))
  return (width * height) / ((second[2]! - second[0]!) * (second[3]! - second[1]!) + EPS)
}

export type IouKind = 'iou' | 'giou' | 'diou' | 'ciou'

/**
 * Overlap of two boxes in centre form, float64: plain, generalised (arXiv:1902.09630), with centre distance and
 * complete (both arXiv:1911.08287), with v7.0's placing of eps.
 *
 * @returns at most 1; `iou` at least 0, the others above -1 (`ciou` may fall to about -1.5)
 */
export function bboxIouXywh(a: ArrayLike<number>, b: ArrayLike<number>, kind: IouKind): number {
  const corners = (x: ArrayLike<number>) => [x[0]! - x[2]! / 2, x[1]! - x[3]! / 2, x[0]! + x[2]! / 2, x[1]! + x[3]! / 2]
  return overlap(corners(a), corners(b), a[2]!, a[3]!, b[2]!, b[3]!, kind)
}

/** {@link bboxIouXywh} for corner boxes; v7.0 keeps their heights above eps there. */
export function bboxIouXyxy(a: ArrayLike<number>, b: ArrayLike<number>, kind: IouKind): number {
  const heightA = Math.max(a[3]! - a[1]!, EPS)
  const heightB = Math.max(b[3]! - b[1]!, EPS)
  return overlap(a, b, a[2]! - a[0]!, heightA, b[2]! - b[0]!, heightB, kind)
}

function overlap(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  widthA: number,
  heightA: number,
  widthB: number,
  heightB: number,
  kind: IouKind,
): number {
  const [ax1, ay1, ax2, ay2] = [a[0]!, a[1]!, a[2]!, a[3]!]
  const [bx1, by1, bx2, by2] = [b[0]!, b[1]!, b[2]!, b[3]!]
  const inter =
    Math.max(0, Math.min(ax2, bx2) - Math.max(ax1, bx1)) * Math.max(0, Math.min(ay2, by2) - Math.max(ay1, by1))
  const union = widthA * heightA + widthB * heightB - inter + EPS
  const iou = inter / union
  if (kind === 'iou') return iou

  // The smallest box around both.
  const outerWidth = Math.max(ax2, bx2) - Math.min(ax1, bx1)
  const outerHeight = Math.max(ay2, by2) - Math.min(ay1, by1)
  if (kind === 'giou') {
    const outer = outerWidth * outerHeight + EPS
    return iou - (outer - union) / outer
  }
  const diagonal = outerWidth ** 2 + outerHeight ** 2 + EPS
  const distance = ((bx1 + bx2 - ax1 - ax2) ** 2 + (by1 + by2 - ay1 - ay2) ** 2) / 4
  if (kind === 'diou') return iou - distance / diagonal
  const v = (4 / Math.PI ** 2) * (Math.atan(widthB / heightB) - Math.atan(widthA / heightA)) ** 2
  const alpha = v / (v - iou + 1 + EPS)
  return iou - (distance / diagonal + v * alpha)
}
