// Memory that is used again for every item, and the kernels that work in it.
import assert from 'node:assert'
import { BORDER, type RgbImage } from './rgb.ts'
import { createKernels, type KernelMemory, type Kernels, PAGE_BYTES, sampleWeights } from './simd/index.ts'

/** Kernels read a little beyond the end of what they work on. */
const MARGIN_BYTES = 32

/** Named pieces of memory; the image of an item lives here until the next one is made. One item at a time. */
export class Scratch {
  readonly kernels: Kernels
  /** Addresses of what kernels read. */
  readonly weights: number
  readonly border: number
  readonly #memory: KernelMemory
  /** Every buffer of a piece: some time after growing the memory has a new one; older ones stay valid. */
  readonly #buffers = new Set<ArrayBufferLike>()
  readonly #pieces = new Map<string, Uint8Array>()
  #end = 16

  constructor() {
    const { memory, kernels } = createKernels()
    this.#memory = memory
    this.kernels = kernels
    const weights = this.take('weights', sampleWeights.byteLength)
    weights.set(new Uint8Array(sampleWeights.buffer))
    this.weights = weights.byteOffset
    this.border = this.take('border', 16).fill(BORDER).byteOffset
  }

  /** At least `bytes` bytes, of any content, at an address that is a multiple of 16. */
  take(name: string, bytes: number): Uint8Array {
    let piece = this.#pieces.get(name)
    // What becomes too small is given up; it grows by half at least, so that this does not add up.
    if (!piece || piece.length < bytes)
      this.#pieces.set(name, (piece = this.#allocate(Math.max(bytes, Math.ceil(1.5 * (piece?.length ?? 0))))))
    return piece.subarray(0, bytes)
  }

  /** A grey image. */
  blank(piece: string, height: number, width: number): RgbImage {
    const data = this.take(piece, 3 * height * width)
    this.kernels.fill(data.byteOffset, BORDER, data.length)
    return { data, height, width }
  }

  /** A copy of an image from elsewhere. */
  copy({ data, height, width }: RgbImage, piece: string): RgbImage {
    const copy = this.take(piece, data.length)
    copy.set(data)
    return { data: copy, height, width }
  }

  /** Copies what of `image`, from anywhere, falls on `canvas` when its top-left corner lies at (left, top). */
  paste(image: RgbImage, canvas: RgbImage, left: number, top: number): void {
    const x1 = Math.max(left, 0)
    const y1 = Math.max(top, 0)
    const columns = Math.min(left + image.width, canvas.width) - x1
    const rows = Math.min(top + image.height, canvas.height) - y1
    if (columns <= 0 || rows <= 0) return
    const [from, to] = [this.copy(image, 'pasted'), canvas].map((image) => this.addressOf(image))
    this.kernels.copy_rows(
      ...([from + 3 * ((y1 - top) * image.width + x1 - left), 3 * image.width] as const),
      ...([to + 3 * (y1 * canvas.width + x1), 3 * canvas.width, 3 * columns, rows] as const),
    )
  }

  /** The address of the first byte of an image in this memory. */
  addressOf({ data }: RgbImage): number {
    assert(this.#buffers.has(data.buffer), 'the image is not in this memory')
    return data.byteOffset
  }

  #allocate(bytes: number): Uint8Array {
    const start = this.#end
    this.#end = (start + bytes + MARGIN_BYTES + 15) & ~15
    const missing = this.#end - this.#memory.buffer.byteLength
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES))
    const { buffer } = this.#memory
    this.#buffers.add(buffer)
    return new Uint8Array(buffer, start, bytes)
  }
}
