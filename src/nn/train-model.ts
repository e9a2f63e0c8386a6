// From a program (network and loss) to the model of a training step: tracing, differentiating, lowering, and the nodes for
// accumulation, batch-norm statistics and the update. train-step.ts runs it.
import assert from 'node:assert/strict'
import { gradients } from './gradients.ts'
import { Graph, type ImageLayout, leafOf, type ParameterGroup, sizeOf, type Tensor } from './graph.ts'
import { Lowering, reachable } from './lowering.ts'
import { mergeParallel } from './merge.ts'
import type { Branch, ModelWriter } from './onnx/model.ts'
import { filterStorages } from './ops/conv.ts'
import { type OptimizerName, optimizerSlots, writeUpdate } from './optimizer.ts'
import { Scope } from './scope.ts'
import { type Place, parameterGroups, type TrainState, type Vectors } from './train-state.ts'

/** What the caller builds: a loss and whatever else is to be read back. */
export interface TrainProgram {
  /** Scalar that is minimised. */
  readonly loss: Tensor
  /** float32 values to read after every iteration, by name. */
  readonly outputs?: Readonly<Record<string, Tensor>>
}

/** Scalars of the model besides `scalar.step` and `scalar.learningRate.<group>`. */
export const scalarInputs = ['momentum', 'weightDecay', 'emaDecay', 'maxNorm', 'correction1', 'correction2'] as const

export interface TracedProgram {
  readonly graph: Graph
  readonly loss: Tensor
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly gradients: ReadonlyMap<string, Tensor>
  readonly declared: readonly Omit<Place, 'offset' | 'size'>[]
  readonly updates: Scope['updates']
  readonly block: number | undefined
}

/** Forward and backward graph of a program, and what it declares. */
export function traceProgram(
  build: (scope: Scope) => TrainProgram,
  imageLayout: ImageLayout,
  state: TrainState,
): TracedProgram {
  const scope = Scope.train(new Graph(), imageLayout)
  const built = build(scope)
  const block = imageLayout.kind === 'blocked' ? imageLayout.block : undefined
  const named = Object.entries(built.outputs ?? {})
  const wanted = [built.loss, ...named.map(([, tensor]) => tensor), ...scope.updates.map(({ batch }) => batch)]
  const { graph, find } =
    block === undefined
      ? { graph: scope.graph, find: (tensor: Tensor) => tensor }
      : mergeParallel(scope.graph, wanted, block)
  const used = reachable(wanted)
  const parameters = new Map(
    [...scope.parameters].filter(([, { node }]) => used.has(node.id)).map(([name, tensor]) => [name, find(tensor)]),
  )
  const trained = [...parameters].filter(([name]) => !state.isFrozen(name))
  const slopes = gradients(
    find(built.loss),
    trained.map(([, tensor]) => tensor),
  )
  const storages = block === undefined ? new Map<Tensor, never>() : filterStorages(graph)
  const seen = new Set<string>()
  const declared: Omit<Place, 'offset' | 'size'>[] = []
  for (const { name, shape, group } of scope.declarations) {
    if (seen.has(name)) continue
    seen.add(name)
    const parameter = parameters.get(name)
    const storage = (parameter && storages.get(parameter)) ?? 'plain'
    // A weight that the loss does not depend on gets no update, not even decay.
    const place = parameter || group === 'buffer' ? group : 'frozen'
    declared.push({ name, shape, group: place, storage, block: block ?? 1 })
  }
  return {
    graph,
    loss: find(built.loss),
    outputs: Object.fromEntries(named.map(([name, tensor]) => [name, find(tensor)])),
    gradients: new Map(trained.map(([name], i) => [name, slopes[i]!])),
    declared,
    updates: scope.updates.map((update) => ({ ...update, batch: find(update.batch) })),
    block,
  }
}

/**
 * The model, and what its inputs and outputs are.
 *
 * @param gpu - whether to take the forms for graphics processors
 */
