// Tensors of the golden cases (safetensors files), read for tests: independent of our own reader, which they also test.
import { readFileSync } from 'node:fs'
import { referencePath } from './reference.ts'

export interface GoldenTensor {
  readonly shape: readonly number[]
  /** Float32Array, Float64Array, BigInt64Array, Int32Array or Uint8Array by dtype. */
  readonly data: Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array
}

const types: Record<string, (buffer: ArrayBuffer) => GoldenTensor['data']> = {
  F32: (buffer) => new Float32Array(buffer),
  F64: (buffer) => new Float64Array(buffer),
  I64: (buffer) => new BigInt64Array(buffer),
  I32: (buffer) => new Int32Array(buffer),
  U8: (buffer) => new Uint8Array(buffer),
  BOOL: (buffer) => new Uint8Array(buffer),
}

/** The tensors of a reference file, as 'training/metrics/iou.safetensors'. */
export function readTensors(relative: string): Map<string, GoldenTensor> {
  const bytes = readFileSync(referencePath(relative))
  const headerLength = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  const tensors = new Map<string, GoldenTensor>()
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const start = bytes.byteOffset + 8 + headerLength
    const buffer = bytes.buffer.slice(start + data_offsets[0], start + data_offsets[1]) as ArrayBuffer
    const make = types[dtype]
    if (!make) throw new Error(`${relative}: no reader for dtype ${dtype}`)
    tensors.set(name, { shape, data: make(buffer) })
  }
  return tensors
}

/** The data of a float32 tensor; fails if it is missing or of another type. */
export function float32(tensors: Map<string, GoldenTensor>, name: string): Float32Array {
  const data = tensors.get(name)?.data
  if (!(data instanceof Float32Array)) throw new Error(`no float32 tensor ${name}`)
  return data
}

/** The data of a tensor as plain numbers. */
export function numbers(tensors: Map<string, GoldenTensor>, name: string): number[] {
  const data = tensors.get(name)?.data
  if (!data) throw new Error(`no tensor ${name}`)
  return Array.from(data as ArrayLike<number | bigint>, Number)
}
