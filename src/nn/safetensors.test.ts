// Safetensors: round trips, every number type, hostile files; and the conversion to half precision.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SafetensorsError } from '../base/index.ts'
import { fromHalf, readSafetensors, toHalf, type Weights, writeSafetensors } from './safetensors.ts'

const sample: Weights = new Map([
  ['model.0.conv.weight', { shape: [2, 1, 1, 3], data: Float32Array.of(1, -2.5, 3e-8, 65504, 0, -0) }],
  ['scalar', { shape: [], data: Float32Array.of(7) }],
  ['empty', { shape: [0, 4], data: new Float32Array(0) }],
])

/** A file with one tensor of raw bytes. */
function fileOf(dtype: string, shape: number[], bytes: Uint8Array, header?: unknown): Uint8Array {
  const text = JSON.stringify(header ?? { x: { dtype, shape, data_offsets: [0, bytes.length] } })
  const file = new Uint8Array(8 + text.length + bytes.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(Buffer.from(text), 8)
  file.set(bytes, 8 + text.length)
  return file
}

describe('round trip', () => {
  it('keeps names, order, shapes, bits and metadata', () => {
    const { weights, metadata } = readSafetensors(writeSafetensors(sample, { metadata: { epoch: '3' } }))
    expect([...weights]).toEqual([...sample])
    expect(metadata).toEqual({ epoch: '3' })
  })

  it('pads the header to eight bytes', () => {
    const bytes = writeSafetensors(sample)
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0)
  })

  it('survives any floats', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 20 }), fc.string(), (data, name) => {
        fc.pre(name !== '__metadata__')
        const { weights } = readSafetensors(writeSafetensors(new Map([[name, { shape: [data.length], data }]])))
        expect(weights.get(name)?.data).toEqual(data)
      }),
    )
  })

  it('reads a file that does not start at the beginning of its buffer', () => {
    const bytes = writeSafetensors(sample)
    const shifted = new Uint8Array(bytes.length + 3)
    shifted.set(bytes, 3)
    expect([...readSafetensors(shifted.subarray(3)).weights]).toEqual([...sample])
  })
})

describe('half precision', () => {
  it('is exact for what a half can hold', () => {
    for (let half = 0; half < 0x10000; half++) {
      const value = fromHalf(half)
      if (Number.isNaN(value)) expect(fromHalf(toHalf(value))).toBeNaN()
      else expect(toHalf(value)).toBe(half)
    }
  })

  it.each([
    [1 + 2 ** -11, 1],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [65519.99, 65504],
    [65520, Number.POSITIVE_INFINITY],
    [2 ** -25, 0],
    [1.0001 * 2 ** -25, 2 ** -24],
    [-1e-9, -0],
    [2 ** -14 - 2 ** -26, 2 ** -14],
  ])('rounds %d to %d, half to even', (value, expected) => {
    expect(fromHalf(toHalf(value))).toBe(expected)
  })

  it('is written and read', () => {
    const { weights } = readSafetensors(writeSafetensors(sample, { dtype: 'F16' }))
    expect([...weights.get('model.0.conv.weight')!.data]).toEqual([1, -2.5, fromHalf(toHalf(3e-8)), 65504, 0, -0])
  })
})

describe('number types', () => {
  const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  it.each<[string, ArrayBufferView]>([
    ['F64', Float64Array.of(1, -2)],
    ['F16', Uint16Array.of(0x3c00, 0xc000)],
    ['BF16', Uint16Array.of(0x3f80, 0xc000)],
    ['I64', BigInt64Array.of(1n, -2n)],
    ['I32', Int32Array.of(1, -2)],
    ['I16', Int16Array.of(1, -2)],
    ['I8', Int8Array.of(1, -2)],
  ])('reads %s', (dtype, array) => {
    expect([...readSafetensors(fileOf(dtype, [2], bytesOf(array))).weights.get('x')!.data]).toEqual([1, -2])
  })
  it('reads unsigned and bool', () => {
    for (const dtype of ['U8', 'BOOL'])
      expect([...readSafetensors(fileOf(dtype, [2], Uint8Array.of(1, 0))).weights.get('x')!.data]).toEqual([1, 0])
  })
})

describe('what is no safetensors file', () => {
  const tensor = { dtype: 'F32', shape: [1], data_offsets: [0, 4] }
  const overlapping = fileOf('', [], new Uint8Array(4), { x: tensor, y: tensor })
  const bad: [string, Uint8Array][] = [
    ['too short', new Uint8Array(3)],
    ['cut off', writeSafetensors(sample).subarray(0, 40)],
    ['cut off in the data', writeSafetensors(sample).subarray(0, -1)],
    ['no JSON', fileOf('F32', [], new Uint8Array(0), undefined).fill(65, 8)],
    ['a list', fileOf('F32', [], new Uint8Array(0), [])],
    ['an unknown type', fileOf('F4', [1], new Uint8Array(4))],
    ['a wrong size', fileOf('F32', [3], new Uint8Array(4))],
    ['a negative shape', fileOf('F32', [-1], new Uint8Array(4))],
    ['no shape', fileOf('', [], new Uint8Array(4), { x: { dtype: 'F32', data_offsets: [0, 4] } })],
    ['two tensors over each other', overlapping],
    ['metadata that is no text', fileOf('', [], new Uint8Array(), { __metadata__: { a: 1 } })],
    ['no object', fileOf('', [], new Uint8Array(4), { x: null })],
    ['offsets outside', fileOf('', [], new Uint8Array(4), { x: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } })],
  ]
  it.each(bad)('refuses a file that is %s', (_, bytes) => {
    expect(() => readSafetensors(bytes)).toThrow(SafetensorsError)
  })

  it('throws nothing but its own error, whatever the bytes', () => {
    const valid = writeSafetensors(sample)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (edits) => {
          const bytes = valid.slice()
          for (const [at, value] of edits) bytes[at] = value
          try {
            readSafetensors(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(SafetensorsError)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