export function lowerProgram(program: TracedProgram, state: TrainState, gpu: boolean) {
  const vectors = state.bind(program.declared)
  const { places } = vectors
  const storageOf = (tensor: Tensor) => places.get((leafOf(tensor) as { name: string }).name)!.storage
  const lowering = new Lowering(
    program.graph,
    [
      program.loss,
      ...Object.values(program.outputs),
      ...program.gradients.values(),
      ...program.updates.map((update) => update.batch),
    ],
    { block: program.block, gpu, parameterStorage: storageOf },
  )
  const { writer } = lowering
  const float = (shape: readonly (number | string)[]) => ({ shape, dtype: 'float32' as const })

  writer.nodes('Reshape', [lowering.value(program.loss), writer.integers([], [0])], ['loss'])
  writer.output('loss', float([]))
  for (const [name, tensor] of Object.entries(program.outputs)) {
    writer.nodes('Identity', [lowering.value(tensor)], [`output.${name}`])
    writer.output(`output.${name}`, tensor)
  }

  const groups = parameterGroups.filter((group) => inGroup(vectors, group).length > 0)
  const pieces = groups.flatMap((group) => piecesOf(vectors, group))
  for (const name of scalarInputs) writer.input(`scalar.${name}`, float([]))
  for (const group of groups) writer.input(`scalar.learningRate.${group}`, float([]))
  writer.input('scalar.step', { shape: [], dtype: 'bool' })

  // The accumulated gradient.
  for (const { name, size, members } of pieces) {
    const flat = members.map((place) => {
      const value = lowering.value(program.gradients.get(place.name)!, place.storage)
      return place.shape.length === 1 && place.storage === 'plain' ? value : lowering.reshape(value, [place.size])
    })
    for (const vector of vectorNames(state.optimizer)) writer.input(`${name}.${vector}`, float([size]))
    const sum = `next.${name}.gradient`
    const gradient = flat.length === 1 ? flat[0]! : writer.node('Concat', flat, { axis: 0 })
    writer.nodes('Add', [`${name}.gradient`, gradient], [sum])
    writer.output(sum, float([size]))
  }

  // Batch-norm statistics: old + momentum (batch - old), every iteration.
  const bufferPlaces = inGroup(vectors, 'buffer')
  let buffers: string | undefined
  if (program.updates.length > 0) {
    const length = vectors.buffers.length
    writer.input('state.buffers', float([length]))
    writer.input('state.buffersEma', float([length]))
    const byName = new Map(program.updates.map((update) => [update.name, update]))
    const momentum = program.updates[0]!.momentum
    const batch = bufferPlaces.map((place) => {
      const update = byName.get(place.name)
      assert.ok(update && update.momentum === momentum, `buffer "${place.name}" is not updated like the others`)
      const value = lowering.value(update.batch)
      return place.shape.length === 1 ? value : lowering.reshape(value, [place.size])
    })
    const all = batch.length === 1 ? batch[0]! : writer.node('Concat', batch, { axis: 0 })
    const kept = writer.node('Mul', ['state.buffers', writer.floats([1 - momentum], [])])
    buffers = 'next.state.buffers'
    writer.nodes('Add', [kept, writer.node('Mul', [all, writer.floats([momentum], [])])], [buffers])
    writer.output(buffers, float([length]))
  }

  writeBranches(writer, state.optimizer, pieces, buffers, vectors.buffers.length, gpu)

  const inputs = new Map<string, { dtype: Tensor['dtype']; shape: readonly number[] }>()
  const usedPlaces: Place[] = []
  for (const tensor of lowering.feeds) {
    const leaf = leafOf(tensor)!
    if (leaf.kind === 'parameter') usedPlaces.push(places.get(leaf.name)!)
    else if (leaf.kind === 'image') inputs.set(leaf.name, { dtype: 'uint8', shape: imageShape(tensor, leaf.layout) })
    else if (leaf.kind === 'input') inputs.set(leaf.name, { dtype: tensor.dtype, shape: tensor.shape as number[] })
    else throw new assert.AssertionError({ message: 'a training graph cannot read a buffer' })
  }
  return {
    vectors,
    inputs,
    groups,
    pieces,
    usedPlaces,
    outputNames: Object.keys(program.outputs),
    bytes: writer.encode(),
    sessionBytes: sessionBytes(program.graph, vectors),
  }
}

/** Weights of a group in the order of its vector, which begins with the largest. */
const inGroup = ({ places }: Vectors, group: Place['group']): Place[] =>
  [...places.values()].filter((place) => place.group === group).sort((a, b) => a.offset - b.offset)

/**
 * A part of a group's vectors with inputs and outputs of its own. Large filters are pieces by themselves: what the update
 * reads and writes of one stays in the cache, where passes over the whole vector would go to memory, and its gradient
 * is accumulated where it comes out. All small weights of a group make one piece.
 */
export interface Piece {
  readonly name: string
  readonly group: ParameterGroup
  readonly offset: number
  readonly size: number
  readonly members: readonly Place[]
}

/** Floats from which a weight is a piece by itself. */
const LARGE_WEIGHT = 2 ** 16

function piecesOf(vectors: Vectors, group: ParameterGroup): Piece[] {
  const places = inGroup(vectors, group)
  const large = places.filter(({ size }) => size >= LARGE_WEIGHT)
  const small = places.slice(large.length)
  const pieces = large.map((place) => ({
    name: `state.${place.name}`,
    group,
    offset: place.offset,
    size: place.size,
    members: [place],
  }))
  if (small.length === 0) return pieces
  const size = small.reduce((sum, place) => sum + place.size, 0)
  return [...pieces, { name: `state.${group}`, group, offset: small[0]!.offset, size, members: small }]
}

/** Vectors of a piece: 'weights', 'ema', 'gradient', 'slot0', … */
export const vectorNames = (optimizer: OptimizerName): string[] => [
  'weights',
  'ema',
  'gradient',
  ...optimizerSlots[optimizer].map((_, i) => `slot${i}`),
]

