// Resizing with OpenCV's rules for 8-bit images, bit for bit: INTER_LINEAR in fixed point, INTER_AREA for shrinking.
// Source of the rules: OpenCV 4.6, modules/imgproc, resize (documented behaviour checked against recorded images).
import { type RgbImage, roundHalfEven } from './rgb.ts'

export type Interpolation = 'linear' | 'area'

/**
 * Resizes to `width` x `height`.
 *
 * @param interpolation - `area` only shrinks: neither side of the result may be larger than the source's
 */
export function resize(image: RgbImage, width: number, height: number, interpolation: Interpolation): RgbImage {
  if (width === image.width && height === image.height) return image
  // OpenCV computes the scale from its reciprocal; the difference shows in the last bits of the weights.
  const scaleX = 1 / (width / image.width)
  const scaleY = 1 / (height / image.height)
  const wholeX = roundHalfEven(scaleX)
  const wholeY = roundHalfEven(scaleY)
  const whole = Math.abs(scaleX - wholeX) < Number.EPSILON && Math.abs(scaleY - wholeY) < Number.EPSILON
  if (whole && wholeX === 2 && wholeY === 2) return halve(image, width, height)
  if (interpolation === 'linear') return linear(image, width, height, scaleX, scaleY)
  if (scaleX < 1 || scaleY < 1) throw new RangeError('area interpolation only shrinks')
  return whole ? mean(image, width, height, wholeX, wholeY) : area(image, width, height, scaleX, scaleY)
}

/** Mean of 2 x 2 pixels, rounded half up: what both interpolations become at exactly half the size. */
function halve({ data, width: sourceWidth }: RgbImage, width: number, height: number): RgbImage {
  const out = new Uint8Array(3 * width * height)
  const row = 3 * sourceWidth
  let to = 0
  for (let y = 0; y < height; y++) {
    let from = 2 * y * row
    for (let x = 0; x < width; x++, from += 6)
      for (let c = 0; c < 3; c++) {
        const at = from + c
        out[to++] = (data[at] + data[at + 3] + data[at + row] + data[at + row + 3] + 2) >> 2
      }
  }
  return { data: out, width, height }
}

/** Mean of blocks of whole pixels. */
function mean({ data, width: sourceWidth }: RgbImage, width: number, height: number, nx: number, ny: number): RgbImage {
  const out = new Uint8Array(3 * width * height)
  const row = 3 * sourceWidth
  const factor = Math.fround(1 / (nx * ny))
  let to = 0
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        let sum = 0
        for (let j = 0; j < ny; j++) {
          let at = (y * ny + j) * row + 3 * x * nx + c
          for (let i = 0; i < nx; i++, at += 3) sum += data[at]
        }
        out[to++] = roundHalfEven(Math.fround(sum * factor))
      }
  return { data: out, width, height }
}

/** Fixed-point bilinear: weights of 11 bits, source positions (x + 0.5) * scale - 0.5 in float32. */
function linear(image: RgbImage, width: number, height: number, scaleX: number, scaleY: number): RgbImage {
  const { data, width: sourceWidth, height: sourceHeight } = image
  const out = new Uint8Array(3 * width * height)
  const left = new Int32Array(width) // byte offset of the left pixel in its row
  const step = new Int32Array(width) // byte distance to the right one, 0 at the edge
  const weight0 = new Int32Array(width)
  const weight1 = new Int32Array(width)
  for (let x = 0; x < width; x++) {
    let { index, fraction } = position(x, scaleX)
    if (index < 0) index = fraction = 0
    if (index >= sourceWidth - 1) {
      index = sourceWidth - 1
      fraction = 0
    }
    left[x] = 3 * index
    step[x] = index < sourceWidth - 1 ? 3 : 0
    weight0[x] = fixed(Math.fround(1 - fraction))
    weight1[x] = fixed(fraction)
  }

  const row = 3 * sourceWidth
  const filled = [-1, -1] // source rows that the two buffers hold
  const buffers = [new Int32Array(3 * width), new Int32Array(3 * width)]
  const horizontal = (y: number): Int32Array => {
    const slot = y & 1
    const buffer = buffers[slot]
    if (filled[slot] === y) return buffer
    filled[slot] = y
    const start = y * row
    for (let x = 0, to = 0; x < width; x++, to += 3) {
      const at = start + left[x]
      const next = at + step[x]
      const a = weight0[x]
      const b = weight1[x]
      // 16 * value: the vertical pass drops the 4 low bits.
      buffer[to] = (data[at] * a + data[next] * b) >> 4
      buffer[to + 1] = (data[at + 1] * a + data[next + 1] * b) >> 4
      buffer[to + 2] = (data[at + 2] * a + data[next + 2] * b) >> 4
    }
    return buffer
  }

  let to = 0
  for (let y = 0; y < height; y++) {
    const { index, fraction } = position(y, scaleY)
    const first = clampIndex(index, sourceHeight)
    const second = clampIndex(index + 1, sourceHeight)
    const a = fixed(Math.fround(1 - fraction))
    const b = fixed(fraction)
    const upper = horizontal(first)
    const lower = horizontal(second)
    for (let x = 0; x < 3 * width; x++) {
      const value = (((a * upper[x]) >> 16) + ((b * lower[x]) >> 16) + 2) >> 2
      out[to++] = Math.min(value, 255)
    }
  }
  return { data: out, width, height }
}

