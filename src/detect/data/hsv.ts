// Colour changes in hue, saturation and value, with OpenCV's 8-bit conversions (H in 0..179), bit for bit.
import type { Random } from '../../base/index.ts'
import { type RgbImage, roundHalfEven } from './rgb.ts'
import type { Scratch } from './scratch.ts'
import type { AugmentHyp } from './types.ts'

// RGB to HSV divides through tables of 12 fractional bits. OpenCV 4.6 color_hsv, RGB2HSV_b.
const saturationOf = new Int32Array(256)
const hueOf = new Int32Array(256)
for (let i = 1; i < 256; i++) {
  saturationOf[i] = roundHalfEven((255 << 12) / i)
  hueOf[i] = roundHalfEven((180 << 12) / (6 * i))
}

// HSV to RGB computes in float32 with H / 30, S / 255, V / 255.
const unit = new Float32Array(256)
const sectorOf = new Uint8Array(256)
const fractionOf = new Float32Array(256)
for (let i = 0; i < 256; i++) {
  unit[i] = i * Math.fround(1 / 255)
  const hue = Math.fround(i * Math.fround(6 / 180))
  sectorOf[i] = Math.trunc(hue) % 6
  fractionOf[i] = hue - Math.trunc(hue)
}

/** New value of each old one, 256 entries. */
export interface HsvTables {
  readonly hue: Uint8Array
  readonly saturation: Uint8Array
  readonly value: Uint8Array
}

/** Draws the three factors 1 ± gain; undefined (and nothing drawn) if all gains are 0. v7.0, augment_hsv. */
export function drawHsv(hyp: Pick<AugmentHyp, 'hsv_h' | 'hsv_s' | 'hsv_v'>, { numpy }: Random): number[] | undefined {
  if (!hyp.hsv_h && !hyp.hsv_s && !hyp.hsv_v) return undefined
  return [hyp.hsv_h, hyp.hsv_s, hyp.hsv_v].map((gain) => numpy.uniform(-1, 1) * gain + 1)
}

/** Tables of the three factors: hue wraps around at 180, the others are clipped; fractions are cut off. */
export function hsvTables([h, s, v]: readonly number[]): HsvTables {
  const tables = { hue: new Uint8Array(256), saturation: new Uint8Array(256), value: new Uint8Array(256) }
  for (let x = 0; x < 256; x++) {
    // A factor below 0 (hsv_h above 1) still gives 0..179, as Python's remainder does.
    const turned = (x * h) % 180
    tables.hue[x] = turned < 0 ? turned + 180 : turned
    tables.saturation[x] = Math.min(Math.max(x * s, 0), 255)
    tables.value[x] = Math.min(Math.max(x * v, 0), 255)
  }
  return tables
}

/** H, S, V of one pixel, packed as h << 16 | s << 8 | v. */
export function rgbToHsv(r: number, g: number, b: number): number {
  const max = r > g ? Math.max(r, b) : Math.max(g, b)
  const min = r < g ? Math.min(r, b) : Math.min(g, b)
  const diff = max - min
  const s = (diff * saturationOf[max] + 2048) >> 12
  let h = max === r ? g - b : max === g ? b - r + 2 * diff : r - g + 4 * diff
  h = (h * hueOf[diff] + 2048) >> 12
  if (h < 0) h += 180
  return (h << 16) | (s << 8) | max
}

/**
 * Columns that OpenCV converts at once. Kept for compatibility: it cuts off the fraction of a channel there, and rounds in
 * the columns beyond the last multiple of 32. Training images have none of these.
 */
export const VECTOR = 32

/** Value of the strongest channel when fractions are cut off: some come out one lower. */
const cutValue = Uint8Array.from(unit, (x) => Math.fround(x * 255))

/** Weakest channel by saturation * 256 + value, fractions cut off. */
const cutLow = new Uint8Array(65536)
for (let s = 0; s < 256; s++)
  for (let v = 0; v < 256; v++) cutLow[256 * s + v] = Math.fround(Math.fround(unit[v] * Math.fround(1 - unit[s])) * 255)

