// Affine and perspective warps with OpenCV's fixed-point bilinear sampling (1/32 pixel), bit for bit, and the matrix of
// v7.0's random_perspective. Outside the image lies grey.
import type { Random } from '../../base/index.ts'
import { BORDER, type RgbImage, roundHalfEven } from './rgb.ts'
import type { AugmentHyp } from './types.ts'

/** 3 x 3, row by row; maps source to result pixels. */
export type Matrix = readonly number[]

/** The part of the hyps that moves pixels. */
export type PerspectiveHyp = Pick<AugmentHyp, 'degrees' | 'translate' | 'scale' | 'shear' | 'perspective'>

/** The eight draws of random_perspective in the order they are made. */
export interface PerspectiveDraws {
  readonly perspectiveX: number
  readonly perspectiveY: number
  readonly angleDegrees: number
  readonly scale: number
  readonly shearXDegrees: number
  readonly shearYDegrees: number
  /** Fractions of the result's size. */
  readonly translateX: number
  readonly translateY: number
}

/** Draws a perspective; the order is part of the contract (golden items depend on it). */
export function drawPerspective(hyp: PerspectiveHyp, { python }: Random): PerspectiveDraws {
  const around = (centre: number, spread: number) => python.uniform(centre - spread, centre + spread)
  return {
    perspectiveX: python.uniform(-hyp.perspective, hyp.perspective),
    perspectiveY: python.uniform(-hyp.perspective, hyp.perspective),
    angleDegrees: python.uniform(-hyp.degrees, hyp.degrees),
    scale: around(1, hyp.scale),
    shearXDegrees: python.uniform(-hyp.shear, hyp.shear),
    shearYDegrees: python.uniform(-hyp.shear, hyp.shear),
    translateX: around(0.5, hyp.translate),
    translateY: around(0.5, hyp.translate),
  }
}

/**
 * M = T S R P C: the source's centre to the origin, perspective, rotation with scale, shear, shift to the result.
 * v7.0 augmentations.py, random_perspective.
 *
 * @param source - [height, width] of the image
 * @param result - [height, width] of the warped one
 */
export function perspectiveMatrix(
  draws: PerspectiveDraws,
  source: readonly [number, number],
  result: readonly [number, number],
): Matrix {
  const radians = Math.PI / 180
  const cos = Math.cos(draws.angleDegrees * radians) * draws.scale
  const sin = Math.sin(draws.angleDegrees * radians) * draws.scale
  const centre = [1, 0, -source[1] / 2, 0, 1, -source[0] / 2, 0, 0, 1]
  const perspective = [1, 0, 0, 0, 1, 0, draws.perspectiveX, draws.perspectiveY, 1]
  const rotation = [cos, sin, 0, -sin, cos, 0, 0, 0, 1]
  const shear = [
    ...[1, Math.tan((draws.shearXDegrees * Math.PI) / 180), 0],
    ...[Math.tan((draws.shearYDegrees * Math.PI) / 180), 1, 0],
    ...[0, 0, 1],
  ]
  const translation = [1, 0, draws.translateX * result[1], 0, 1, draws.translateY * result[0], 0, 0, 1]
  return [shear, rotation, perspective, centre].reduce(multiply, translation)
}

function multiply(a: Matrix, b: Matrix): number[] {
  const out: number[] = []
  for (let i = 0; i < 9; i += 3)
    for (let j = 0; j < 3; j++) out.push(a[i] * b[j] + a[i + 1] * b[j + 3] + a[i + 2] * b[j + 6])
  return out
}

export const isIdentity = (m: Matrix) => m.every((value, i) => value === (i % 4 === 0 ? 1 : 0))

/**
 * The warped image.
 *
 * @param perspective - sample with the full matrix; otherwise the last row is ignored. They differ in rounding.
 * @param target - bytes to draw into, at least 3 * height * width; new memory if absent
 */
export function warp(
  image: RgbImage,
  matrix: Matrix,
  height: number,
  width: number,
  perspective: boolean,
  target?: Uint8Array,
): RgbImage {
  const data = target ? target.subarray(0, 3 * height * width) : new Uint8Array(3 * height * width)
  if (perspective) warpPerspective(image, matrix, height, width, data)
  else warpAffine(image, matrix, height, width, data)
  return { data, height, width }
}

