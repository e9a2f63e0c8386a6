// The names that a PyTorch file may use, and what each means to us: plain data. This list is the whole of what a file
// can make happen; every other name is refused with `PtGlobalRefusedError`.
import { PtGlobalRefusedError } from '../../base/index.ts'
import { checkedTensor, type ElementType, type Storage, storageTypes, Tensor } from './tensor.ts'
import { PickleProblem } from './unpickle.ts'
import { PtGlobal, PtRecord, type PtValue } from './values.ts'

/** The name of an element type: `torch.FloatStorage`. */
export class StorageType extends PtGlobal {
  constructor(
    name: string,
    readonly type: ElementType,
  ) {
    super(name, () => misuse(name))
  }
}

/** An array of NumPy, flat. */
export class NumpyArray {
  dtype: NumpyType | undefined
  shape: readonly number[] = []
  values: readonly number[] = []
}

/** An element type of NumPy, as 'f8'. */
export class NumpyType {
  littleEndian = true
  constructor(readonly code: string) {}
}

const misuse = (name: string): never => {
  throw new PickleProblem(`it uses "${name}" as PyTorch does not.`)
}

type Call = (args: readonly PtValue[], name: string) => PtValue

const isStorage = (value: unknown): value is Storage =>
  typeof value === 'object' && value !== null && 'bytes' in value && 'littleEndian' in value

const tensorOf: Call = ([storage, offset, shape, strides], name) => {
  if (!isStorage(storage)) return misuse(name)
  const tensor = checkedTensor(storage, offset, shape, strides)
  if (!tensor) throw new PickleProblem('a tensor in it reaches beyond its numbers.')
  return tensor
}

const parameterOf: Call = ([data], name) => (data instanceof Tensor ? data : misuse(name))

const setOf: Call = (args, name) => {
  const [items = []] = args
  return args.length <= 1 && Array.isArray(items) ? new Set(items as PtValue[]) : misuse(name)
}

/** OrderedDict(), or OrderedDict([[key, value], …]). */
const orderedDict: Call = (args, name) => {
  const [pairs = []] = args
  const isPair = (pair: unknown): pair is [PtValue, PtValue] => Array.isArray(pair) && pair.length === 2
  return args.length <= 1 && Array.isArray(pairs) && pairs.every(isPair) ? new Map(pairs) : misuse(name)
}

/** Bytes below protocol 3 are text of the characters 0 to 255. */
const encode: Call = ([text, encoding], name) =>
  typeof text === 'string' && encoding === 'latin1' ? Uint8Array.from(Buffer.from(text, 'latin1')) : misuse(name)

const path =
  (separator: string): Call =>
  (args, name) => {
    const parts = args.filter((part): part is string => typeof part === 'string')
    if (parts.length !== args.length) return misuse(name)
    const [root = '', ...rest] = parts
    return /[\\/]$/.test(root) ? root + rest.join(separator) : parts.join(separator)
  }

const numpyType: Call = ([code], name) =>
  typeof code === 'string' && code.length <= 8 ? new NumpyType(code) : misuse(name)

const numpyScalar: Call = ([type, bytes], name) =>
  type instanceof NumpyType && bytes instanceof Uint8Array
    ? (numpyValues(type, bytes, 1)[0] ?? misuse(name))
    : misuse(name)

/** A subclass of Tensor: (function, class, arguments of the function, state). */
const tensorSubclass: Call = ([rebuild, , args], name) =>
  rebuild instanceof PtGlobal && rebuild.name.startsWith('torch._utils.') && Array.isArray(args)
    ? rebuild.call(args)
    : misuse(name)

/** Numbers of a NumPy type; also used when an array gets its state. */
function numpyValues({ code, littleEndian }: NumpyType, bytes: Uint8Array, count: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const readers: Readonly<Record<string, readonly [number, (at: number) => number]>> = {
    f8: [8, (at) => view.getFloat64(at, littleEndian)],
    f4: [4, (at) => view.getFloat32(at, littleEndian)],
    i8: [8, (at) => Number(view.getBigInt64(at, littleEndian))],
    u8: [8, (at) => Number(view.getBigUint64(at, littleEndian))],
    i4: [4, (at) => view.getInt32(at, littleEndian)],
    u4: [4, (at) => view.getUint32(at, littleEndian)],
    i2: [2, (at) => view.getInt16(at, littleEndian)],
    u2: [2, (at) => view.getUint16(at, littleEndian)],
    i1: [1, (at) => view.getInt8(at)],
    u1: [1, (at) => view.getUint8(at)],
    b1: [1, (at) => view.getUint8(at)],
  }
  const [width, read] = (Object.hasOwn(readers, code) && readers[code]) || misuse(`numpy.dtype('${code}')`)
  if (bytes.length !== count * width) throw new PickleProblem('an array in it does not have the size it claims.')
  return Array.from({ length: count }, (_, i) => read(i * width))
}