// Where the strongest, the middle and the weakest channel lie, by sector. In odd sectors the middle one falls with hue.
const strongestAt = Int32Array.of(0, 1, 1, 2, 2, 0)
const middleAt = Int32Array.of(1, 0, 2, 1, 0, 2)
const weakestAt = Int32Array.of(2, 2, 0, 0, 1, 1)
/** 1 - fraction in even sectors, by hue. */
const slopeOf = Float32Array.from(fractionOf, (fraction, h) => (sectorOf[h] & 1 ? fraction : 1 - fraction))

/** Which of strongest (0), middle (1) and weakest (2) is red, green and blue, by sector; a 3 behind them. */
const orderOf = Uint32Array.from(strongestAt, (strongest, sector) => {
  const order = [3, 3, 3, 3]
  for (const [rank, at] of [strongest, middleAt[sector], weakestAt[sector]].entries()) order[at] = rank
  return order.reduce((word, rank, at) => word | (rank << (8 * at)), 0)
})

/** Changes colours in place: RGB -> HSV -> tables -> RGB. @param image - of `scratch` */
export function applyHsv(image: RgbImage, tables: HsvTables, scratch: Scratch): void {
  const { data, width } = image
  const hues = scratch.take('hues', 8 * 180)
  const levels = scratch.take('levels', 4 * 512)
  const slopes = new Float32Array(hues.buffer, hues.byteOffset, 360)
  const orders = new Uint32Array(hues.buffer, hues.byteOffset, 360)
  for (let h = 0; h < 180; h++) {
    slopes[2 * h] = slopeOf[tables.hue[h]]
    orders[2 * h + 1] = orderOf[sectorOf[tables.hue[h]]]
  }
  const units = new Float32Array(levels.buffer, levels.byteOffset, 512)
  for (let i = 0; i < 256; i++) {
    units[i] = unit[tables.saturation[i]]
    units[256 + i] = unit[tables.value[i]]
  }
  const at = scratch.addressOf(image)
  const recolour = (from: number, to: number) =>
    scratch.kernels.recolour(at + from, at + to, hues.byteOffset, levels.byteOffset, levels.byteOffset + 1024)
  const rest = width % VECTOR
  if (rest === 0) {
    recolour(0, data.length)
    return
  }
  for (let end = 3 * width; end <= data.length; end += 3 * width) {
    if (width > rest) recolour(end - 3 * width, end - 3 * rest)
    for (let i = end - 3 * rest; i < end; i += 3) {
      const packed = rgbToHsv(data[i], data[i + 1], data[i + 2])
      const [h, s, v] = [tables.hue[packed >> 16], tables.saturation[(packed >> 8) & 255], tables.value[packed & 255]]
      writeRgb(h, s, v, false, data, i)
    }
  }
}

/**
 * RGB of one pixel. OpenCV 4.6 color_hsv, HSV2RGB_b; agrees with it for all 180 x 256 x 256 inputs.
 *
 * @param cut - cut fractions off instead of rounding, see {@link VECTOR}
 */
export function writeRgb(h: number, s: number, v: number, cut: boolean, out: Uint8Array, at: number): void {
  const sector = sectorOf[h]
  // 1 - saturation * slope is rounded once (a fused multiply-add), the rest step by step.
  const middle = Math.fround(Math.fround(unit[v] * Math.fround(1 - unit[s] * slopeOf[h])) * 255)
  if (cut) {
    out[at + strongestAt[sector]] = cutValue[v]
    out[at + middleAt[sector]] = middle
    out[at + weakestAt[sector]] = cutLow[(s << 8) | v]
  } else {
    out[at + strongestAt[sector]] = v
    out[at + middleAt[sector]] = roundHalfEven(middle)
    out[at + weakestAt[sector]] = roundHalfEven(Math.fround(Math.fround(unit[v] * Math.fround(1 - unit[s])) * 255))
  }
}
