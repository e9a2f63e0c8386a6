// From the logical graph to ONNX nodes. A logical tensor can be stored in several ways (`Storage`); each op is lowered
// in the storage that suits its inputs, and values are converted where the storages meet, once per tensor.
//
// Blocked storage is the layout of ONNX Runtime's internal operator domain `com.microsoft.nchwc`: the bytes of a tensor
// [N, C, H, W] lie as [N, C/b, H, W, b] with b = 8 or 16 (session.ts probes it). Channels are padded with zeros to a
// multiple of b; every blocked form keeps those zeros, so that nothing leaks from them.
import assert from 'node:assert/strict'
import type { Tensor, TensorType } from './graph.ts'
import { type Graph, known, type Leaf, leafOf } from './graph.ts'
import { type Attributes, type FloatType, ModelWriter } from './onnx/model.ts'

/** Operator domains of ONNX Runtime. */
export const NCHWC = 'com.microsoft.nchwc'
export const MICROSOFT = 'com.microsoft'

/**
 * plain: row-major, as the logical shape says.
 * blocked: activations as [N, C/b, H, W, b], nominal ONNX shape [N, C rounded up, H, W].
 * filter: convolution weights [O, I, kh, kw] as [O/b, I/b, kh, kw, b(in), b(out)], nominal shape [O, I rounded up, kh, kw].
 * stem: the image behind space-to-depth, blocked (`ImageLayout`); and as filter storage the 6x6 stem seen as 3x3.
 */
export type Storage = 'plain' | 'blocked' | 'filter' | 'stem'

export interface LoweringOptions {
  /** Block size of the blocked form, or undefined for the plain form. */
  readonly block?: number | undefined
  /** Prefer the forms for graphics processors; not together with `block`. */
  readonly gpu?: boolean
  /** Storage in which a parameter is fed; default plain. */
  readonly parameterStorage?: ((parameter: Tensor) => Storage) | undefined
  /** Brings all 4-D inputs into blocked storage at once, so that tests reach the blocked forms of single ops. */
  readonly blockInputs?: boolean
  /** Precision of all floats of the model; default float32. */
  readonly floats?: FloatType | undefined
}

/** Writes the nodes for some outputs of a graph. */
export class Lowering {
  readonly writer: ModelWriter
  readonly block: number | undefined
  /** Leaves that the model takes as inputs, in the order of creation. */
  readonly feeds: Tensor[] = []
  private readonly derived = new Map<Tensor, Map<string, string>>()
  private readonly values = new Map<Tensor, Map<Storage, string>>()
  private readonly blockInputs: boolean
  private readonly gpu: boolean
  private readonly parameterStorage: (parameter: Tensor) => Storage

  constructor(graph: Graph, outputs: readonly Tensor[], options: LoweringOptions = {}) {
    this.writer = new ModelWriter(options.floats)
    this.block = options.block
    this.gpu = options.gpu ?? false
    assert.ok(!this.gpu || this.block === undefined, 'the forms for graphics processors are plain ones')
    this.parameterStorage = options.parameterStorage ?? (() => 'plain')
    this.blockInputs = this.block !== undefined && options.blockInputs === true
    const wanted = reachable(outputs)
    for (const node of graph.nodes) if (wanted.has(node.id)) this.lower(node.outputs)
  }

  /** Whether the tensor already exists in a storage. */
  has(tensor: Tensor, storage: Storage): boolean {
    return this.values.get(tensor)?.has(storage) ?? false
  }

  /** Records where an op left its output. */
  define(tensor: Tensor, storage: Storage, name: string): void {
    let storages = this.values.get(tensor)
    if (!storages) this.values.set(tensor, (storages = new Map()))
    storages.set(storage, name)
  }

