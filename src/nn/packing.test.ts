// Packing: what is packed comes back, the padding is zero, and the blocked filter lies as the runtime wants it.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { filterShape, type Packing, pack, packedSize, unpack } from './packing.ts'

const values = (packing: Packing) =>
  Float32Array.from({ length: packing.shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1)

it('gives back what was packed, with zeros for padding', () => {
  const channels = fc.integer({ min: 1, max: 20 })
  const kernel = fc.integer({ min: 1, max: 3 })
  fc.assert(
    fc.property(channels, channels, kernel, kernel, fc.constantFrom(8, 16), (out, into, kh, kw, block) => {
      const packing: Packing = { storage: 'filter', shape: [out, into, kh, kw], block }
      const plain = values(packing)
      const stored = new Float32Array(packedSize(packing)).fill(Number.NaN)
      pack(packing, plain, stored)
      expect(unpack(packing, stored)).toEqual(plain)
      expect(stored.filter((value) => value !== 0)).toHaveLength(plain.length)
    }),
    { numRuns: 50 },
  )
})

it('lays filters as [out/b, in/b, kh, kw, b(in), b(out)]', () => {
  const packing: Packing = { storage: 'filter', shape: [16, 8, 1, 2], block: 8 }
  const stored = new Float32Array(packedSize(packing))
  pack(packing, values(packing), stored)
  const plain = values(packing)
  for (const [o, i, e] of [
    [0, 0, 0],
    [9, 3, 1],
    [15, 7, 1],
  ] as const) // prettier-ignore
    expect(stored[(((Math.floor(o / 8) * 1 + 0) * 2 + e) * 8 + i) * 8 + (o % 8)]).toBe(plain[(o * 8 + i) * 2 + e])
})

it('turns a 6x6 stem into 3x3 on twelve of sixteen channels', () => {
  const packing: Packing = { storage: 'stem', shape: [12, 3, 6, 6], block: 8 }
  expect(filterShape(packing)).toEqual([16, 16, 3, 3])
  const plain = values(packing)
  const stored = new Float32Array(packedSize(packing))
  pack(packing, plain, stored)
  expect(unpack(packing, stored)).toEqual(plain)
  // w'[o, (dy·2 + dx)·3 + c, a, e] = w[o, c, 2a + dy, 2e + dx]
  const [o, c, dy, dx, a, e] = [10, 2, 1, 0, 2, 1]
  const channel = (dy * 2 + dx) * 3 + c
  const at = (((Math.floor(o / 8) * 2 + Math.floor(channel / 8)) * 3 + a) * 3 + e) * 64 + (channel % 8) * 8 + (o % 8)
  expect(stored[at]).toBe(plain[((o * 3 + c) * 6 + 2 * a + dy) * 6 + 2 * e + dx])
})

it('leaves plain weights as they are', () => {
  const packing: Packing = { storage: 'plain', shape: [5], block: 1 }
  const stored = new Float32Array(5)
  pack(packing, values(packing), stored)
  expect(stored).toEqual(values(packing))
})
