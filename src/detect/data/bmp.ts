// Windows bitmaps, uncompressed: 1, 4 and 8 bits with palette, 24 and 32 bits. (sharp's build has no decoder for them.)
import type { RgbImage } from './rgb.ts'

/** Decodes a bitmap; throws an Error whose message says what is wrong. */
export function decodeBmp(bytes: Buffer): RgbImage {
  if (bytes.length < 54) throw new Error('the bitmap ends within its header')
  const pixels = bytes.readUInt32LE(10)
  const headerSize = bytes.readUInt32LE(14)
  const width = bytes.readInt32LE(18)
  const signedHeight = bytes.readInt32LE(22)
  const height = Math.abs(signedHeight)
  const bits = bytes.readUInt16LE(28)
  const compression = bytes.readUInt32LE(30)
  if (headerSize < 40) throw new Error('this old kind of bitmap is not supported')
  // 3: the usual masks of 32 bits, which are what we assume for 0 as well.
  if (compression !== 0 && !(compression === 3 && bits === 32))
    throw new Error('compressed bitmaps are not supported; convert it to png')
  if (![1, 4, 8, 24, 32].includes(bits)) throw new Error(`bitmaps of ${bits} bits per pixel are not supported`)
  if (width <= 0 || height <= 0 || width * height > 2 ** 30) throw new Error('the bitmap has no valid size')
  const rowBytes = Math.ceil((width * bits) / 32) * 4
  if (pixels + rowBytes * height > bytes.length) throw new Error('the bitmap is truncated')

  const data = new Uint8Array(3 * width * height)
  const palette = 14 + headerSize
  for (let y = 0; y < height; y++) {
    // Rows go from the bottom up unless the height is negative.
    const row = pixels + rowBytes * (signedHeight < 0 ? y : height - 1 - y)
    for (let x = 0; x < width; x++) {
      let from: number
      if (bits >= 24) from = row + (x * bits) / 8
      else {
        const byte = bytes[row + Math.floor((x * bits) / 8)]
        const index = (byte >> (8 - bits - ((x * bits) % 8))) & ((1 << bits) - 1)
        from = palette + 4 * index
      }
      const to = 3 * (y * width + x)
      data[to] = bytes[from + 2]
      data[to + 1] = bytes[from + 1]
      data[to + 2] = bytes[from]
    }
  }
  return { data, width, height }
}
