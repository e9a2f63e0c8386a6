// Tensors of a PyTorch file: views into storages, decoded only when somebody wants their numbers.
import { fromHalf } from '../../nn/index.ts'

/** Element types by PyTorch's name of the storage class, with bytes per element. */
export const storageTypes = {
  DoubleStorage: { dtype: 'float64', width: 8 },
  FloatStorage: { dtype: 'float32', width: 4 },
  HalfStorage: { dtype: 'float16', width: 2 },
  BFloat16Storage: { dtype: 'bfloat16', width: 2 },
  LongStorage: { dtype: 'int64', width: 8 },
  IntStorage: { dtype: 'int32', width: 4 },
  ShortStorage: { dtype: 'int16', width: 2 },
  CharStorage: { dtype: 'int8', width: 1 },
  ByteStorage: { dtype: 'uint8', width: 1 },
  BoolStorage: { dtype: 'bool', width: 1 },
} as const

export type ElementType = (typeof storageTypes)[keyof typeof storageTypes]

/** A run of numbers in the file. */
export interface Storage {
  readonly type: ElementType
  /** Elements. */
  readonly length: number
  /** Its bytes; read when it is asked for. */
  bytes(): Uint8Array
  readonly littleEndian: boolean
}

/** A tensor: which elements of a storage it shows. That all lie inside was checked by {@link checkedTensor}. */
export class Tensor {
  constructor(
    readonly storage: Storage,
    /** First element. */
    readonly offset: number,
    readonly shape: readonly number[],
    /** Elements from one index to the next, per axis. */
    readonly strides: readonly number[],
  ) {}

  /** Number of elements; a view may show an element many times. */
  get size(): number {
    return this.shape.reduce((product, length) => product * length, 1)
  }
}

/** PyTorch's own limit of axes. */
const maxAxes = 64

/**
 * A view that is known to lie inside its storage.
 *
 * @returns undefined if it does not, or is none
 */
export function checkedTensor(storage: Storage, offset: unknown, shape: unknown, strides: unknown): Tensor | undefined {
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
  const wholes = (values: unknown): values is number[] =>
    Array.isArray(values) && values.length <= maxAxes && values.every(whole)
  if (!whole(offset) || !wholes(shape) || !wholes(strides) || shape.length !== strides.length) return undefined
  const tensor = new Tensor(storage, offset, [...shape], [...strides])
  const { size } = tensor
  if (!Number.isSafeInteger(size)) return undefined
  if (size === 0) return tensor
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis]!, offset)
  return last < storage.length ? tensor : undefined
}

/** The numbers of a tensor, row-major, as float32: wider types are rounded. The caller has limited their number. */
export function readTensor({ storage, offset, shape, strides, size }: Tensor): Float32Array {
  const data = new Float32Array(size)
  if (size === 0) return data
  const { type, littleEndian } = storage
  const bytes = storage.bytes()
  const dense = isDense(shape, strides)
  if (dense && type.dtype === 'float32' && littleEndian) {
    new Uint8Array(data.buffer).set(bytes.subarray(4 * offset, 4 * (offset + size)))
    return data
  }
  if (dense && type.dtype === 'float16' && littleEndian) {
    // Most tensors of most files.
    const halves = halfTable()
    for (let i = 0, at = 2 * offset; i < size; i++, at += 2) data[i] = halves[bytes[at]! | (bytes[at + 1]! << 8)]!
    return data
  }
  const read = elementReader(type.dtype, bytes, littleEndian)
  if (dense) {
    for (let i = 0; i < size; i++) data[i] = read(offset + i)
    return data
  }
  const index = new Array<number>(shape.length).fill(0)
  let at = offset
  for (let i = 0; i < size; i++) {
    data[i] = read(at)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      at -= shape[axis]! * strides[axis]!
      index[axis] = 0
    }
  }
  return data
}

/** Whether the elements lie in the storage as they are read: strides of axes of length 1 mean nothing. */
function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false
    step *= shape[axis]!
  }
  return true
}

function elementReader(
  dtype: ElementType['dtype'],
  bytes: Uint8Array,
  littleEndian: boolean,
): (index: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (dtype) {
    case 'float64':
      return (i) => view.getFloat64(8 * i, littleEndian)
    case 'float32':
      return (i) => view.getFloat32(4 * i, littleEndian)
    case 'float16': {
      const halves = halfTable()
      return (i) => halves[view.getUint16(2 * i, littleEndian)]!
    }
    case 'bfloat16': {
      const word = new DataView(new ArrayBuffer(4))
      return (i) => {
        word.setUint16(0, view.getUint16(2 * i, littleEndian))
        return word.getFloat32(0)
      }
    }
    case 'int64':
      return (i) => Number(view.getBigInt64(8 * i, littleEndian))
    case 'int32':
      return (i) => view.getInt32(4 * i, littleEndian)
    case 'int16':
      return (i) => view.getInt16(2 * i, littleEndian)
    case 'int8':
      return (i) => view.getInt8(i)
    case 'uint8':
      return (i) => view.getUint8(i)
    case 'bool':
      return (i) => (view.getUint8(i) === 0 ? 0 : 1)
  }
}

/** All halves as numbers, made when the first are read. */
function halfTable(): Float32Array {
  halfNumbers ??= Float32Array.from({ length: 65536 }, (_, half) => fromHalf(half))
  return halfNumbers
}
let halfNumbers: Float32Array | undefined
