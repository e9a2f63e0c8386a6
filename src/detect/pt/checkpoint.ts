// A checkpoint of YOLOv5 (or YOLOv3) as its trainer and others save it: models with their weights, and what the file
// says about them. Start at `readPtCheckpoint`.
import { PtFileError } from '../../base/index.ts'
import type { Weights } from '../../nn/index.ts'
import { NumpyArray } from './globals.ts'
import { type PlainValue, toPlain } from './plain.ts'
import { readPt, withFileName } from './read.ts'
import { readTensor, Tensor } from './tensor.ts'
import { PtRecord, type PtValue } from './values.ts'

/** Numbers of an optimizer for one parameter, as 'momentum_buffer'. */
export interface PtOptimizerState {
  /** Settings of the groups; `params` holds the numbers of its parameters. */
  readonly groups: readonly Readonly<Record<string, PlainValue>>[]
  /** By number of the parameter, then by name. */
  readonly state: ReadonlyMap<number, ReadonlyMap<string, Tensor>>
}

/** What a PyTorch file of a detector holds. */
export interface PtCheckpoint {
  /** A dictionary with `model`, a model alone, or weights alone. */
  readonly kind: 'checkpoint' | 'model' | 'weights'
  /** The weights under training, or all that there is. */
  readonly model?: PtModel
  /** Their moving average. */
  readonly ema?: PtModel
  /** What YOLOv5 uses too: the moving average if there is one. */
  readonly best: PtModel
  /** Last epoch, from 0; -1 after the end of a training. */
  readonly epoch?: number
  readonly bestFitness?: number
  /** Updates of the moving average. */
  readonly updates?: number
  readonly date?: string
  /** Flags of the training. */
  readonly options?: Readonly<Record<string, PlainValue>>
  readonly optimizer?: PtOptimizerState
}

/** A model in a PyTorch file. Its numbers are decoded when they are asked for. */
export class PtModel {
  /** Name of its class, as 'models.yolo.DetectionModel'; undefined for weights alone. */
  readonly className: string | undefined

  constructor(
    private readonly file: string,
    private readonly value: PtRecord | Map<PtValue, PtValue>,
    /** Bytes of the file: what all decoded tensors together may take is a multiple of it. */
    private readonly fileBytes: number,
  ) {
    this.className = value instanceof PtRecord ? value.className : undefined
  }

  /** Its layers, if the file has them. */
  get record(): PtRecord | undefined {
    return this.value instanceof PtRecord ? this.value : undefined
  }

  /** An attribute of the model as plain data: `yaml`, `names`, `hyp`, … */
  attribute(name: string): PlainValue | undefined {
    const value = this.record?.get(name)
    return value === undefined ? undefined : toPlain(value, this.file)
  }

  /** Tensors by the names of PyTorch's state_dict, in its order. */
  tensors(): ReadonlyMap<string, Tensor> {
    if (this.value instanceof PtRecord) return stateDict(this.value, this.file)
    const tensors = new Map<string, Tensor>()
    for (const [name, value] of this.value)
      if (typeof name === 'string' && value instanceof Tensor) tensors.set(name, value)
    return tensors
  }

  /**
   * Weights as float32.
   *
   * @throws {@link PtFileError} also if tensors show the same numbers so often that they would fill the memory
   */
  weights(): Weights {
    const tensors = this.tensors()
    // A file of bytes unpacks to four times its size, and a few tensors may share numbers.
    let left = 2 * this.fileBytes + 65_536
    for (const tensor of tensors.values()) {
      left -= tensor.size
      if (left < 0) throw new PtFileError(this.file, 'its tensors have more numbers than the file.')
    }
    return withFileName(
      this.file,
      () => new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: readTensor(tensor) }])),
    )
  }
}

/**
 * Reads a checkpoint, stripped or not, of any release; or a saved model or state_dict.
 *
 * @param bytes - the whole file
 * @param file - its name, for messages
 * @throws {@link PtFileError}, {@link PtGlobalRefusedError}, {@link PtUnsupportedError}
 */