/** Positions in 1/1024 pixel, their sum rounded to 1/32. OpenCV 4.6 imgwarp, warpAffine. */
function warpAffine(image: RgbImage, m: Matrix, height: number, width: number, out: Uint8Array): void {
  const determinant = m[0] * m[4] - m[1] * m[3]
  const d = determinant !== 0 ? 1 / determinant : 0
  const a = m[4] * d
  const b = m[1] * -d
  const c = m[3] * -d
  const e = m[0] * d
  const shiftX = -a * m[2] - b * m[5]
  const shiftY = -c * m[2] - e * m[5]

  const deltaX = new Int32Array(width)
  const deltaY = new Int32Array(width)
  for (let x = 0; x < width; x++) {
    deltaX[x] = roundHalfEven(a * x * 1024)
    deltaY[x] = roundHalfEven(c * x * 1024)
  }
  const { data, width: sourceWidth, height: sourceHeight } = image
  if (b === 0 && c === 0) {
    const rowX = roundHalfEven(shiftX * 1024) + 16
    const columns = deltaX.map((delta) => (rowX + delta) >> 5)
    scaleAndShift(image, columns, (y) => (roundHalfEven((e * y + shiftY) * 1024) + 16) >> 5, height, out)
    return
  }
  const row = 3 * sourceWidth
  const innerWidth = sourceWidth - 1
  const innerHeight = sourceHeight - 1
  let to = 0
  for (let y = 0; y < height; y++) {
    const startX = roundHalfEven((b * y + shiftX) * 1024) + 16
    const startY = roundHalfEven((e * y + shiftY) * 1024) + 16
    for (let x = 0; x < width; x++, to += 3) {
      const px = (startX + deltaX[x]) >> 5
      const py = (startY + deltaY[x]) >> 5
      const sx = px >> 5
      const sy = py >> 5
      // Negative numbers are large as unsigned ones: both comparisons also ask for >= 0.
      if (sx >>> 0 < innerWidth && sy >>> 0 < innerHeight) {
        const fx = px & 31
        const fy = py & 31
        const w11 = fx * fy
        const w10 = (fy << 5) - w11
        const w01 = (fx << 5) - w11
        const w00 = 1024 - (fx << 5) - w10
        const at = sy * row + 3 * sx
        const below = at + row
        out[to] = (data[at] * w00 + data[at + 3] * w01 + data[below] * w10 + data[below + 3] * w11 + 512) >> 10
        out[to + 1] =
          (data[at + 1] * w00 + data[at + 4] * w01 + data[below + 1] * w10 + data[below + 4] * w11 + 512) >> 10
        out[to + 2] =
          (data[at + 2] * w00 + data[at + 5] * w01 + data[below + 2] * w10 + data[below + 5] * w11 + 512) >> 10
      } else sampleEdge(image, px, py, out, to)
    }
  }
}

/**
 * The warp without rotation and shear, which the default hyps have: columns and rows are looked up once.
 *
 * @param columns - source column of each result column, in 1/32 pixel
 * @param rowOf - source row of a result row, in 1/32 pixel
 */
function scaleAndShift(
  image: RgbImage,
  columns: Int32Array,
  rowOf: (y: number) => number,
  height: number,
  out: Uint8Array,
): void {
  const { data, width: sourceWidth, height: sourceHeight } = image
  const width = columns.length
  const row = 3 * sourceWidth
  // Result columns whose two source columns lie inside.
  const isInside = (px: number) => (px >> 5) >>> 0 < sourceWidth - 1
  let first = 0
  while (first < width && !isInside(columns[first])) first++
  let end = first
  while (end < width && isInside(columns[end])) end++
  const offset = columns.map((px) => 3 * (px >> 5))
  const fraction = columns.map((px) => px & 31)

  for (let y = 0; y < height; y++) {
    const py = rowOf(y)
    const inside = (py >> 5) >>> 0 < sourceHeight - 1
    const line = 3 * y * width
    if (inside) {
      const fy = py & 31
      const start = (py >> 5) * row
      let to = line + 3 * first
      for (let x = first; x < end; x++, to += 3) {
        const at = start + offset[x]
        const below = at + row
        const fx = fraction[x]
        const w11 = fx * fy
        const w10 = (fy << 5) - w11
        const w01 = (fx << 5) - w11
        const w00 = 1024 - (fx << 5) - w10
        out[to] = (data[at] * w00 + data[at + 3] * w01 + data[below] * w10 + data[below + 3] * w11 + 512) >> 10
        out[to + 1] =
          (data[at + 1] * w00 + data[at + 4] * w01 + data[below + 1] * w10 + data[below + 4] * w11 + 512) >> 10
        out[to + 2] =
          (data[at + 2] * w00 + data[at + 5] * w01 + data[below + 2] * w10 + data[below + 5] * w11 + 512) >> 10
      }
    }
    for (let x = 0; x < (inside ? first : width); x++) sampleEdge(image, columns[x], py, out, line + 3 * x)
    for (let x = inside ? end : width; x < width; x++) sampleEdge(image, columns[x], py, out, line + 3 * x)
  }
}

