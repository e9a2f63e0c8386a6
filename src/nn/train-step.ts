// One training iteration as one ONNX model: forward, loss, backward, accumulation, and, in a branch that is taken when
// `step` is 1, clipping, update and moving averages.
import assert from 'node:assert/strict'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { EngineError } from '../base/index.ts'
import { gradients } from './gradients.ts'
import { Graph, type ImageLayout, leafOf, type ParameterGroup, sizeOf, type Tensor, type TensorData } from './graph.ts'
import { Lowering, reachable } from './lowering.ts'
import { mergeParallel } from './merge.ts'
import type { Branch, GraphWriter } from './onnx/model.ts'
import { filterStorages } from './ops/conv.ts'
import { type OptimizerName, optimizerSlots, writeUpdate } from './optimizer.ts'
import { filterShape } from './packing.ts'
import { imageLayoutFor, type LayoutChoice } from './probe.ts'
import { Scope } from './scope.ts'
import { createSession, loadRuntime, type RuntimeOptions } from './session.ts'
import { type PingPong, type Place, parameterGroups, type TrainState, type Vectors } from './train-state.ts'

/** What the caller builds: a loss and whatever else is to be read back. */
export interface TrainProgram {
  /** Scalar that is minimised. */
  readonly loss: Tensor
  /** float32 values to read after every iteration, by name. */
  readonly outputs?: Readonly<Record<string, Tensor>>
}

export interface TrainStepOptions extends RuntimeOptions {
  /** Builds network and loss on a training scope; called once. */
  readonly build: (scope: Scope) => TrainProgram
  readonly state: TrainState
  readonly layout?: LayoutChoice
}

/** Numbers that may change with every iteration. */
export interface StepScalars {
  /** 1: clip, update, move the averages, forget the gradient; 0: only accumulate. */
  readonly step: 0 | 1
  readonly learningRate: Readonly<Record<ParameterGroup, number>>
  /** Momentum of SGD and RMSProp, β1 of Adam and AdamW. */
  readonly momentum: number
  /** Applies to the decayed group. */
  readonly weightDecay: number
  /** d in  average ← d · average + (1 − d) · weights. */
  readonly emaDecay: number
  /** The gradient is scaled down to this norm if it is longer; YOLOv5 uses 10. */
  readonly maxNorm: number
}

export interface StepResult {
  readonly loss: number
  /** Norm of the accumulated gradient before clipping; on updates only. */
  readonly gradientNorm: number | undefined
  /** Whether the weights were updated. */
  readonly updated: boolean
  /**
   * False if the loss or, on an update, the gradient norm is not finite. Such an iteration changes neither weights nor
   * averages nor batch-norm statistics; on an update the accumulated gradient is dropped.
   */
  readonly finite: boolean
  readonly outputs: Readonly<Record<string, Float32Array>>
}

const groupInput = (group: ParameterGroup, what: string) => `state.${group}.${what}`
const scalarInputs = ['momentum', 'weightDecay', 'emaDecay', 'maxNorm', 'correction1', 'correction2'] as const

/**
 * A compiled training iteration for fixed shapes. Several of them (other batch or image sizes) can work on one
 * `TrainState`, one after another.
 */
export class TrainStep {
  private readonly tensors = new Map<Float32Array, Map<string, OrtTensor>>()
  private readonly accumulators: ReadonlyMap<ParameterGroup, ReturnType<typeof accumulators>>
  private busy = false

  private constructor(
    private readonly ort: typeof import('onnxruntime-node'),
    private readonly session: InferenceSession,
    /** The state this step works on. */
    readonly state: TrainState,
    private readonly vectors: Vectors,
    private readonly inputs: ReadonlyMap<string, { dtype: Tensor['dtype']; shape: readonly number[] }>,
    private readonly outputNames: readonly string[],
    /** Groups that have weights. */
    private readonly groups: readonly ParameterGroup[],
    private readonly usedPlaces: readonly Place[],
    private readonly hasBuffers: boolean,
    /** How images are to be fed. */
    readonly imageLayout: ImageLayout,
    /** Rough memory of the session in bytes, without the state it works on. */
    readonly bytes: number,
    /** Size of the model in bytes. */
    readonly modelBytes: number,
  ) {
    this.accumulators = new Map(groups.map((group) => [group, accumulators(vectors, group)]))
  }

  /**
   * Traces, differentiates, lowers and loads.
   *
   * @throws {@link EngineError} if the runtime refuses the model
   */
  static async create(options: TrainStepOptions): Promise<TrainStep> {
    const { state } = options
    const ort = await loadRuntime()
    const imageLayout = await imageLayoutFor(options.layout ?? 'auto')
    const program = traceProgram(options.build, imageLayout, state)
    const model = lowerProgram(program, state)
    const session = await createSession(model.bytes, options)
    return new TrainStep(
      ort,
      session,
      state,
      model.vectors,
      model.inputs,
      model.outputNames,
      model.groups,
      model.usedPlaces,
      program.updates.length > 0,
      imageLayout,
      model.sessionBytes,
      model.bytes.length,
    )
  }