  /** Name of the ONNX value that holds a tensor in a storage; converts if it exists only in another one. */
  value(tensor: Tensor, storage: Storage = 'plain'): string {
    const storages = this.values.get(tensor)
    assert.ok(storages && storages.size > 0, `${tensor.node.op.name} has not been lowered`)
    const existing = storages.get(storage)
    if (existing !== undefined) return existing
    const converted = this.convert(tensor, storages, storage)
    storages.set(storage, converted)
    return converted
  }

  /** A value that several nodes derive from one tensor, such as the exchanged filter; made once. */
  derive(tensor: Tensor, what: string, make: () => string): string {
    let values = this.derived.get(tensor)
    if (!values) this.derived.set(tensor, (values = new Map()))
    let value = values.get(what)
    if (value === undefined) values.set(what, (value = make()))
    return value
  }

  /** Number of channels that the blocked storage of a tensor [N, C, H, W] has: C rounded up. */
  blockedChannels(channels: number): number {
    const block = this.blockSize
    return Math.ceil(channels / block) * block
  }

  /** Block size; only to be asked for when lowering to the blocked form. */
  get blockSize(): number {
    assert.ok(this.block !== undefined, 'this graph is lowered to the plain form')
    return this.block
  }

  /** Reshape to known lengths; -1 as in ONNX. */
  reshape(value: string, shape: readonly number[]): string {
    return this.writer.node('Reshape', [value, this.writer.integers(shape)])
  }

  /** A vector of channels with zeros for the padding of the blocked storage. */
  padVector(value: string, channels: number, stored: number): string {
    return channels === stored ? value : this.writer.node('Pad', [value, this.writer.integers([0, stored - channels])])
  }

  /** A vector of stored channels without the padding. */
  cutVector(value: string, channels: number, stored: number): string {
    const { writer } = this
    return channels === stored
      ? value
      : writer.node('Slice', [value, writer.integers([0]), writer.integers([channels])])
  }

  /** A node of the blocked domain. */
  nchwc(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.writer.node(operator, inputs, attributes, NCHWC)
  }

  private lower(outputs: readonly Tensor[]): void {
    const { op, inputs, attributes } = outputs[0]!.node
    const leaf = leafOf(outputs[0]!)
    if (leaf) {
      this.lowerLeaf(outputs[0]!, leaf)
      return
    }
    if (this.block !== undefined && op.blocked) {
      const done =
        typeof op.blocked === 'string'
          ? this.lowerElementwise(outputs, op.blocked === 'elementwise-zero')
          : op.blocked(this, { inputs, outputs, attributes })
      if (done) return
    }
    const names = inputs.map((input) => this.value(input))
    const form = (this.gpu && op.gpu) || op.onnx
    const results =
      typeof form === 'string'
        ? this.writer.nodes(form, names, outputs.length, attributes as Attributes)
        : form({ lowering: this, inputs: names, inputTypes: inputs, outputTypes: outputs, attributes })
    for (const [i, output] of outputs.entries()) if (results[i] !== undefined) this.define(output, 'plain', results[i])
  }

  /**
   * Elementwise ops run on blocked values if an input of the output's shape is blocked and the others are blocked-able
   * or scalars. If the op does not map zeros to zero, the channel count must not be padded.
   */
  private lowerElementwise(outputs: readonly Tensor[], keepsZero: boolean): boolean {
    const output = outputs[0]!
    const { op, inputs, attributes } = output.node
    if (outputs.length !== 1 || typeof op.onnx !== 'string' || output.shape.length !== 4) return false
    const sameShape = (input: Tensor) =>
      input.shape.length === 4 && input.shape.every((dim, axis) => dim === output.shape[axis])
    const scalar = (input: Tensor) => input.shape.every((dim) => dim === 1)
    if (!inputs.every((input) => sameShape(input) || scalar(input))) return false
    if (!inputs.some((input) => sameShape(input) && this.has(input, 'blocked'))) return false
    if (inputs.some((input) => !scalar(input) && input.dtype !== 'float32' && !this.has(input, 'blocked'))) return false
    const padded = known(output.shape[1]) % this.blockSize !== 0
    if (padded && (!keepsZero || inputs.some((input) => scalar(input)))) return false
    const names = inputs.map((input) => (sameShape(input) ? this.value(input, 'blocked') : this.value(input)))
    this.define(output, 'blocked', this.writer.node(op.onnx, names, attributes as Attributes))
    return true
  }