function imageShape(tensor: Tensor, layout: ImageLayout): number[] {
  const [batch, , height, width] = tensor.shape as number[]
  return layout.kind === 'plain' ? [batch!, 3, height!, width!] : [batch!, 16, height! / 2, width! / 2]
}

/**
 * If(step) { update } else { nothing }: the branch that is not taken costs nothing, and no factor 0 meets an overflow.
 * Outputs of the else branch are empty and are not fetched.
 */
function writeBranches(
  writer: ModelWriter,
  optimizer: OptimizerName,
  pieces: readonly Piece[],
  buffers: string | undefined,
  buffersLength: number,
  gpu: boolean,
): void {
  const updated = vectorNames(optimizer).filter((vector) => vector !== 'gradient')
  const outputs = pieces.flatMap(({ name }) => updated.map((vector) => `next.${name}.${vector}`))
  if (buffers) outputs.push('next.state.buffersEma')
  outputs.push('gradientNorm')

  const update = writer.branch((inner) => {
    const op = (operator: string, ...inputs: string[]) => inner.node(operator, inputs)
    const constant = (value: number) => inner.floats([value], [])
    const squares = pieces.map(({ name }) =>
      inner.node('ReduceSumSquare', [`next.${name}.gradient`], { axes: [0], keepdims: 0 }),
    )
    const norm = op('Sqrt', squares.length === 1 ? squares[0]! : inner.node('Sum', squares))
    // torch.nn.utils.clip_grad_norm_
    const factor = op('Min', op('Div', 'scalar.maxNorm', op('Add', norm, constant(1e-6))), constant(1))
    const decay = 'scalar.emaDecay'
    const rest = op('Sub', constant(1), decay)
    const average = (old: string, value: string) => op('Add', op('Mul', old, decay), op('Mul', value, rest))
    const results: { name: string; type: { shape: number[]; dtype: 'float32' } }[] = []
    const result = (name: string, length: number) => results.push({ name, type: { shape: [length], dtype: 'float32' } })
    for (const { name, group, size } of pieces) {
      const next = writeUpdate(inner, optimizer, {
        weights: `${name}.weights`,
        gradient: op('Mul', `next.${name}.gradient`, factor),
        slots: optimizerSlots[optimizer].map((_, i) => `${name}.slot${i}`),
        learningRate: `scalar.learningRate.${group}`,
        momentum: 'scalar.momentum',
        weightDecay: group === 'decayed' ? 'scalar.weightDecay' : undefined,
        correction1: 'scalar.correction1',
        correction2: 'scalar.correction2',
      })
      result(next.weights, size)
      result(average(`${name}.ema`, next.weights), size)
      for (const slot of next.slots) result(slot, size)
    }
    if (buffers) result(average('state.buffersEma', buffers), buffersLength)
    results.push({ name: norm, type: { shape: [], dtype: 'float32' } })
    return results
  })
  const nothing: Branch = writer.branch((inner) => {
    const vectors = outputs.slice(0, -1)
    const none = writer.floats([], [0])
    // One node is the cheapest, but WebGPU limits its outputs.
    const names = gpu
      ? vectors.map(() => inner.node('Identity', [none]))
      : inner.nodes('Split', [none, writer.integers(vectors.map(() => 0))], vectors.length, { axis: 0 })
    return [
      ...names.map((name) => ({ name, type: { shape: [0], dtype: 'float32' as const } })),
      { name: inner.node('Identity', [writer.floats([0], [])]), type: { shape: [], dtype: 'float32' as const } },
    ]
  })
  writer.nodes('If', ['scalar.step'], outputs, { then_branch: update, else_branch: nothing })
  for (const name of outputs)
    writer.output(name, { shape: name === 'gradientNorm' ? [] : ['length'], dtype: 'float32' })
}

/**
 * Memory of a session. Factors measured on YOLOv5n and s at 64 to 640 px: the arena takes 1.4 times the tensors that live
 * at the same time, turned filters, gradients and the update 6 times the weights, the session itself some 25 MB.
 */
function sessionBytes(graph: Graph, { groups }: Vectors): number {
  const weights = Object.values(groups).reduce((sum, group) => sum + group.weights.length, 0)
  return Math.round(1.4 * liveBytes(graph) + 6 * 4 * weights + 25e6)
}

/** Largest sum of tensors that live at the same time if the nodes run in order. */
function liveBytes(graph: Graph): number {
  const lastUse = new Map<Tensor, number>()
  for (const node of graph.nodes) for (const input of node.inputs) lastUse.set(input, node.id)
  const size = (tensor: Tensor) => sizeOf(tensor.shape) * (tensor.dtype === 'int64' ? 8 : 4)
  let live = 0
  let peak = 0
  for (const node of graph.nodes) {
    if (node.inputs.length === 0) continue
    for (const output of node.outputs) live += size(output)
    peak = Math.max(peak, live)
    for (const tensor of new Set([...node.inputs, ...node.outputs]))
      if (tensor.node.inputs.length > 0 && (lastUse.get(tensor) ?? node.id) <= node.id) live -= size(tensor)
  }
  return peak
}