  /**
   * Runs one iteration. The JavaScript thread is blocked meanwhile.
   *
   * @param feeds - values of the graph's inputs by name; a number for a scalar
   */
  async run(feeds: Readonly<Record<string, TensorData | number>>, scalars: StepScalars): Promise<StepResult> {
    assert.ok(!this.busy, 'a training step was started before the previous one had ended')
    this.busy = true
    try {
      return await this.iterate(feeds, scalars)
    } finally {
      this.busy = false
    }
  }

  /** Releases the session. */
  async dispose(): Promise<void> {
    this.tensors.clear()
    await this.session.release()
  }

  private async iterate(
    feeds: Readonly<Record<string, TensorData | number>>,
    scalars: StepScalars,
  ): Promise<StepResult> {
    const { state, vectors, ort } = this
    const update = scalars.step === 1
    if (state.fresh) for (const group of this.groups) vectors.groups[group].gradient.front.fill(0)

    const fed: Record<string, OrtTensor> = {}
    const fetched: Record<string, OrtTensor | null> = { loss: null }
    for (const name of this.outputNames) fetched[`output.${name}`] = null
    for (const [name, { dtype, shape }] of this.inputs) {
      const value = feeds[name]
      if (value === undefined) throw new EngineError(`The training step wants a value for "${name}".`)
      const data = typeof value === 'number' ? Float32Array.of(value) : value
      if (data.length !== sizeOf(shape))
        throw new EngineError(`"${name}" has ${data.length} values, but its shape is [${shape}].`)
      fed[name] = new ort.Tensor(dtype, data as never, shape)
    }
    for (const place of this.usedPlaces) fed[place.name] = this.view(place)
    const whole = (pair: PingPong, side: 'front' | 'back') => this.tensor(pair[side], '', 0, pair.length, [pair.length])
    for (const group of this.groups) {
      const { weights, ema, slots, gradient } = vectors.groups[group]
      const pairs = { weights, ema, ...Object.fromEntries(slots.map((slot, i) => [`slot${i}`, slot])) }
      for (const [what, pair] of Object.entries(pairs)) {
        fed[groupInput(group, what)] = whole(pair, 'front')
        if (update) fetched[`next.${groupInput(group, what)}`] = whole(pair, 'back')
      }
      for (const { name, offset, size } of this.accumulators.get(group)!) {
        fed[name] = this.tensor(gradient.front, name, offset, size, [size])
        fetched[`next.${name}`] = this.tensor(gradient.back, name, offset, size, [size])
      }
      fed[groupInput(group, 'learningRate')] = scalar(ort, scalars.learningRate[group])
    }
    if (this.hasBuffers) {
      fed['state.buffers'] = whole(vectors.buffers, 'front')
      fed['state.buffersEma'] = whole(vectors.buffersEma, 'front')
      fetched['next.state.buffers'] = whole(vectors.buffers, 'back')
      if (update) fetched['next.state.buffersEma'] = whole(vectors.buffersEma, 'back')
    }
    const t = state.updates + 1
    const values = {
      ...scalars,
      correction1: 1 - scalars.momentum ** t,
      correction2: Math.sqrt(1 - 0.999 ** t),
    }
    for (const name of scalarInputs) fed[`scalar.${name}`] = scalar(ort, values[name])
    fed['scalar.step'] = new ort.Tensor('bool', Uint8Array.of(scalars.step), [])
    if (update) fetched['gradientNorm'] = null

    let results: Awaited<ReturnType<InferenceSession['run']>>
    try {
      results = await this.session.run(fed, fetched)
    } catch (cause) {
      throw new EngineError(`A training iteration failed: ${(cause as Error).message}`, { cause })
    }
    const loss = Number(results['loss']!.data[0])
    const gradientNorm = update ? Number(results['gradientNorm']!.data[0]) : undefined
    const finite = Number.isFinite(loss) && (gradientNorm === undefined || Number.isFinite(gradientNorm))
    this.advance(update, finite)
    return {
      loss,
      gradientNorm,
      updated: update && finite,
      finite,
      outputs: Object.fromEntries(
        this.outputNames.map((name) => [name, results[`output.${name}`]!.data as Float32Array]),
      ),
    }
  }