  private lowerLeaf(tensor: Tensor, leaf: Leaf): void {
    if (leaf.kind === 'constant') {
      this.define(tensor, 'plain', this.writer.constant(leaf.data, tensor.shape.map(known), tensor.dtype))
      return
    }
    this.feeds.push(tensor)
    if (leaf.kind === 'image') {
      this.lowerImage(tensor, leaf)
      return
    }
    const storage = leaf.kind === 'parameter' ? this.parameterStorage(tensor) : 'plain'
    this.writer.input(leaf.name, { shape: this.storageShape(tensor, storage), dtype: tensor.dtype })
    this.define(tensor, storage, leaf.name)
    if (this.blockInputs && tensor.shape.length === 4 && tensor.dtype === 'float32') this.value(tensor, 'blocked')
  }

  private lowerImage(
    tensor: Tensor,
    leaf: { name: string; layout: { kind: 'plain' } | { kind: 'blocked'; block: number } },
  ) {
    const [batch, , height, width] = tensor.shape
    const { writer } = this
    const scaled = (name: string) =>
      writer.node('Mul', [
        writer.node('Cast', [name], { to: writer.elementType('float32') }),
        writer.floats([1 / 255], []),
      ])
    if (leaf.layout.kind === 'plain') {
      writer.input(leaf.name, { shape: tensor.shape, dtype: 'uint8' })
      this.define(tensor, 'plain', scaled(leaf.name))
      return
    }
    assert.equal(leaf.layout.block, this.block, 'the image layout and the graph have different block sizes')
    const type: TensorType = { shape: [batch!, 16, known(height) / 2, known(width) / 2], dtype: 'uint8' }
    writer.input(leaf.name, type)
    this.define(tensor, 'stem', scaled(leaf.name))
  }

  /** Nominal ONNX shape of a leaf in a storage. */
  private storageShape(tensor: Tensor, storage: Storage): TensorType['shape'] {
    if (storage === 'plain') return tensor.shape
    const [out, into, height, width] = tensor.shape.map(known)
    if (storage === 'filter') return [this.blockedChannels(out!), this.blockedChannels(into!), height!, width!]
    assert.equal(storage, 'stem')
    return [this.blockedChannels(out!), 16, height! / 2, width! / 2]
  }

  private convert(tensor: Tensor, storages: ReadonlyMap<Storage, string>, storage: Storage): string {
    const { writer } = this
    const channels = known(tensor.shape[1])
    if (storage === 'blocked') {
      assert.equal(tensor.shape.length, 4)
      let plain = this.value(tensor)
      const missing = this.blockedChannels(channels) - channels
      if (missing > 0) plain = writer.node('Pad', [plain, writer.integers([0, 0, 0, 0, 0, missing, 0, 0])])
      return this.nchwc('ReorderInput', [plain])
    }
    if (storage === 'filter') return this.plainToFilter(this.value(tensor), tensor.shape.map(known))
    if (storage === 'stem') return this.plainToStem(this.value(tensor), tensor)
    const filter = storages.get('filter')
    if (storage === 'plain' && filter !== undefined) return this.filterToPlain(filter, tensor.shape.map(known))
    assert.equal(storage, 'plain', `a tensor cannot be brought into ${storage} storage`)
    const blocked = storages.get('blocked')
    if (blocked !== undefined) {
      if (tensor.dtype === 'float32') return this.nchwc('ReorderOutput', [blocked], { channels })
      const floats = this.nchwc('ReorderOutput', [writer.node('Cast', [blocked], { to: 1 })], { channels })
      return writer.node('Cast', [floats], { to: writer.elementType(tensor.dtype) })
    }
    const stem = storages.get('stem')
    if (stem !== undefined && leafOf(tensor)?.kind !== 'image') return this.stemToPlain(stem, tensor)
    if (stem !== undefined) {
      const [batch, , height, width] = tensor.shape.map(known)
      // [N, 12, H/2, W/2] = [N, dy, dx, c, H/2, W/2] -> [N, c, H/2, dy, W/2, dx]
      const depth = this.nchwc('ReorderOutput', [stem], { channels: 12 })
      const split = this.reshape(depth, [batch!, 2, 2, 3, height! / 2, width! / 2])
      return this.reshape(writer.node('Transpose', [split], { perm: [0, 3, 4, 1, 5, 2] }), [batch!, 3, height!, width!])
    }
    throw new assert.AssertionError({ message: `a tensor in ${[...storages.keys()]} storage has no plain form` })
  }

