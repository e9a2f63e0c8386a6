// How the bytes of a batch of images lie: plain planes, or the blocked space-to-depth form that the engine's stem reads.

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
 * @param rgb - interleaved, [height, width, 3]
 * @param out - the batch
 * @param offset - byte of `out` where the image begins
 */
export function packImage(
  rgb: Uint8Array,
  height: number,
  width: number,
  flip: { readonly upDown: boolean; readonly leftRight: boolean },
  layout: ImageLayout,
  out: Uint8Array,
  offset: number,
): void {
  const step = flip.leftRight ? -3 : 3
  const first = flip.leftRight ? 3 * (width - 1) : 0
  const source = (y: number) => 3 * width * (flip.upDown ? height - 1 - y : y) + first
  if (layout.kind === 'plain') {
    const plane = height * width
    let to = offset
    for (let y = 0; y < height; y++) {
      let from = source(y)
      for (let x = 0; x < width; x++, from += step, to++) {
        out[to] = rgb[from]
        out[to + plane] = rgb[from + 1]
        out[to + 2 * plane] = rgb[from + 2]
      }
    }
    return
  }
  const cells = (height >> 1) * (width >> 1)
  // Where channels 0..7 and 8..15 of a cell begin, and how far it is to the next cell.
  const stride = layout.block
  const upper = layout.block === 16 ? 8 : 8 * cells
  let to = offset
  for (let y = 0; y < height; y += 2) {
    let top = source(y)
    let bottom = source(y + 1)
    for (let x = 0; x < width; x += 2, top += 2 * step, bottom += 2 * step, to += stride) {
      const topRight = top + step
      const bottomRight = bottom + step
      out[to] = rgb[top]
      out[to + 1] = rgb[top + 1]
      out[to + 2] = rgb[top + 2]
      out[to + 3] = rgb[topRight]
      out[to + 4] = rgb[topRight + 1]
      out[to + 5] = rgb[topRight + 2]
      out[to + 6] = rgb[bottom]
      out[to + 7] = rgb[bottom + 1]
      const high = to + upper
      out[high] = rgb[bottom + 2]
      out[high + 1] = rgb[bottomRight]
      out[high + 2] = rgb[bottomRight + 1]
      out[high + 3] = rgb[bottomRight + 2]
      out[high + 4] = 0
      out[high + 5] = 0
      out[high + 6] = 0
      out[high + 7] = 0
    }
  }
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