  /** What was written becomes what is read next, unless the iteration overflowed. */
  private advance(update: boolean, finite: boolean): void {
    const { state, vectors } = this
    if (finite) vectors.buffers.swap()
    if (update && finite) {
      for (const group of this.groups) {
        const { weights, ema, slots } = vectors.groups[group]
        for (const pair of [weights, ema, ...slots]) pair.swap()
      }
      vectors.buffersEma.swap()
      state.updates++
    }
    for (const group of this.groups) vectors.groups[group].gradient.swap()
    state.fresh = update
  }

  private view(place: Place): OrtTensor {
    const { groups, frozen } = this.vectors
    assert.ok(place.group !== 'buffer')
    const vector = place.group === 'frozen' ? frozen.weights : groups[place.group].weights.front
    return this.tensor(vector, place.name, place.offset, place.size, viewShape(place))
  }

  /** Runtime tensors over parts of our vectors are made once. */
  private tensor(
    vector: Float32Array,
    name: string,
    offset: number,
    size: number,
    shape: readonly number[],
  ): OrtTensor {
    let views = this.tensors.get(vector)
    if (!views) this.tensors.set(vector, (views = new Map()))
    let tensor = views.get(name)
    if (!tensor) {
      tensor = new this.ort.Tensor('float32', vector.subarray(offset, offset + size), shape)
      views.set(name, tensor)
    }
    return tensor
  }
}

const scalar = (ort: typeof import('onnxruntime-node'), value: number) =>
  new ort.Tensor('float32', Float32Array.of(value), [])

/** Nominal ONNX shape of a weight in its storage. */
const viewShape = (place: Place): readonly number[] => (place.storage === 'plain' ? place.shape : filterShape(place))

interface TracedProgram {
  readonly graph: Graph
  readonly loss: Tensor
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly gradients: ReadonlyMap<string, Tensor>
  readonly declared: readonly Omit<Place, 'offset' | 'size'>[]
  readonly updates: Scope['updates']
  readonly block: number | undefined
}

/** Forward and backward graph of a program, and what it declares. */
function traceProgram(build: TrainStepOptions['build'], imageLayout: ImageLayout, state: TrainState): TracedProgram {
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

function lowerProgram(program: TracedProgram, state: TrainState) {
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
    { block: program.block, parameterStorage: storageOf },
  )
  const { writer } = lowering
  const float = (shape: readonly (number | string)[]) => ({ shape, dtype: 'float32' as const })

  writer.nodes('Reshape', [lowering.value(program.loss), writer.integers([], [0])], ['loss'])
  writer.output('loss', float([]))
  for (const [name, tensor] of Object.entries(program.outputs)) {
    writer.nodes('Identity', [lowering.value(tensor)], [`output.${name}`])
    writer.output(`output.${name}`, tensor)
  }

  const inGroup = (group: ParameterGroup) => [...places.values()].filter((place) => place.group === group)
  const groups = parameterGroups.filter((group) => inGroup(group).length > 0)
  for (const name of scalarInputs) writer.input(`scalar.${name}`, float([]))
  writer.input('scalar.step', { shape: [], dtype: 'bool' })

  // The accumulated gradient. Filters are added one by one, straight into their places; the many short vectors of the
  // other groups are joined first.
  const gradientOf = new Map<ParameterGroup, readonly string[]>()
  for (const group of groups) {
    const { length } = vectors.groups[group].weights
    for (const what of ['weights', 'ema', ...optimizerSlots[state.optimizer].map((_, i) => `slot${i}`)])
      writer.input(groupInput(group, what), float([length]))
    writer.input(groupInput(group, 'learningRate'), float([]))
    const flat = inGroup(group).map((place) => {
      const value = lowering.value(program.gradients.get(place.name)!, place.storage)
      return place.shape.length === 1 && place.storage === 'plain' ? value : lowering.reshape(value, [place.size])
    })
    const parts = accumulators(vectors, group)
    const sums = parts.length === flat.length ? flat : [writer.node('Concat', flat, { axis: 0 })]
    for (const [i, part] of parts.entries()) {
      writer.input(part.name, float([part.size]))
      writer.nodes('Add', [part.name, sums[i]!], [`next.${part.name}`])
      writer.output(`next.${part.name}`, float([part.size]))
    }
    gradientOf.set(
      group,
      parts.map(({ name }) => `next.${name}`),
    )
  }

  // Batch-norm statistics: old + momentum (batch - old), every iteration.
  const bufferPlaces = inBuffer(places)
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

  writeBranches(writer, state.optimizer, groups, vectors, gradientOf, buffers)

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
    usedPlaces,
    outputNames: Object.keys(program.outputs),
    bytes: writer.encode(),
    sessionBytes: sessionBytes(program.graph, vectors),
  }
}

/** The pieces in which the accumulated gradient of a group is fed and fetched. */
function accumulators(
  { places, groups }: Vectors,
  group: ParameterGroup,
): { name: string; offset: number; size: number }[] {
  const name = groupInput(group, 'gradient')
  if (group !== 'decayed') return [{ name, offset: 0, size: groups[group].gradient.length }]
  return [...places.values()]
    .filter((place) => place.group === group)
    .map((place) => ({ name: `${name}.${place.name}`, offset: place.offset, size: place.size }))
}

