// Symbolic tensors and the graph that holds them. A graph is logical: it knows nothing of memory layouts or of ONNX
// (see lowering.ts for both). Start reading at `Graph`; operators are in ops/.
import assert from 'node:assert/strict'
import type { Op } from './op.ts'

/** Element types the engine handles. */
export type DType = 'float32' | 'int64' | 'int32' | 'uint8' | 'bool'

/**
 * Length of an axis. A string is dynamic (evaluation graphs only): the name of a symbol, or a multiple of one as
 * 'height/8' or '2*height'. The engine assumes that such divisions are exact.
 */
export type Dim = number | string

export interface TensorType {
  readonly shape: readonly Dim[]
  readonly dtype: DType
}

/** A symbolic value: output number `output` of `node`. */
export interface Tensor extends TensorType {
  readonly graph: Graph
  readonly node: Node
  readonly output: number
}

/** One application of an op. Nodes are numbered in the order of creation, which is a topological order. */
export interface Node {
  readonly id: number
  // biome-ignore lint/suspicious/noExplicitAny: the attributes belong to the op, which alone reads them
  readonly op: Op<any>
  readonly inputs: readonly Tensor[]
  // biome-ignore lint/suspicious/noExplicitAny: see op
  readonly attributes: any
  readonly outputs: readonly Tensor[]
}

export type TensorData = Float32Array | BigInt64Array | Int32Array | Uint8Array

/** What the three learning-rate groups of YOLOv5 are called here: convolution weights, batch-norm weights, biases. */
export type ParameterGroup = 'decayed' | 'norm' | 'bias'

/** Attributes of the leaf nodes, which have no inputs. */
export type Leaf =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'parameter'; readonly name: string; readonly group: ParameterGroup }
  | { readonly kind: 'buffer'; readonly name: string }
  | { readonly kind: 'constant'; readonly data: TensorData }
  | { readonly kind: 'image'; readonly name: string; readonly layout: ImageLayout }

/**
 * How the bytes of an image batch lie in memory when it is fed.
 *
 * plain: uint8 [N, 3, H, W], RGB, 0 to 255.
 *
 * blocked: uint8, nominal shape [N, 16, H/2, W/2]: logical channel (dy * 2 + dx) * 3 + c holds pixel
 * (2 * y + dy, 2 * x + dx) of colour c, channels 12 to 15 are zero; bytes lie as [N, 16 / block, H/2, W/2, block].
 */
export type ImageLayout = { readonly kind: 'plain' } | { readonly kind: 'blocked'; readonly block: 8 | 16 }

const leafOp = {
  name: 'leaf',
  infer: (): TensorType[] => {
    throw new Error('leaves have no shape rule')
  },
  gradient: 'none',
  samples: [],
} as unknown as Op<Leaf>

/** A value that an op accepts: numbers become scalar constants of the other operand's type. */
export type Operand = Tensor | number

/** Builds the nodes. Not to be shared between sessions: every session traces its own. */
export class Graph {
  readonly nodes: Node[] = []
  private readonly scalars = new Map<string, Tensor>()
  private readonly names = new Set<string>()

  /** A value fed at every run. */
  input(name: string, shape: readonly Dim[], dtype: DType = 'float32'): Tensor {
    this.claim(name)
    return this.leaf({ kind: 'input', name }, { shape, dtype })
  }

  /** A network weight that is trained; `name` as in YOLOv5's state_dict. Use `Scope.parameter`. */
  parameter(name: string, shape: readonly number[], group: ParameterGroup): Tensor {
    this.claim(name)
    return this.leaf({ kind: 'parameter', name, group }, { shape, dtype: 'float32' })
  }

  /** A network value that is not trained by gradient (batch-norm statistics). Use `Scope.buffer`. */
  buffer(name: string, shape: readonly number[]): Tensor {
    this.claim(name)
    return this.leaf({ kind: 'buffer', name }, { shape, dtype: 'float32' })
  }

