// Images at the size of the data set: from the file of decoded images if there is one, else decoded and kept for a while.
import { closeSync, openSync, readSync } from 'node:fs'
import { ImageUnreadableError } from '../../base/index.ts'
import { decodeImage } from './decode.ts'
import { loadSize, resizeForLoad } from './resize.ts'
import type { RgbImage } from './rgb.ts'

/** Which images, and how they are resized. */
export interface StoreConfig {
  readonly paths: readonly string[]
  /** Width and height of the originals. [images * 2] */
  readonly sizes: Int32Array
  readonly imagePx: number
  /** See `loadSize`. */
  readonly augment: boolean
  /** File of decoded images, see `image-cache.ts`. */
  readonly cacheFile?: string
}

/** Tells stores apart: those with the same images at the same size are one. */
export interface SharedStoreConfig extends StoreConfig {
  /** Hash of the images, see `Dataset`. */
  readonly imageHash: string
}

/** First byte of each image in the file of decoded images, and the length of the file. */
export function cacheOffsets(sizes: Int32Array, imagePx: number): Float64Array {
  const offsets = new Float64Array(sizes.length / 2 + 1)
  offsets[0] = CACHE_HEADER_BYTES
  for (let i = 0; i + 1 < offsets.length; i++) {
    const { height, width } = loadSize(sizes[2 * i + 1], sizes[2 * i], imagePx)
    offsets[i + 1] = offsets[i] + 3 * height * width
  }
  return offsets
}

export const CACHE_HEADER_BYTES = 4096

/** Decoded images kept per thread where there is no file of them. */
const KEEP_BYTES = 64 * 2 ** 20

export class ImageStore {
  readonly #config: StoreConfig
  readonly #offsets: Float64Array
  readonly #fd: number | undefined
  /** Oldest first. */
  readonly #kept = new Map<number, RgbImage>()
  #keptBytes = 0
  #buffer = new Uint8Array()

  constructor(config: StoreConfig) {
    this.#config = config
    this.#offsets = cacheOffsets(config.sizes, config.imagePx)
    this.#fd = config.cacheFile === undefined ? undefined : openSync(config.cacheFile, 'r')
  }

  /** The image; it may be overwritten by the next call. */
  image(index: number): RgbImage | Promise<RgbImage> {
    if (this.#fd !== undefined) return this.#fromFile(this.#fd, index)
    const kept = this.#kept.get(index)
    if (!kept) return this.#decode(index)
    this.#kept.delete(index)
    this.#kept.set(index, kept)
    return kept
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
  }

  #fromFile(fd: number, index: number): RgbImage {
    const { sizes, imagePx, cacheFile } = this.#config
    const size = loadSize(sizes[2 * index + 1], sizes[2 * index], imagePx)
    const bytes = 3 * size.height * size.width
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(bytes)
    const read = readSync(fd, this.#buffer, 0, bytes, this.#offsets[index])
    if (read !== bytes) throw new ImageUnreadableError(cacheFile!, 'the file of decoded images is too short')
    return { ...size, data: this.#buffer.subarray(0, bytes) }
  }

  async #decode(index: number): Promise<RgbImage> {
    const { imagePx, augment } = this.#config
    const image = await loadImage(this.#config, index)
    const loaded = resizeForLoad(image, imagePx, augment)
    this.#kept.set(index, loaded)
    this.#keptBytes += loaded.data.length
    for (const [oldest, { data }] of this.#kept) {
      if (this.#keptBytes <= KEEP_BYTES || oldest === index) break
      this.#kept.delete(oldest)
      this.#keptBytes -= data.length
    }
    return loaded
  }
}

/** Stores that nobody uses are kept, this many, for the next loader (the next trial of a study). */
const IDLE_STORES = 2

/** The stores of one thread. */
export class ImageStores {
  /** Longest unused first. */
  readonly #stores = new Map<string, { readonly store: ImageStore; users: number }>()

  open(config: SharedStoreConfig): { readonly store: ImageStore; release(): void } {
    const { imageHash, imagePx, augment, cacheFile = '' } = config
    const key = [imageHash, imagePx, augment, cacheFile].join()
    const entry = this.#stores.get(key) ?? { store: new ImageStore(config), users: 0 }
    entry.users++
    this.#touch(key, entry)
    const release = () => {
      entry.users--
      this.#touch(key, entry)
      const idle = [...this.#stores].filter(([, { users }]) => users === 0)
      for (const [old, { store }] of idle.slice(0, -IDLE_STORES)) {
        this.#stores.delete(old)
        store.close()
      }
    }
    return { store: entry.store, release }
  }

  #touch(key: string, entry: { readonly store: ImageStore; users: number }): void {
    this.#stores.delete(key)
    this.#stores.set(key, entry)
  }
}

/** Decodes an image of a data set, which must have the size that the scan found. */
export async function loadImage(config: Pick<StoreConfig, 'paths' | 'sizes'>, index: number): Promise<RgbImage> {
  const path = config.paths[index]
  const image = await decodeImage(path)
  const [width, height] = config.sizes.subarray(2 * index)
  if (image.width !== width || image.height !== height)
    throw new ImageUnreadableError(
      path,
      `it was ${width} x ${height} pixels, now it is ${image.width} x ${image.height}`,
    )
  return image
}