const inBuffer = (places: ReadonlyMap<string, Place>) =>
  [...places.values()].filter((place) => place.group === 'buffer')

function imageShape(tensor: Tensor, layout: ImageLayout): number[] {
  const [batch, , height, width] = tensor.shape as number[]
  return layout.kind === 'plain' ? [batch!, 3, height!, width!] : [batch!, 16, height! / 2, width! / 2]
}

/**
 * If(step) { update } else { nothing }: the branch that is not taken costs nothing, and no factor 0 meets an overflow.
 * Outputs of the else branch are empty and are not fetched.
 */
function writeBranches(
  writer: GraphWriter & { output(name: string, type: { shape: readonly (number | string)[]; dtype: 'float32' }): void },
  optimizer: OptimizerName,
  groups: readonly ParameterGroup[],
  vectors: Vectors,
  gradientOf: ReadonlyMap<ParameterGroup, readonly string[]>,
  buffers: string | undefined,
): void {
  const outputs: string[] = []
  for (const group of groups)
    for (const what of ['weights', 'ema', ...optimizerSlots[optimizer].map((_, i) => `slot${i}`)])
      outputs.push(`next.${groupInput(group, what)}`)
  if (buffers) outputs.push('next.state.buffersEma')
  outputs.push('gradientNorm')

  const update = writer.branch((inner) => {
    const op = (operator: string, ...inputs: string[]) => inner.node(operator, inputs)
    const constant = (value: number) => inner.floats([value], [])
    const whole = new Map(
      [...gradientOf].map(([group, parts]) => [
        group,
        parts.length === 1 ? parts[0]! : inner.node('Concat', parts, { axis: 0 }),
      ]),
    )
    const squares = groups.map((group) =>
      inner.node('ReduceSumSquare', [whole.get(group)!], { axes: [0], keepdims: 0 }),
    )
    const norm = op('Sqrt', squares.length === 1 ? squares[0]! : inner.node('Sum', squares))
    // torch.nn.utils.clip_grad_norm_
    const factor = op('Min', op('Div', 'scalar.maxNorm', op('Add', norm, constant(1e-6))), constant(1))
    const decay = 'scalar.emaDecay'
    const rest = op('Sub', constant(1), decay)
    const average = (old: string, value: string) => op('Add', op('Mul', old, decay), op('Mul', value, rest))
    const results: { name: string; type: { shape: number[]; dtype: 'float32' } }[] = []
    const result = (name: string, length: number) => results.push({ name, type: { shape: [length], dtype: 'float32' } })
    for (const group of groups) {
      const { length } = vectors.groups[group].weights
      const next = writeUpdate(inner, optimizer, {
        weights: groupInput(group, 'weights'),
        gradient: op('Mul', whole.get(group)!, factor),
        slots: optimizerSlots[optimizer].map((_, i) => groupInput(group, `slot${i}`)),
        learningRate: groupInput(group, 'learningRate'),
        momentum: 'scalar.momentum',
        weightDecay: group === 'decayed' ? 'scalar.weightDecay' : undefined,
        correction1: 'scalar.correction1',
        correction2: 'scalar.correction2',
      })
      result(next.weights, length)
      result(average(groupInput(group, 'ema'), next.weights), length)
      for (const slot of next.slots) result(slot, length)
    }
    if (buffers) result(average('state.buffersEma', buffers), vectors.buffers.length)
    results.push({ name: norm, type: { shape: [], dtype: 'float32' } })
    return results
  })
  const nothing: Branch = writer.branch((inner) =>
    outputs.map((name) => ({
      name: inner.node('Identity', [name === 'gradientNorm' ? writer.floats([0], []) : writer.floats([], [0])]),
      type: { shape: name === 'gradientNorm' ? [] : [0], dtype: 'float32' as const },
    })),
  )
  writer.nodes('If', ['scalar.step'], outputs, { then_branch: update, else_branch: nothing })
  for (const name of outputs)
    writer.output(name, { shape: name === 'gradientNorm' ? [] : ['length'], dtype: 'float32' })
}

/**
 * Memory of a session. Factors measured on YOLOv5n and s at 64 to 640 px: the arena takes 1.4 times the tensors that live
 * at the same time, turned filters, gradients and the update 11 times the weights, the session itself some 25 MB.
 */
function sessionBytes(graph: Graph, { groups }: Vectors): number {
  const weights = Object.values(groups).reduce((sum, group) => sum + group.weights.length, 0)
  return Math.round(1.4 * liveBytes(graph) + 11 * 4 * weights + 25e6)
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