  /** An image batch, logical value float32 [batch, 3, height, width] in [0, 1], fed as bytes in `layout`. */
  image(name: string, batch: Dim, height: Dim, width: Dim, layout: ImageLayout = { kind: 'plain' }): Tensor {
    this.claim(name)
    return this.leaf({ kind: 'image', name, layout }, { shape: [batch, 3, height, width], dtype: 'float32' })
  }

  /** A fixed value. `shape` defaults to [] for a number and to [length] for a list. */
  constant(data: number | readonly number[] | TensorData, shape?: readonly number[], dtype: DType = 'float32'): Tensor {
    const list = typeof data === 'number' ? [data] : data
    const dims = shape ?? (typeof data === 'number' ? [] : [list.length])
    assert.equal(
      list.length,
      dims.reduce((a, b) => a * b, 1),
      `constant of shape [${dims}] has ${list.length} values`,
    )
    const key =
      list.length === 1 && dims.length === 0 ? `${dtype} ${Object.is(list[0], -0) ? '-0' : list[0]}` : undefined
    const known = key === undefined ? undefined : this.scalars.get(key)
    if (known) return known
    const tensor = this.leaf({ kind: 'constant', data: toTyped(list, dtype) }, { shape: dims, dtype })
    if (key !== undefined) this.scalars.set(key, tensor)
    return tensor
  }

  /** Applies an op. The functions in ops/ do this; call it directly only for an op without such a function. */
  apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): readonly Tensor[] {
    for (const input of inputs) assert.equal(input.graph, this, `${op.name}: operands belong to different graphs`)
    return this.append(op, inputs, attributes, op.infer(inputs, attributes))
  }

  /** The same leaf in this graph. */
  copyLeaf(tensor: Tensor): Tensor {
    const leaf = leafOf(tensor)!
    if (leaf.kind !== 'constant') this.claim(leaf.name)
    return this.leaf(leaf, tensor)
  }

  private leaf(attributes: Leaf, type: TensorType): Tensor {
    return this.append(leafOp, [], attributes, [type])[0]!
  }

  private append<A>(
    op: Op<A>,
    inputs: readonly Tensor[],
    attributes: A,
    types: readonly TensorType[],
  ): readonly Tensor[] {
    const outputs: Tensor[] = []
    const node: Node = { id: this.nodes.length, op, inputs, attributes, outputs }
    for (const [output, { shape, dtype }] of types.entries()) outputs.push({ graph: this, node, output, shape, dtype })
    this.nodes.push(node)
    return outputs
  }

  private claim(name: string): void {
    assert.ok(!this.names.has(name), `two inputs of the graph are called "${name}"`)
    this.names.add(name)
  }
}

/** The leaf attributes of a tensor, or `undefined` if it is computed. */
export function leafOf(tensor: Tensor): Leaf | undefined {
  return tensor.node.op === (leafOp as Op<unknown>) ? (tensor.node.attributes as Leaf) : undefined
}

/** Number of elements; the shape must be known. */
export function sizeOf(shape: readonly Dim[]): number {
  let size = 1
  for (const dim of shape) size *= known(dim)
  return size
}

/** The length of an axis that must be known when the graph is built. */
export function known(dim: Dim | undefined): number {
  assert.ok(typeof dim === 'number', `axis length "${dim}" is not known when the graph is built`)
  return dim
}

function toTyped(list: readonly number[] | TensorData, dtype: DType): TensorData {
  if (dtype === 'int64')
    return list instanceof BigInt64Array ? list : BigInt64Array.from(list as number[], (value) => BigInt(value))
  if (dtype === 'int32') return list instanceof Int32Array ? list : Int32Array.from(list as number[])
  if (dtype === 'float32') return list instanceof Float32Array ? list : Float32Array.from(list as number[])
  return list instanceof Uint8Array ? list : Uint8Array.from(list as number[])
}