export function readPtCheckpoint(bytes: Uint8Array, file: string): PtCheckpoint {
  const { value } = readPt(bytes, file)
  const modelOf = (part: PtValue | undefined): PtModel | undefined => {
    // Some releases keep (moving average, updates).
    const inner = Array.isArray(part) ? part[0] : part
    return inner instanceof PtRecord || (inner instanceof Map && holdsTensors(inner))
      ? new PtModel(file, inner, bytes.length)
      : undefined
  }
  if (value instanceof PtRecord || (value instanceof Map && holdsTensors(value))) {
    const model = modelOf(value)!
    return { kind: value instanceof PtRecord ? 'model' : 'weights', model, best: model }
  }
  if (!(value instanceof Map)) throw new PtFileError(file, 'it holds neither a model nor weights.')
  const model = modelOf(value.get('model')) ?? modelOf(value.get('state_dict'))
  const ema = modelOf(value.get('ema'))
  const best = ema ?? model
  if (!best) throw new PtFileError(file, 'it holds neither a model nor weights.')
  const epoch = numberOf(value.get('epoch'))
  const bestFitness = numberOf(value.get('best_fitness'))
  const updates = numberOf(value.get('updates'))
  const date = value.get('date')
  const options = recordOf(toPlain(value.get('opt') ?? null, file))
  const optimizer = readOptimizer(value.get('optimizer'), file)
  return {
    kind: 'checkpoint',
    ...(model && { model }),
    ...(ema && { ema }),
    best,
    ...(epoch !== undefined && { epoch }),
    ...(bestFitness !== undefined && { bestFitness }),
    ...(updates !== undefined && { updates }),
    ...(typeof date === 'string' && { date }),
    ...(options && { options }),
    ...(optimizer && { optimizer }),
  }
}

const holdsTensors = (map: Map<PtValue, PtValue>) => {
  for (const value of map.values()) if (value instanceof Tensor) return true
  return false
}

/** A number, or an array of NumPy with one. */
function numberOf(value: PtValue | undefined): number | undefined {
  const number = value instanceof NumpyArray && value.values.length === 1 ? value.values[0] : value
  return typeof number === 'number' ? number : undefined
}

/** Plain dictionaries only. */
export const recordOf = (value: PlainValue | undefined): Readonly<Record<string, PlainValue>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, PlainValue>>)
    : undefined

function readOptimizer(value: PtValue | undefined, file: string): PtOptimizerState | undefined {
  if (!(value instanceof Map)) return undefined
  const groups = toPlain(value.get('param_groups') ?? null, file)
  const entries = value.get('state')
  const state = new Map<number, ReadonlyMap<string, Tensor>>()
  if (entries instanceof Map)
    for (const [index, slots] of entries as Map<PtValue, PtValue>)
      if (typeof index === 'number' && slots instanceof Map) {
        const tensors = [...(slots as Map<PtValue, PtValue>)].filter(
          (entry): entry is [string, Tensor] => typeof entry[0] === 'string' && entry[1] instanceof Tensor,
        )
        state.set(index, new Map(tensors))
      }
  const records = (Array.isArray(groups) ? (groups as readonly PlainValue[]) : []).map(recordOf)
  return { groups: records.filter((group) => group !== undefined), state }
}

/** Modules inside each other: real models have 8, and files of models 5,000 tensors at most. */
const maxDepth = 24
const maxModules = 20_000
const maxEntries = 200_000
/** Characters of the name of a module or a tensor inside its module. */
const maxName = 100

/** All modules of a model, itself first, with their dotted names; the empty one is the model itself. */
export function modulesOf(root: PtRecord, file: string): { readonly name: string; readonly module: PtRecord }[] {
  const found: { name: string; module: PtRecord }[] = []
  let entries = 0
  const visit = (module: PtRecord, name: string, depth: number): void => {
    const children = mapOf(module.get('_modules'))
    entries += children.size + mapOf(module.get('_parameters')).size + mapOf(module.get('_buffers')).size
    if (depth > maxDepth || found.length >= maxModules || entries > maxEntries)
      throw new PtFileError(file, 'its modules contain each other without end.')
    found.push({ name, module })
    for (const [child, value] of children)
      if (isName(child) && value instanceof PtRecord) visit(value, name === '' ? child : `${name}.${child}`, depth + 1)
  }
  visit(root, '', 0)
  return found
}

/** Tensors of a module and those inside of it, as `state_dict()` lists them: parameters, buffers, then the children. */
function stateDict(root: PtRecord, file: string): ReadonlyMap<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  for (const { name: path, module } of modulesOf(root, file)) {
    const passing = module.get('_non_persistent_buffers_set')
    const kept = (name: PtValue) => !(passing instanceof Set && passing.has(name))
    const own = [
      ...mapOf(module.get('_parameters')),
      ...[...mapOf(module.get('_buffers'))].filter(([name]) => kept(name)),
    ]
    for (const [name, value] of own)
      if (isName(name) && value instanceof Tensor) tensors.set(path === '' ? name : `${path}.${name}`, value)
  }
  return tensors
}

const isName = (value: PtValue): value is string => typeof value === 'string' && value.length <= maxName

const mapOf = (value: PtValue | undefined): ReadonlyMap<PtValue, PtValue> =>
  value instanceof Map ? (value as Map<PtValue, PtValue>) : new Map()
