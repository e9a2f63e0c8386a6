// Images: checked as when a data set is opened, then decoded as in a training.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { decodeImage } from '../../../src/detect/data/index.ts'
import { scanImage } from '../../../src/detect/data/scan.ts'
import { png } from '../containers.ts'
import type { FuzzTarget } from '../target.ts'

const width = 24
const height = 17

/** Pixels that do not compress to nothing. */
const pixels = (channels: 3 | 4) =>
  Buffer.from(Array.from({ length: width * height * channels }, (_, i) => (Math.imul(i, 2654435761) >>> 13) % 256))

const picture = (channels: 3 | 4 = 3): Sharp => sharp(pixels(channels), { raw: { width, height, channels } })
const all = (...list: readonly Sharp[]) => Promise.all(list.map((image) => image.toBuffer()))

/** A bitmap of so many bits per pixel, with a grey palette if it needs one. */
function bmp(bits: 1 | 8 | 24 | 32, fromTop = false): Uint8Array {
  const colours = bits > 8 ? 0 : 1 << bits
  const row = Math.ceil((width * bits) / 32) * 4
  const start = 54 + 4 * colours
  const bytes = Buffer.alloc(start + row * height, 0x5a)
  bytes.fill(0, 0, start)
  bytes.write('BM')
  bytes.writeUInt32LE(bytes.length, 2)
  bytes.writeUInt32LE(start, 10)
  bytes.writeUInt32LE(40, 14)
  bytes.writeInt32LE(width, 18)
  bytes.writeInt32LE(fromTop ? -height : height, 22)
  bytes.writeUInt16LE(1, 26)
  bytes.writeUInt16LE(bits, 28)
  for (let i = 0; i < colours; i++) bytes.fill(Math.floor((255 * i) / (colours - 1)), 54 + 4 * i, 57 + 4 * i)
  return bytes
}

/** A small valid bitmap, for data sets that need an image. */
export const bitmap = bmp(24)

/** The label file that an image of these targets does not have. */
const noLabel = 'none.txt'

async function readImage(file: string, folder: string): Promise<void> {
  const { keep, ...size } = await scanImage(file, join(folder, noLabel))
  const image = await decodeImage(file)
  // What was fine when the data set was opened must be fine in the training, and as large.
  if (keep && (image.width !== size.width || image.height !== size.height))
    throw new Error(`${image.width} x ${image.height} pixels, but ${size.width} x ${size.height} were announced`)
  if (image.data.length !== 3 * image.width * image.height) throw new Error(`${image.data.length} bytes of pixels`)
}

const imageTarget = (
  extension: string,
  seeds: FuzzTarget['seeds'],
  more: Pick<FuzzTarget, 'tokens' | 'container'> = {},
): FuzzTarget => ({
  name: extension,
  seeds,
  ...more,
  run(bytes, folder) {
    const file = join(folder, `a.${extension}`)
    writeFileSync(file, bytes)
    return readImage(file, folder)
  },
})

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
const magic = [
  ...['ffd8ff', 'ffd9', 'ffe1', 'ffc0', 'ffc2', 'ffc4', 'ffda', 'ffdb', 'ffdd'],
  ...['89504e470d0a1a0a', '49492a00', '4d4d002a', '424d', '474946383961', '0000001c66747970'],
].map((hex) => Buffer.from(hex, 'hex'))
const tokens = [
  ...magic,
  'RIFF',
  'WEBPVP8 ',
  'VP8L',
  'VP8X',
  'ANMF',
  'EXIF',
  'Exif\0\0II*\0',
  svg,
  '<?xml version="1.0"?>',
]

export const images: readonly FuzzTarget[] = [
  imageTarget(
    'jpeg',
    () =>
      all(
        picture().jpeg({ quality: 80 }),
        picture().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }),
        picture().jpeg().withMetadata({ orientation: 6 }),
        picture().greyscale().jpeg(),
        picture().toColourspace('cmyk').jpeg(),
      ),
    { tokens },
  ),
  imageTarget(
    'png',
    () =>
      all(
        picture().png(),
        picture(4).png({ progressive: true }),
        picture().png({ palette: true }),
        picture().toColourspace('rgb16').png(),
        picture().greyscale().png(),
      ),
    { tokens: [...tokens, 'IHDR', 'PLTE', 'IDAT', 'IEND', 'tRNS', 'iCCP', 'zTXt', 'acTL', 'fcTL'], container: png },
  ),
  imageTarget('bmp', () => [bmp(24), bmp(32, true), bmp(8), bmp(1)], { tokens }),
  imageTarget(
    'webp',
    () => all(picture().webp(), picture(4).webp({ lossless: true }), picture().webp().withMetadata({ orientation: 3 })),
    { tokens },
  ),
  imageTarget(
    'tiff',
    () =>
      all(
        picture().tiff({ compression: 'none' }),
        picture().tiff({ compression: 'lzw' }),
        picture().tiff({ compression: 'deflate', predictor: 'horizontal' }),
        picture().tiff({ compression: 'jpeg' }),
        picture().tiff({ compression: 'none', tile: true, tileWidth: 16, tileHeight: 16 }),
        picture().greyscale().toColourspace('b-w').tiff({ compression: 'packbits' }),
      ),
    { tokens },
  ),
]