function position(x: number, scale: number): { index: number; fraction: number } {
  const at = Math.fround((x + 0.5) * scale - 0.5)
  const index = Math.floor(at)
  return { index, fraction: Math.fround(at - index) }
}

const fixed = (weight: number) => roundHalfEven(Math.fround(weight * 2048))

const clampIndex = (index: number, length: number) => Math.min(Math.max(index, 0), length - 1)

interface Cover {
  /** Of each result pixel: first entry below; one more at the end. */
  readonly start: Int32Array
  readonly source: Int32Array
  readonly weight: Float32Array
}

/** Which source pixels a result pixel covers, and by how much. */
function cover(sourceLength: number, length: number, scale: number): Cover {
  const start = new Int32Array(length + 1)
  const source: number[] = []
  const weight: number[] = []
  for (let x = 0; x < length; x++) {
    start[x] = source.length
    const from = x * scale
    const to = from + scale
    const cell = Math.min(scale, sourceLength - from)
    const last = Math.min(Math.floor(to), sourceLength - 1)
    const first = Math.min(Math.ceil(from), last)
    const add = (index: number, share: number) => {
      source.push(index)
      weight.push(share)
    }
    if (first - from > 1e-3) add(first - 1, (first - from) / cell)
    for (let index = first; index < last; index++) add(index, 1 / cell)
    if (to - last > 1e-3) add(last, Math.min(to - last, 1, cell) / cell)
  }
  start[length] = source.length
  return { start, source: Int32Array.from(source), weight: Float32Array.from(weight) }
}

/** Mean over the area that a result pixel covers, in float32 as OpenCV accumulates it. */
function area(image: RgbImage, width: number, height: number, scaleX: number, scaleY: number): RgbImage {
  const { data, width: sourceWidth, height: sourceHeight } = image
  const out = new Uint8Array(3 * width * height)
  const columns = cover(sourceWidth, width, scaleX)
  const rows = cover(sourceHeight, height, scaleY)
  const line = new Float32Array(3 * width)
  const sum = new Float32Array(3 * width)
  for (let y = 0; y < height; y++) {
    for (let k = rows.start[y]; k < rows.start[y + 1]; k++) {
      const start = rows.source[k] * 3 * sourceWidth
      for (let x = 0, to = 0; x < width; x++, to += 3) {
        let r = 0
        let g = 0
        let b = 0
        for (let i = columns.start[x]; i < columns.start[x + 1]; i++) {
          const at = start + 3 * columns.source[i]
          const share = columns.weight[i]
          r = Math.fround(r + Math.fround(data[at] * share))
          g = Math.fround(g + Math.fround(data[at + 1] * share))
          b = Math.fround(b + Math.fround(data[at + 2] * share))
        }
        line[to] = r
        line[to + 1] = g
        line[to + 2] = b
      }
      const share = rows.weight[k]
      if (k === rows.start[y]) for (let x = 0; x < sum.length; x++) sum[x] = share * line[x]
      else for (let x = 0; x < sum.length; x++) sum[x] = sum[x] + Math.fround(share * line[x])
    }
    const to = y * 3 * width
    for (let x = 0; x < sum.length; x++) {
      const value = roundHalfEven(sum[x])
      out[to + x] = Math.min(value, 255)
    }
  }
  return { data: out, width, height }
}

/**
 * The image as the data set keeps it at a training size: longer side `imagePx`, aspect kept.
 * Linear when it will be augmented or grows, area when it shrinks for validation. v7.0 dataloaders.py, load_image.
 */
export function loadSize(height: number, width: number, imagePx: number): { height: number; width: number } {
  const r = imagePx / Math.max(height, width)
  if (r === 1) return { height, width }
  // v7.0 truncates; the 1 is ours (an extremely thin image has no picture left there, and fails).
  return { height: Math.max(Math.trunc(height * r), 1), width: Math.max(Math.trunc(width * r), 1) }
}

/** See {@link loadSize}. */
export function resizeForLoad(image: RgbImage, imagePx: number, augment: boolean): RgbImage {
  const { height, width } = loadSize(image.height, image.width, imagePx)
  const grows = imagePx > Math.max(image.height, image.width)
  return resize(image, width, height, augment || grows ? 'linear' : 'area')
}
