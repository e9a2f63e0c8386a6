// Writes ONNX models: nodes, initializers, inputs, outputs, branches of If, metadata.
import { HalfRangeError } from '../../base/index.ts'
import type { Dim, DType, TensorData, TensorType } from '../graph.ts'
import { toHalf } from '../safetensors.ts'
import { Message } from './protobuf.ts'

/** How a model stores and computes what the graph calls float32. */
export type FloatType = 'float32' | 'float16'

const elementTypes: Record<DType | FloatType, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
}

/** A whole number in an attribute is an `int` unless it is wrapped: `float(1)`. */
export class FloatAttribute {
  constructor(readonly value: number) {}
}
export const float = (value: number) => new FloatAttribute(value)

export type Attribute = number | string | readonly number[] | FloatAttribute | Branch
export type Attributes = Readonly<Record<string, Attribute | undefined>>

/** ONNX operator set the graphs are written for. */
export const OPSET = 17

/** Nodes of the main graph or of a branch. */
export class GraphWriter {
  protected readonly graph = new Message()

  protected constructor(protected readonly shared: Shared) {}

  /** Element type number of ONNX's TensorProto.DataType, in this model. */
  elementType(dtype: DType): number {
    return elementTypes[dtype === 'float32' ? this.shared.floats : dtype]
  }

  /** Adds a node with one output and returns the name of it. */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    return this.nodes(operator, inputs, 1, attributes, domain)[0]!
  }

  /** Adds a node with several outputs. */
  nodes(
    operator: string,
    inputs: readonly string[],
    outputs: number | readonly string[],
    attributes: Attributes = {},
    domain = '',
  ): string[] {
    const names =
      typeof outputs === 'number' ? Array.from({ length: outputs }, () => `_v${this.shared.next++}`) : [...outputs]
    const message = new Message()
    for (const input of inputs) message.bytesField(1, input)
    for (const name of names) message.bytesField(2, name)
    message.bytesField(3, `${operator}_${this.shared.nodes++}`)
    message.bytesField(4, operator)
    for (const [name, value] of Object.entries(attributes))
      if (value !== undefined) message.bytesField(5, encodeAttribute(name, value))
    if (domain !== '') {
      message.bytesField(7, domain)
      this.shared.domains.add(domain)
    }
    this.graph.bytesField(1, message)
    return names
  }

  /** A constant; short lists with the same content are stored once. */
  constant(data: TensorData, shape: readonly number[], dtype: DType): string {
    const key = data.length <= 64 ? `${dtype} ${shape} | ${data}` : undefined
    const known = key === undefined ? undefined : this.shared.constants.get(key)
    if (known) return known
    const name = `_c${this.shared.next++}`
    if (key !== undefined) this.shared.constants.set(key, name)
    this.initializer(name, data, shape, dtype)
    return name
  }

  /** Floats as a constant. */
  floats(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant(Float32Array.from(values), shape, 'float32')
  }

  /** Floats that stay float32 in every model, as the scales of Resize must. */
  fullFloats(values: readonly number[]): string {
    const name = `_c${this.shared.next++}`
    this.store(name, Float32Array.from(values), [values.length], elementTypes.float32)
    return name
  }

  /** Whole numbers as an int64 constant, one axis; for shapes, axes, starts. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant(BigInt64Array.from(values, BigInt), shape, 'int64')
  }

  /**
   * A named constant; weights of an exported model keep their names this way.
   *
   * @throws {@link HalfRangeError} if a float16 model cannot hold it
   */
  initializer(name: string, data: TensorData, shape: readonly number[], dtype: DType): void {
    const half = dtype === 'float32' && this.shared.floats === 'float16'
    this.store(name, half ? halves(data as Float32Array) : data, shape, this.elementType(dtype))
  }

  private store(name: string, data: TensorData | Uint16Array, shape: readonly number[], elementType: number): void {
    const tensor = new Message()
    if (shape.length > 0) tensor.integers(1, shape)
    tensor.integer(2, elementType)
    tensor.bytesField(8, name)
    tensor.bytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    this.shared.initializers.push(tensor)
  }

  /** A sub-graph that reads values of this graph; for If. */
  branch(body: (writer: GraphWriter) => readonly { readonly name: string; readonly type: TensorType }[]): Branch {
    const inner = new GraphWriter(this.shared)
    for (const output of body(inner)) inner.graph.bytesField(12, this.valueInfo(output.name, output.type))
    inner.graph.bytesField(2, `branch_${this.shared.nodes++}`)
    return new Branch(inner.graph)
  }

  protected valueInfo(name: string, { shape, dtype }: TensorType): Message {
    const dims = new Message()
    for (const dim of shape) dims.bytesField(1, dimension(dim))
    const tensor = new Message().integer(1, this.elementType(dtype)).bytesField(2, dims)
    return new Message().bytesField(1, name).bytesField(2, new Message().bytesField(1, tensor))
  }
}

/** An encoded sub-graph. */
export class Branch {
  constructor(readonly graph: Message) {}
}

/** A whole model. */
export class ModelWriter extends GraphWriter {
  constructor(floats: FloatType = 'float32') {
    super({ floats, next: 0, nodes: 0, constants: new Map(), initializers: [], domains: new Set() })
  }

  input(name: string, type: TensorType): void {
    this.graph.bytesField(11, this.valueInfo(name, type))
  }

  output(name: string, type: TensorType): void {
    this.graph.bytesField(12, this.valueInfo(name, type))
  }

  encode(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    this.graph.bytesField(2, 'hypevolve')
    for (const initializer of this.shared.initializers) this.graph.bytesField(5, initializer)
    const model = new Message().integer(1, 8).bytesField(2, 'hypevolve').bytesField(7, this.graph)
    model.bytesField(8, new Message().bytesField(1, '').integer(2, OPSET))
    for (const domain of this.shared.domains) model.bytesField(8, new Message().bytesField(1, domain).integer(2, 1))
    for (const [key, value] of Object.entries(metadata))
      model.bytesField(14, new Message().bytesField(1, key).bytesField(2, value))
    return model.finish()
  }
}

interface Shared {
  readonly floats: FloatType
  next: number
  nodes: number
  readonly constants: Map<string, string>
  readonly initializers: Message[]
  readonly domains: Set<string>
}

function halves(data: Float32Array): Uint16Array {
  return Uint16Array.from(data, (value) => {
    const half = toHalf(value)
    if ((half & 0x7fff) === 0x7c00 && Number.isFinite(value)) throw new HalfRangeError(value)
    return half
  })
}

const dimension = (dim: Dim) =>
  typeof dim === 'number' ? new Message().integer(1, dim) : new Message().bytesField(2, dim)

function encodeAttribute(name: string, value: Attribute): Message {
  const message = new Message().bytesField(1, name)
  if (value instanceof Branch) return message.bytesField(6, value.graph).integer(20, 5)
  if (value instanceof FloatAttribute) return message.float(2, value.value).integer(20, 1)
  if (typeof value === 'string') return message.bytesField(4, value).integer(20, 3)
  if (typeof value === 'number')
    return Number.isInteger(value) ? message.integer(3, value).integer(20, 2) : message.float(2, value).integer(20, 1)
  return message.integers(8, value).integer(20, 7)
}
