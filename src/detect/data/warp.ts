// Affine and perspective warps with OpenCV's fixed-point bilinear sampling (1/32 pixel), bit for bit. Outside the image
// lies grey. The pixels themselves are sampled in `simd/sample.ts`.
import type { Matrix } from './perspective.ts'
import { type RgbImage, roundHalfEven } from './rgb.ts'
import type { Scratch } from './scratch.ts'

/**
 * The warped image.
 *
 * @param perspective - sample with the full matrix; otherwise the last row is ignored. They differ in rounding.
 * @param piece - of `scratch`, which the result is drawn into
 */
export function warp(
  image: RgbImage,
  matrix: Matrix,
  height: number,
  width: number,
  perspective: boolean,
  scratch: Scratch,
  piece = 'warped',
): RgbImage {
  const source = scratch.addressOf(image)
  const data = scratch.take(piece, 3 * height * width)
  // Positions of a row, one or two more than it has.
  const positionsX = scratch.take('positions x', 4 * width + 8)
  const positionsY = scratch.take('positions y', 4 * width + 8)
  const sampleRow = (y: number, startX: number, startY: number, shift: number) =>
    scratch.kernels.sample_row(
      ...([source, image.width, image.height, positionsX.byteOffset, positionsY.byteOffset] as const),
      ...([startX, startY, shift, scratch.weights, scratch.border, data.byteOffset + 3 * y * width, width] as const),
    )
  if (perspective) {
    const rowAt = projection(matrix, height, width, scratch, positionsX.byteOffset, positionsY.byteOffset)
    for (let y = 0; y < height; y++) {
      rowAt(y)
      sampleRow(y, 0, 0, 0)
    }
  } else {
    const startOf = affinePositions(matrix, width, int32s(positionsX), int32s(positionsY))
    for (let y = 0; y < height; y++) {
      const [startX, startY] = startOf(y)
      sampleRow(y, startX, startY, 5)
    }
  }
  return { data, height, width }
}

const int32s = (bytes: Uint8Array) => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)

/**
 * Positions in 1/1024 pixel, their sum to be cut to 1/32. OpenCV 4.6 imgwarp, warpAffine.
 *
 * @returns what is to be added to the deltas in a row
 */
function affinePositions(m: Matrix, width: number, deltasX: Int32Array, deltasY: Int32Array) {
  const determinant = m[0] * m[4] - m[1] * m[3]
  const d = determinant !== 0 ? 1 / determinant : 0
  const a = m[4] * d
  const b = m[1] * -d
  const c = m[3] * -d
  const e = m[0] * d
  const shiftX = -a * m[2] - b * m[5]
  const shiftY = -c * m[2] - e * m[5]
  for (let x = 0; x < width; x++) {
    deltasX[x] = roundHalfEven(a * x * 1024)
    deltasY[x] = roundHalfEven(c * x * 1024)
  }
  return (y: number) => [roundHalfEven((b * y + shiftX) * 1024) + 16, roundHalfEven((e * y + shiftY) * 1024) + 16]
}

/** Positions in 1/32 pixel, row by row. OpenCV 4.6 imgwarp, warpPerspective: in blocks of 64 x 16 or longer ones. */
function projection(matrix: Matrix, height: number, width: number, scratch: Scratch, outX: number, outY: number) {
  const m = invert(matrix)
  const blockWidth = Math.min(Math.floor(1024 / Math.min(16, height)), width)
  return (y: number) => {
    for (let x = 0; x < width; x += blockWidth)
      scratch.kernels.project_row(
        ...([m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5], m[6] * x + m[7] * y + m[8]] as const),
        ...([m[0], m[3], m[6], outX + 4 * x, outY + 4 * x, Math.min(blockWidth, width - x)] as const),
      )
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
