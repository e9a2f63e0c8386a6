// Colour changes in hue, saturation and value, with OpenCV's 8-bit conversions (H in 0..179), bit for bit.
import type { Random } from '../../base/index.ts'
import { roundHalfEven } from './rgb.ts'
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

const same = Uint8Array.from({ length: 256 }, (_, i) => i)
export const unchangedHsv: HsvTables = { hue: same, saturation: same, value: same }

/** Draws the three factors 1 ± gain; undefined (and nothing drawn) if all gains are 0. v7.0, augment_hsv. */
export function drawHsv(hyp: Pick<AugmentHyp, 'hsv_h' | 'hsv_s' | 'hsv_v'>, { numpy }: Random): number[] | undefined {
  if (!hyp.hsv_h && !hyp.hsv_s && !hyp.hsv_v) return undefined
  return [hyp.hsv_h, hyp.hsv_s, hyp.hsv_v].map((gain) => numpy.uniform(-1, 1) * gain + 1)
}

/** Tables of the three factors: hue wraps around at 180, the others are clipped; fractions are cut off. */
export function hsvTables([h, s, v]: readonly number[]): HsvTables {
  const clip = (x: number) => Math.trunc(Math.min(Math.max(x, 0), 255))
  // A factor below 0 (hsv_h above 1) still gives 0..179, as Python's remainder does.
  const wrap = (x: number) => Math.trunc(x % 180 < 0 ? (x % 180) + 180 : x % 180)
  return {
    hue: Uint8Array.from(same, (x) => wrap(x * h)),
    saturation: Uint8Array.from(same, (x) => clip(x * s)),
    value: Uint8Array.from(same, (x) => clip(x * v)),
  }
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

/**
 * Changes colours in place: RGB -> HSV -> tables -> RGB.
 *
 * @param rgb - interleaved, [height, width, 3]
 */
export function applyHsv(rgb: Uint8Array, width: number, tables: HsvTables): void {
  const { hue, saturation, value } = tables
  const cutColumns = width - (width % VECTOR)
  for (let i = 0, x = 0; i < rgb.length; i += 3) {
    const r = rgb[i]
    const g = rgb[i + 1]
    const b = rgb[i + 2]
    const cut = x < cutColumns
    if (r === g && g === b) {
      // Grey, as all borders are: hue and saturation 0 before and after.
      const v = value[r]
      rgb[i] = rgb[i + 1] = rgb[i + 2] = cut ? cutValue[v] : v
    } else {
      const packed = rgbToHsv(r, g, b)
      writeRgb(hue[packed >> 16], saturation[(packed >> 8) & 255], value[packed & 255], cut, rgb, i)
    }
    if (++x === width) x = 0
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
