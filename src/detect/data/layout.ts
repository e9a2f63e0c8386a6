// How the bytes of a batch of images lie: plain planes, or the blocked space-to-depth form that the engine's stem reads.
import type { RgbImage } from './rgb.ts'
import type { Scratch } from './scratch.ts'

/**
 * `plain`: uint8 [N, 3, H, W], RGB 0..255. `blocked`: uint8, nominally [N, 16, H/2, W/2]; channel (dy*2+dx)*3+c holds
 * colour c of the pixels at (2y+dy, 2x+dx), channels 12..15 are zero; the bytes lie as [N, 16/block, H/2, W/2, block].
 */
export type ImageLayout = { readonly kind: 'plain' } | { readonly kind: 'blocked'; readonly block: 8 | 16 }

/** Bytes of one image in a layout. `height` and `width` are even in the blocked form. */
export function imageBytes(layout: ImageLayout, height: number, width: number): number {
  return layout.kind === 'plain' ? 3 * height * width : 4 * height * width
}

/**
 * Writes one RGB image into a batch, flipped on the way if asked. The padding channels of the blocked form are written too.
 *
 * @param image - of `scratch`; of even size for the blocked form
 * @param out - the batch
 * @param offset - byte of `out` where the image begins
 */
export function packImage(
  image: RgbImage,
  flip: { readonly upDown: boolean; readonly leftRight: boolean },
  layout: ImageLayout,
  out: Uint8Array,
  offset: number,
  scratch: Scratch,
): void {
  const { height, width } = image
  const lineOf = (y: number) => 3 * width * (flip.upDown ? height - 1 - y : y)
  if (layout.kind === 'plain') {
    const rgb = image.data
    const step = flip.leftRight ? -3 : 3
    const first = flip.leftRight ? 3 * (width - 1) : 0
    const plane = height * width
    let to = offset
    for (let y = 0; y < height; y++) {
      let from = lineOf(y) + first
      for (let x = 0; x < width; x++, from += step, to++) {
        out[to] = rgb[from]
        out[to + plane] = rgb[from + 1]
        out[to + 2 * plane] = rgb[from + 2]
      }
    }
    return
  }
  const packed = scratch.take('packed', 4 * height * width)
  const source = scratch.addressOf(image) + (flip.leftRight ? 3 * (width - 2) : 0)
  const cells = width >> 1
  const { block } = layout
  // Where channels 8..15 of a cell begin after its channels 0..7.
  const upper = block === 16 ? 8 : 8 * cells * (height >> 1)
  for (let y = 0; y < height; y += 2) {
    const low = packed.byteOffset + (y >> 1) * cells * block
    scratch.kernels.pack_rows(
      ...([source + lineOf(y), source + lineOf(y + 1), Number(flip.leftRight)] as const),
      ...([low, low + upper, block, cells] as const),
    )
  }
  out.set(packed, offset)
}

/**
 * A batch as plain planes, for pictures and checks.
 *
 * @returns uint8 RGB [batch, 3, height, width], a copy
 */
export function toPlainImages(
  images: Uint8Array,
  layout: ImageLayout,
  batch: number,
  height: number,
  width: number,
): Uint8Array {
  const plane = height * width
  const out = new Uint8Array(batch * 3 * plane)
  if (layout.kind === 'plain') {
    out.set(images.subarray(0, out.length))
    return out
  }
  const { block } = layout
  const cells = plane / 4
  for (let n = 0; n < batch; n++) {
    for (let channel = 0; channel < 12; channel++) {
      const from = n * 16 * cells + Math.floor(channel / block) * cells * block + (channel % block)
      const corner = Math.floor(channel / 3)
      const to = (n * 3 + (channel % 3)) * plane + (corner >> 1) * width + (corner & 1)
      for (let y = 0; y < height / 2; y++)
        for (let x = 0; x < width / 2; x++)
          out[to + 2 * y * width + 2 * x] = images[from + (y * (width / 2) + x) * block]
    }
  }
  return out
}
