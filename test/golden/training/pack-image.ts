// Images for a training step in the layout it wants (ImageLayout of src/nn).
import type { ImageLayout } from '../../../src/nn/index.ts'

/** @param planes - uint8 [batch, 3, height, width] */
export function packImage(
  planes: Uint8Array,
  [batch, height, width]: readonly [number, number, number],
  layout: ImageLayout,
): Uint8Array {
  if (layout.kind === 'plain') return planes
  const { block } = layout
  const [rows, columns] = [height / 2, width / 2]
  const bytes = new Uint8Array(batch * 16 * rows * columns)
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const channel = ((y % 2) * 2 + (x % 2)) * 3 + c
          const group = n * (16 / block) + Math.floor(channel / block)
          const at = ((group * rows + Math.floor(y / 2)) * columns + Math.floor(x / 2)) * block + (channel % block)
          bytes[at] = planes[((n * 3 + c) * height + y) * width + x]!
        }
  return bytes
}
