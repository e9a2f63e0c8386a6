// What an image file is, by its first bytes, and how many pixels its size can account for.
import { open } from 'node:fs/promises'

export type ImageFormat = 'bmp' | 'jpeg' | 'png' | 'webp' | 'tiff' | 'gif' | 'avif'

export interface ImageFile {
  readonly format: ImageFormat
  /** A file that claims more pixels is not decoded: it was made to fill the memory. */
  readonly mostPixels: number
}

/** How each format begins, in Latin-1. Programs in disguise (SVG) are none of them. */
const beginnings: Readonly<Record<ImageFormat, RegExp>> = {
  bmp: /^BM/,
  jpeg: /^\xff\xd8\xff/,
  png: /^\x89PNG/,
  webp: /^RIFF.{4}WEBP/s,
  tiff: /^(II[*+]\0|MM\0[*+])/,
  gif: /^GIF8/,
  avif: /^.{4}ftyp/s,
}

/** A small file may hold so many pixels, a large one so many per byte: pictures of nothing at all do, and no more. */
const leastLimit = 2 ** 23
const pixelsPerByte = 2048
/** As OpenCV's. */
const largestLimit = 2 ** 30
/** Longest side of a JPEG; a PNG may claim more, and takes its time for every row that is missing. */
const longestSide = 2 ** 16 - 1

/** @throws Error whose message says what is wrong, also that of the file system */
export async function lookAtImage(file: string): Promise<ImageFile> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(24), 0, 24, 0)
    const head = buffer.toString('latin1', 0, bytesRead)
    const format = (Object.keys(beginnings) as ImageFormat[]).find((name) => beginnings[name].test(head))
    if (!format) throw new Error(bytesRead === 0 ? 'the file is empty' : 'it begins like no image that can be read')
    if (format === 'png' && bytesRead === 24) {
      const [width, height] = [buffer.readUInt32BE(16), buffer.readUInt32BE(20)]
      if (Math.max(width, height) > longestSide)
        throw new Error(`it claims to have ${width} x ${height} pixels; a side may have ${longestSide} at most`)
    }
    const { size } = await handle.stat()
    return { format, mostPixels: Math.min(Math.max(leastLimit, pixelsPerByte * size), largestLimit) }
  } finally {
    await handle.close()
  }
}