const functions: Readonly<Record<string, Call>> = {
  'collections.OrderedDict': orderedDict,
  // The factory of missing entries is never called.
  'collections.defaultdict': ([, ...args], name) => orderedDict(args, name),
  'builtins.set': setOf,
  'builtins.frozenset': setOf,
  'builtins.bytes': (args, name) => (args.length === 0 ? new Uint8Array(0) : misuse(name)),
  '_codecs.encode': encode,
  'torch._utils._rebuild_tensor': tensorOf,
  'torch._utils._rebuild_tensor_v2': tensorOf,
  'torch._utils._rebuild_parameter': parameterOf,
  'torch._utils._rebuild_parameter_with_state': parameterOf,
  'torch._tensor._rebuild_from_type_v2': tensorSubclass,
  'torch.Size': ([sizes = []], name) => (Array.isArray(sizes) ? Object.freeze([...sizes]) : misuse(name)),
  'numpy.dtype': numpyType,
  'numpy.core.multiarray.scalar': numpyScalar,
  'numpy.core.multiarray._reconstruct': () => new NumpyArray(),
  'numpy._core.multiarray.scalar': numpyScalar,
  'numpy._core.multiarray._reconstruct': () => new NumpyArray(),
  'pathlib.PosixPath': path('/'),
  'pathlib.PurePosixPath': path('/'),
  'pathlib.WindowsPath': path('\\'),
  'pathlib.PureWindowsPath': path('\\'),
}

/**
 * Classes whose objects are kept as records: layers of PyTorch, the modules of YOLOv5, YOLOv3 and Ultralytics, and what
 * their options hold. None of their code is here, so none can run.
 */
const recordClasses = [
  /^torch\.nn\.(modules|backends|parallel|parameter)\.[\w.]+$/,
  /^(yolov5\.|yolov3\.)?(models|utils)\.[\w.]+$/,
  /^ultralytics\.(nn|yolo|utils)\.[\w.]+$/,
  /^torch\.(device|dtype|(b?float|u?int|half|double|long)(8|16|32|64)?|bool|(strided))$/,
  /^(argparse\.Namespace|types\.SimpleNamespace|ultralytics\.yolo\.utils\.IterableSimpleNamespace)$/,
  /^builtins\.(object|int|float|str|bool|list|dict|tuple)$/,
  /^numpy\.ndarray$/,
]

/** Modules of Python 2, as pickles of protocol 2 name them. */
const modernNames: Readonly<Record<string, string>> = { __builtin__: 'builtins' }

/** @throws {@link PtGlobalRefusedError} */
export function resolveGlobal(file: string, module: string, name: string): PtGlobal {
  const full = `${Object.hasOwn(modernNames, module) ? modernNames[module] : module}.${name}`
  const storage = /^torch\.(?:cuda\.)?(\w+)$/.exec(full)?.[1]
  if (storage !== undefined && Object.hasOwn(storageTypes, storage))
    return new StorageType(full, storageTypes[storage as keyof typeof storageTypes])
  const call = Object.hasOwn(functions, full) ? functions[full]! : undefined
  if (call) return new PtGlobal(full, (args) => call(args, full))
  if (recordClasses.some((pattern) => pattern.test(full))) return new PtGlobal(full, (args) => new PtRecord(full, args))
  throw new PtGlobalRefusedError(file, shown(full))
}

/** Gives an object the state it was pickled with: BUILD. */
export function buildObject(target: PtValue, state: PtValue): void {
  if (target instanceof PtRecord) {
    // (attributes, attributes in slots), or only the first
    const parts = Array.isArray(state) && state.length === 2 ? (state as PtValue[]) : [state]
    for (const part of parts) {
      if (part === null) continue
      if (!(part instanceof Map)) throw new PickleProblem(`the state of a ${shown(target.className)} is no dictionary.`)
      for (const [name, value] of part) target.attributes.set(name, value)
    }
  } else if (target instanceof NumpyType && Array.isArray(state)) {
    target.littleEndian = state[1] !== '>'
  } else if (target instanceof NumpyArray && Array.isArray(state)) {
    const [, shape, type, , bytes] = state as PtValue[]
    const isLength = (value: PtValue) => Number.isSafeInteger(value) && (value as number) >= 0
    if (
      !Array.isArray(shape) ||
      !shape.every(isLength) ||
      !(type instanceof NumpyType) ||
      !(bytes instanceof Uint8Array)
    )
      throw new PickleProblem('an array in it is damaged.')
    const count = (shape as number[]).reduce((product, length) => product * length, 1)
    target.dtype = type
    target.shape = shape as number[]
    target.values = numpyValues(type, bytes, count)
  } else if (!(target instanceof Map || target instanceof Tensor))
    // Dictionaries and tensors may carry attributes (a state_dict its versions): none that we read.
    throw new PickleProblem('something that has no state is given one.')
}

const shown = (name: string) => (name.length > 120 ? `${name.slice(0, 117)}…` : name).replace(/[^\x20-\x7e]/g, '?')
