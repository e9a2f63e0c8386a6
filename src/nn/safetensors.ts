// The safetensors format: 8 bytes little-endian header length, JSON header, raw little-endian row-major data.
import { SafetensorsError } from '../base/index.ts'

/** Network weights by name (YOLOv5's state_dict names), plain layout: filters [out, in, kh, kw], row-major. */
export type Weights = Map<string, WeightTensor>

export interface WeightTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

const bytesPerElement: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
}

/**
 * Reads a safetensors file; every number type is widened or rounded to float32.
 *
 * @throws {@link SafetensorsError} if the file is cut off, its header is not valid or a type is unknown
 */
export function readSafetensors(bytes: Uint8Array): { weights: Weights; metadata: Record<string, string> } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 8)
    throw new SafetensorsError(`A safetensors file has at least 8 bytes; this one has ${bytes.length}.`)
  const length = Number(view.getBigUint64(0, true))
  if (length > bytes.length - 8)
    throw new SafetensorsError(
      `The header claims ${length} bytes, but the file has only ${bytes.length}. Is it cut off, or no safetensors file?`,
    )
  let header: unknown
  try {
    header = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + 8, length).toString('utf8'))
  } catch (cause) {
    throw new SafetensorsError('The header is not valid JSON. Is this a safetensors file?', { cause })
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw new SafetensorsError('The header is not a JSON object.')
  const weights: Weights = new Map()
  let metadata: Record<string, string> = {}
  const start = 8 + length
  let left = bytes.length - start
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isTexts(entry)) throw new SafetensorsError('Its metadata is no list of texts by name.')
      metadata = entry
      continue
    }
    if (typeof entry !== 'object' || entry === null) throw new SafetensorsError(`"${name}" is no object in the header.`)
    const { dtype, shape, data_offsets: offsets } = entry as { dtype: string; shape: number[]; data_offsets: number[] }
    if (typeof dtype !== 'string' || !Object.hasOwn(bytesPerElement, dtype))
      throw new SafetensorsError(`"${name}" has the type ${JSON.stringify(dtype)}, which is not supported.`)
    const width = bytesPerElement[dtype]!
    const whole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
    if (!Array.isArray(shape) || !shape.every(whole) || !Array.isArray(offsets) || !offsets.every(whole))
      throw new SafetensorsError(`"${name}" has no valid shape and offsets.`)
    const count = shape.reduce((product, dim) => product * dim, 1)
    const [from, to] = offsets as [number, number]
    if (offsets.length !== 2 || to - from !== count * width || start + to > bytes.length)
      throw new SafetensorsError(
        `"${name}" of shape [${shape.slice(0, 8)}] does not fit its place in the file. Is the file cut off?`,
      )
    left -= to - from
    if (left < 0) throw new SafetensorsError('Its tensors lie over each other.')
    weights.set(name, { shape, data: decode(dtype, view, start + from, count) })
  }
  return { weights, metadata }
}

const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((text) => typeof text === 'string')

function decode(dtype: string, view: DataView, at: number, count: number): Float32Array {
  const data = new Float32Array(count)
  if (dtype === 'F32') {
    new Uint8Array(data.buffer).set(new Uint8Array(view.buffer, view.byteOffset + at, count * 4))
    return data
  }
  const width = bytesPerElement[dtype]!
  const read: (offset: number) => number = {
    F64: (o: number) => view.getFloat64(o, true),
    F16: (o: number) => fromHalf(view.getUint16(o, true)),
    BF16: (o: number) => fromBrainFloat(view.getUint16(o, true)),
    I64: (o: number) => Number(view.getBigInt64(o, true)),
    U64: (o: number) => Number(view.getBigUint64(o, true)),
    I32: (o: number) => view.getInt32(o, true),
    U32: (o: number) => view.getUint32(o, true),
    I16: (o: number) => view.getInt16(o, true),
    U16: (o: number) => view.getUint16(o, true),
    I8: (o: number) => view.getInt8(o),
    U8: (o: number) => view.getUint8(o),
    BOOL: (o: number) => view.getUint8(o),
  }[dtype]!
  for (let i = 0; i < count; i++) data[i] = read(at + i * width)
  return data
}

/**
 * Writes weights.
 *
 * @param options.dtype - F32 (default), or F16, to which numbers are rounded half to even
 * @param options.metadata - text by name, kept in the header
 */
export function writeSafetensors(
  weights: Weights,
  { dtype = 'F32', metadata }: { dtype?: 'F32' | 'F16'; metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  const width = bytesPerElement[dtype]!
  // Without a prototype, so that any name is an ordinary key.
  const header: Record<string, unknown> = Object.create(null)
  if (metadata) header['__metadata__'] = metadata
  let offset = 0
  for (const [name, { shape, data }] of weights) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.length * width] }
    offset += data.length * width
  }
  const text = Buffer.from(JSON.stringify(header), 'utf8')
  const headerLength = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + headerLength + offset).fill(32, 8, 8 + headerLength)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true)
  bytes.set(text, 8)
  let at = 8 + headerLength
  for (const { data } of weights.values()) {
    const source = dtype === 'F32' ? data : Uint16Array.from(data, toHalf)
    bytes.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), at)
    at += source.byteLength
  }
  return bytes
}

const bits = new DataView(new ArrayBuffer(4))

/** float32 → IEEE half, rounded half to even. */
export function toHalf(value: number): number {
  bits.setFloat32(0, value)
  const word = bits.getUint32(0)
  const sign = (word >>> 16) & 0x8000
  const exponent = (word >>> 23) & 0xff
  const mantissa = word & 0x7fffff
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa ? 0x200 : 0)
  const half = exponent - 112
  if (half >= 31) return sign | 0x7c00
  if (half <= 0) {
    if (half < -10) return sign
    return sign | shiftToEven(mantissa | 0x800000, 14 - half)
  }
  // A carry out of the mantissa raises the exponent, as it should (up to infinity).
  return sign | shiftToEven((half << 23) | mantissa, 13)
}

function shiftToEven(value: number, shift: number): number {
  const kept = value >>> shift
  const rest = value & ((1 << shift) - 1)
  const tie = 1 << (shift - 1)
  return rest > tie || (rest === tie && kept & 1) ? kept + 1 : kept
}

/** IEEE half → number. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 31
  const mantissa = half & 0x3ff
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
}

function fromBrainFloat(word: number): number {
  bits.setUint32(0, word << 16)
  return bits.getFloat32(0)
}
