// What tells pictures apart at a glance: a difference hash of 64 bits, and a small grey picture to be sure.
import { greyThumbnail } from '../data/index.ts'

/** Side of the small picture. */
const side = 16

export interface Fingerprint {
  /** For each of 8 × 8 places whether it gets lighter to the right: [upper, lower] 32 bits. */
  readonly hash: readonly [number, number]
  /** 16 × 16 grey values, brought to mean 0 and deviation 1; zeros if the picture is all of one grey. */
  readonly picture: Float32Array
  /** Nothing can be told from it. */
  readonly flat: boolean
}

/** A place must get lighter by this share of the deviation: noise in plain areas is no difference. */
const margin = 0.1

/** A deviation below this many grey levels is a picture of nothing. */
const flatDeviation = 3

/** @throws ImageUnreadableError */
export async function fingerprint(file: string): Promise<Fingerprint> {
  return fingerprintOf(await greyThumbnail(file, side, side))
}

/** @param grey - 16 × 16 values */
export function fingerprintOf(grey: ArrayLike<number>): Fingerprint {
  const picture = Float32Array.from(grey)
  const mean = picture.reduce((sum, value) => sum + value, 0) / picture.length
  const deviation = Math.sqrt(picture.reduce((sum, value) => sum + (value - mean) ** 2, 0) / picture.length)
  const flat = deviation < flatDeviation
  const hash: [number, number] = [0, 0]
  for (let bit = 0; bit < 64; bit++) {
    const [y, x] = [Math.floor(bit / 8), bit % 8]
    // The last column is compared with the first.
    if (cell(grey, y, (x + 1) % 8) - cell(grey, y, x) > 4 * margin * deviation) hash[bit >> 5] |= 1 << (bit & 31)
  }
  for (let i = 0; i < picture.length; i++) picture[i] = flat ? 0 : (picture[i] - mean) / deviation
  return { hash, picture, flat }
}

/** Sum of the four pixels of a place of the 8 × 8 grid. */
const cell = (grey: ArrayLike<number>, y: number, x: number) => {
  const at = 2 * y * side + 2 * x
  return grey[at] + grey[at + 1] + grey[at + side] + grey[at + side + 1]
}

/** Bits in which two hashes differ, 0 to 64. */
export const hashDistance = (a: Fingerprint['hash'], b: Fingerprint['hash']): number =>
  bitCount(a[0] ^ b[0]) + bitCount(a[1] ^ b[1])

function bitCount(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555)
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333)
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** Correlation of two pictures, -1 to 1; it does not see brightness and contrast. */
export function correlation({ picture: a }: Fingerprint, { picture: b }: Fingerprint): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum / a.length
}
