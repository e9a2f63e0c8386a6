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

/** A small file may hold so many pixels, a large one so many per byte: scans of blank sheets do, and no more. */
const leastLimit = 2 ** 25
const pixelsPerByte = 1024
/** As OpenCV's. */
const largestLimit = 2 ** 30

/** @throws Error whose message says what is wrong, also that of the file system */
export async function lookAtImage(file: string): Promise<ImageFile> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(12), 0, 12, 0)
    const head = buffer.toString('latin1', 0, bytesRead)
    const format = (Object.keys(beginnings) as ImageFormat[]).find((name) => beginnings[name].test(head))
    if (!format) throw new Error(bytesRead === 0 ? 'the file is empty' : 'it begins like no image that can be read')
    const { size } = await handle.stat()
    return { format, mostPixels: Math.min(Math.max(leastLimit, pixelsPerByte * size), largestLimit) }
  } finally {
    await handle.close()
  }
}