/** Positions in 1/32 pixel. OpenCV 4.6 imgwarp, warpPerspective: computed block by block of 64 x 16 or longer blocks. */
function warpPerspective(image: RgbImage, matrix: Matrix, height: number, width: number, out: Uint8Array): void {
  const m = invert(matrix)
  const rows = Math.min(16, height)
  const blockWidth = Math.min(Math.floor(1024 / rows), width)
  const { data, width: sourceWidth, height: sourceHeight } = image
  const row = 3 * sourceWidth
  for (let y = 0; y < height; y++)
    for (let blockX = 0; blockX < width; blockX += blockWidth) {
      const x0 = m[0] * blockX + m[1] * y + m[2]
      const y0 = m[3] * blockX + m[4] * y + m[5]
      const w0 = m[6] * blockX + m[7] * y + m[8]
      const end = Math.min(blockWidth, width - blockX)
      let to = 3 * (y * width + blockX)
      for (let x = 0; x < end; x++, to += 3) {
        const w = w0 + m[6] * x
        const scale = w !== 0 ? 32 / w : 0
        const px = roundHalfEven(clampInt((x0 + m[0] * x) * scale))
        const py = roundHalfEven(clampInt((y0 + m[3] * x) * scale))
        const sx = px >> 5
        const sy = py >> 5
        if (sx >>> 0 < sourceWidth - 1 && sy >>> 0 < sourceHeight - 1) {
          const fx = px & 31
          const fy = py & 31
          const at = sy * row + 3 * sx
          for (let k = 0; k < 3; k++) {
            const upper = data[at + k] * (32 - fx) + data[at + k + 3] * fx
            const lower = data[at + k + row] * (32 - fx) + data[at + k + row + 3] * fx
            out[to + k] = (upper * (32 - fy) + lower * fy + 512) >> 10
          }
        } else sampleEdge(image, px, py, out, to)
      }
    }
}

const clampInt = (x: number) => Math.max(-2147483648, Math.min(2147483647, x))

/** OpenCV keeps whole source pixels in 16 bits; farther ones are clamped. */
const clampShort = (x: number) => Math.max(-32768, Math.min(32767, x))

/** One result pixel whose four neighbours are not all inside the image. */
function sampleEdge({ data, width, height }: RgbImage, px: number, py: number, out: Uint8Array, to: number): void {
  const sx = clampShort(px >> 5)
  const sy = clampShort(py >> 5)
  if (sx >= width || sx < -1 || sy >= height || sy < -1) {
    out[to] = out[to + 1] = out[to + 2] = BORDER
    return
  }
  const fx = px & 31
  const fy = py & 31
  for (let c = 0; c < 3; c++) {
    const pixel = (y: number, x: number) =>
      x < 0 || x >= width || y < 0 || y >= height ? BORDER : data[3 * (y * width + x) + c]
    const upper = pixel(sy, sx) * (32 - fx) + pixel(sy, sx + 1) * fx
    const lower = pixel(sy + 1, sx) * (32 - fx) + pixel(sy + 1, sx + 1) * fx
    out[to + c] = (upper * (32 - fy) + lower * fy + 512) >> 10
  }
}

/** Inverse by cofactors, in OpenCV's order of operations; zero for a singular matrix. */
function invert(m: Matrix): number[] {
  const determinant =
    m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6])
  if (determinant === 0) return new Array<number>(9).fill(0)
  const d = 1 / determinant
  return [
    (m[4] * m[8] - m[5] * m[7]) * d,
    (m[2] * m[7] - m[1] * m[8]) * d,
    (m[1] * m[5] - m[2] * m[4]) * d,
    (m[5] * m[6] - m[3] * m[8]) * d,
    (m[0] * m[8] - m[2] * m[6]) * d,
    (m[2] * m[3] - m[0] * m[5]) * d,
    (m[3] * m[7] - m[4] * m[6]) * d,
    (m[1] * m[6] - m[0] * m[7]) * d,
    (m[0] * m[4] - m[1] * m[3]) * d,
  ]
}
