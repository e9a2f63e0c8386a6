// Conversion of weights between the plain layout of files and the storage in which the graph wants them.
import type { Storage } from './lowering.ts'

/** Where and how a weight is kept in a flat vector. */
export interface Packing {
  readonly storage: Storage
  /** Plain shape, as in files. */
  readonly shape: readonly number[]
  /** Block size for all but plain storage. */
  readonly block: number
}

/** Number of floats a weight takes in its storage, padding included. */
export function packedSize({ storage, shape, block }: Packing): number {
  if (storage === 'plain') return shape.reduce((product, dim) => product * dim, 1)
  const [out, into, height, width] = filterShape({ storage, shape, block })
  return out * into * height * width
}

/** Shape [out, in, kh, kw] of a filter in its storage, channels rounded up. */
export function filterShape({ storage, shape, block }: Packing): [number, number, number, number] {
  const up = (channels: number) => Math.ceil(channels / block) * block
  const [out, into, height, width] = shape as [number, number, number, number]
  return storage === 'stem' ? [up(out), 16, height / 2, width / 2] : [up(out), up(into), height, width]
}

/**
 * Calls `visit(at, source)` for every float of the storage: `source` is the index of the plain weight that lies at `at`, or
 * -1 for padding.
 *
 * filter: [out/b, in/b, kh, kw, b(in), b(out)]. stem: the same of w'[o, (dy·2 + dx)·3 + c, a, e] =
 * w[o, c, 2a + dy, 2e + dx], the filter that works on the space-to-depth image.
 */
function forEachPlace(packing: Packing, visit: (at: number, source: number) => void): void {
  const { storage, shape, block } = packing
  const [out, into, height, width] = filterShape(packing)
  const [plainOut, plainInto, plainHeight, plainWidth] = shape as [number, number, number, number]
  const outStride = plainInto * plainHeight * plainWidth
  const validInto = storage === 'stem' ? 12 : plainInto
  let at = 0
  for (let ob = 0; ob < out; ob += block)
    for (let ib = 0; ib < into; ib += block)
      for (let a = 0; a < height; a++)
        for (let e = 0; e < width; e++)
          for (let i = ib; i < ib + block; i++) {
            const place =
              storage === 'stem'
                ? ((i % 3) * plainHeight + 2 * a + Math.floor(i / 6)) * plainWidth + 2 * e + (Math.floor(i / 3) % 2)
                : (i * plainHeight + a) * plainWidth + e
            for (let o = ob; o < ob + block; o++)
              visit(at++, i < validInto && o < plainOut ? o * outStride + place : -1)
          }
}

/** Writes a plain weight into its place. */
export function pack(packing: Packing, plain: Float32Array, target: Float32Array): void {
  if (packing.storage === 'plain') target.set(plain)
  else
    forEachPlace(packing, (at, source) => {
      target[at] = source < 0 ? 0 : plain[source]!
    })
}

/** Reads a plain weight out of its place. */
export function unpack(packing: Packing, stored: Float32Array): Float32Array {
  if (packing.storage === 'plain') return stored.slice()
  const plain = new Float32Array(packing.shape.reduce((product, dim) => product * dim, 1))
  forEachPlace(packing, (at, source) => {
    if (source >= 0) plain[source] = stored[at]!
  })
  return plain
}
