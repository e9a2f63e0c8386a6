// Image files to RGB. sharp does the work, but for bmp, which it cannot read.
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Sharp } from 'sharp'
import { ImageUnreadableError } from '../../base/index.ts'
import { decodeBmp } from './bmp.ts'
import { lookAtImage } from './image-format.ts'
import type { RgbImage } from './rgb.ts'

let loading: Promise<typeof import('sharp').default> | undefined

/** sharp, loaded when the first image is decoded. */
function loadSharp(): Promise<typeof import('sharp').default> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    // Every image is decoded once or kept by us: a cache of sharp's own only costs memory. Threads are the workers' affair.
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  })
  return loading
}

const UNSUPPORTED = new Set(['.dng', '.pfm'])

/**
 * An image for sharp, to be read as OpenCV does: colour profiles ignored, damaged parts left grey.
 *
 * @returns undefined if sharp cannot read it: it is for {@link decodeImage}
 */
async function openImage(file: string, failOn: 'none' | 'warning' = 'none'): Promise<Sharp | undefined> {
  if (UNSUPPORTED.has(extname(file).toLowerCase())) return undefined
  const { format, mostPixels } = await lookAtImage(file)
  if (format === 'bmp') return undefined
  const sharp = await loadSharp()
  return sharp(file, { failOn, ignoreIcc: true, limitInputPixels: mostPixels })
}

/**
 * Decodes an image as OpenCV's imread does: EXIF rotation applied, transparency dropped, 8 bits, three channels. The
 * pixels are the same for JPEG, PNG, TIFF, WebP and BMP; only CMYK pictures get other colours.
 *
 * @throws ImageUnreadableError
 */
export async function decodeImage(file: string): Promise<RgbImage> {
  try {
    if (UNSUPPORTED.has(extname(file).toLowerCase()))
      throw new Error(`${extname(file)} files are not supported; convert it to png or jpg`)
    const image = await openImage(file)
    if (!image) return decodeBmp(await readFile(file))
    const { data, info } = await image
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const { width, height, channels } = info
    if (channels === 3) return { data, width, height }
    const rgb = new Uint8Array(3 * width * height)
    for (let i = 0; i < width * height; i++) rgb.fill(data[i * channels], 3 * i, 3 * i + 3)
    return { data: rgb, width, height }
  } catch (cause) {
    throw unreadable(cause, file)
  }
}

/**
 * Width and height as the eye sees them (EXIF rotation applied), from the header where the format has one.
 *
 * @throws ImageUnreadableError
 */
export async function imageSize(file: string): Promise<{ width: number; height: number }> {
  try {
    const { width, height } = (await (await openImage(file))?.metadata())?.autoOrient ?? (await decodeImage(file))
    return { width, height }
  } catch (cause) {
    throw unreadable(cause, file)
  }
}

/**
 * An image in grey, stretched to a small size: one byte per pixel, row by row. For comparing pictures, not for training.
 *
 * @throws ImageUnreadableError
 */
export async function greyThumbnail(file: string, width: number, height: number): Promise<Uint8Array> {
  try {
    let source = (await openImage(file))?.autoOrient()
    if (!source) {
      const { data, ...size } = await decodeImage(file)
      source = (await loadSharp())(data, { raw: { ...size, channels: 3 } })
    }
    const grey = source.removeAlpha().toColourspace('b-w').resize(width, height, { fit: 'fill', kernel: 'cubic' })
    return await grey.raw({ depth: 'uchar' }).toBuffer()
  } catch (cause) {
    throw unreadable(cause, file)
  }
}

const unreadable = (cause: unknown, file: string) =>
  cause instanceof ImageUnreadableError
    ? cause
    : new ImageUnreadableError(file, plainMessage(cause as Error, file), { cause })

/** Outcome of {@link checkImage}. */
export interface ImageCheck {
  /** Pixels as the eye sees them (EXIF rotation applied). */
  readonly width: number
  readonly height: number
  /** Set if the file decodes only in part. */
  readonly damage?: string
}

/**
 * Size and state of an image, by decoding it at a reduced size.
 *
 * @throws ImageUnreadableError
 */
export async function checkImage(file: string): Promise<ImageCheck> {
  try {
    const image = await openImage(file)
    if (!image) {
      const { width, height } = await decodeImage(file)
      return { width, height }
    }
    const { width, height } = (await image.metadata()).autoOrient
    const damage = await findDamage(file, width, height)
    if (damage) await decodeImage(file) // throws if nothing can be made of it
    return damage ? { width, height, damage } : { width, height }
  } catch (cause) {
    throw unreadable(cause, file)
  }
}

/** What a strict decoder has to complain about. */
async function findDamage(file: string, width: number, height: number): Promise<string | undefined> {
  const [w, h] = [width, height].map((length) => Math.max(Math.floor(length / 8), 1))
  try {
    const image = (await openImage(file, 'warning'))!
    // A small result lets the JPEG decoder skip most of its work, yet it reads the whole file.
    await image.resize(w, h, { fit: 'fill', kernel: 'nearest' }).raw().toBuffer()
    return undefined
  } catch (error) {
    return plainMessage(error as Error, file)
  }
}

/** The first line of a decoder's message, without the path. */
function plainMessage(error: Error, file: string): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT' || /missing/.test(error.message)) return 'there is no such file'
  const line = error.message.split('\n').find((line) => line.trim() !== '') ?? 'unknown reason'
  return line
    .replace(`${file}: `, '')
    .replace(file, '')
    .replace(/^Vips\w+: /, '')
    .trim()
}