  /** [O, I, kh, kw] to [O/b, I/b, kh, kw, b(in), b(out)]. */
  private plainToFilter(plain: string, [out, into, height, width]: readonly number[]): string {
    const { writer, blockSize: block } = this
    const [storedOut, storedInto] = [this.blockedChannels(out!), this.blockedChannels(into!)]
    const padded =
      storedOut === out && storedInto === into
        ? plain
        : writer.node('Pad', [plain, writer.integers([0, 0, 0, 0, storedOut - out!, storedInto - into!, 0, 0])])
    const parts = this.reshape(padded, [storedOut / block, block, storedInto / block, block, height!, width!])
    const blocks = writer.node('Transpose', [parts], { perm: [0, 2, 4, 5, 3, 1] })
    return this.reshape(blocks, [storedOut, storedInto, height!, width!])
  }

  /** The other way round. */
  private filterToPlain(filter: string, [out, into, height, width]: readonly number[]): string {
    const { writer, blockSize: block } = this
    const [storedOut, storedInto] = [this.blockedChannels(out!), this.blockedChannels(into!)]
    const blocks = this.reshape(filter, [storedOut / block, storedInto / block, height!, width!, block, block])
    const parts = writer.node('Transpose', [blocks], { perm: [0, 5, 1, 4, 2, 3] })
    const padded = this.reshape(parts, [storedOut, storedInto, height!, width!])
    if (storedOut === out && storedInto === into) return padded
    return writer.node('Slice', [
      padded,
      writer.integers([0, 0]),
      writer.integers([out!, into!]),
      writer.integers([0, 1]),
    ])
  }

  /** The 6x6 filter [O, 3, 6, 6] as 3x3 filter of the space-to-depth image: w'[o, (dy, dx, c), a, e] = w[o, c, 2a + dy, 2e + dx]. */
  private plainToStem(plain: string, tensor: Tensor): string {
    const out = known(tensor.shape[0])
    const split = this.reshape(plain, [out, 3, 3, 2, 3, 2])
    const depth = this.reshape(this.writer.node('Transpose', [split], { perm: [0, 3, 5, 1, 2, 4] }), [out, 12, 3, 3])
    return this.plainToFilter(depth, [out, 12, 3, 3])
  }

  /** The other way round. */
  private stemToPlain(stem: string, tensor: Tensor): string {
    const out = known(tensor.shape[0])
    const depth = this.reshape(this.filterToPlain(stem, [out, 12, 3, 3]), [out, 2, 2, 3, 3, 3])
    return this.reshape(this.writer.node('Transpose', [depth], { perm: [0, 3, 4, 1, 5, 2] }), [out, 3, 6, 6])
  }
}

/** Ids of the nodes that some outputs depend on. */
export function reachable(outputs: readonly Tensor[]): Set<number> {
  const seen = new Set<number>()
  const stack = outputs.map((output) => output.node)
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node.id)) continue
    seen.add(node.id)
    for (const input of node.inputs) stack.push(input.node)
  }
  return seen
}
