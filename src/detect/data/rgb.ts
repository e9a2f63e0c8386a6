// The image in memory that all steps of this part hand on.

/** Interleaved RGB, uint8 [height, width, 3]. (The originals keep BGR; nothing here depends on the order but `hsv.ts`.) */
export interface RgbImage {
  readonly data: Uint8Array
  readonly height: number
  readonly width: number
}

/** Grey of borders, v7.0's 114. */
export const BORDER = 114

/** Rounds to the nearest integer, halves to the even one, as `lrint` does. |x| < 2^51. */
export function roundHalfEven(x: number): number {
  return x + 6755399441055744 - 6755399441055744
}
