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
 * For every float of the storage the index of the plain weight that lies there, or -1 for padding.
 *
 * filter: [out/b, in/b, kh, kw, b(in), b(out)]. stem: the same of w'[o, (dy·2 + dx)·3 + c, a, e] =
 * w[o, c, 2a + dy, 2e + dx], the filter that works on the space-to-depth image.
 */
function sourceIndices(packing: Packing): Int32Array {
  const { storage, shape, block } = packing
  const [out, into, height, width] = filterShape(packing)
  const [plainOut, plainInto, plainHeight, plainWidth] = shape as [number, number, number, number]
  const indices = new Int32Array(out * into * height * width)
  let at = 0
  for (let ob = 0; ob < out; ob += block)
    for (let ib = 0; ib < into; ib += block)
      for (let a = 0; a < height; a++)
        for (let e = 0; e < width; e++)
          for (let i = ib; i < ib + block; i++)
            for (let o = ob; o < ob + block; o++) {
              const [channel, row, column] =
                storage === 'stem' ? [i % 3, 2 * a + Math.floor(i / 6), 2 * e + (Math.floor(i / 3) % 2)] : [i, a, e]
              const valid = o < plainOut && (storage === 'stem' ? i < 12 : i < plainInto)
              indices[at++] = valid ? ((o * plainInto + channel) * plainHeight + row) * plainWidth + column : -1
            }
  return indices
}

/** Writes a plain weight into its place. */
export function pack(packing: Packing, plain: Float32Array, target: Float32Array): void {
  if (packing.storage === 'plain') {
    target.set(plain)
    return
  }
  const indices = sourceIndices(packing)
  for (let i = 0; i < indices.length; i++) target[i] = indices[i]! < 0 ? 0 : plain[indices[i]!]!
}

/** Reads a plain weight out of its place. */
export function unpack(packing: Packing, stored: Float32Array): Float32Array {
  if (packing.storage === 'plain') return stored.slice()
  const plain = new Float32Array(packing.shape.reduce((product, dim) => product * dim, 1))
  const indices = sourceIndices(packing)
  for (let i = 0; i < indices.length; i++) if (indices[i]! >= 0) plain[indices[i]!] = stored[i]!
  return plain
}
