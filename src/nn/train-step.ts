// One training iteration as one ONNX model: forward, loss, backward, accumulation, and, in a branch that is taken when
// `step` is 1, clipping, update and moving averages.
import assert from 'node:assert/strict'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { EngineError } from '../base/index.ts'
import { isGpu } from './device.ts'
import { type ImageLayout, type ParameterGroup, sizeOf, type Tensor, type TensorData } from './graph.ts'
import { filterShape } from './packing.ts'
import { imageLayoutFor, type LayoutChoice } from './probe.ts'
import type { Scope } from './scope.ts'
import { createSession, loadRuntime, type RuntimeOptions } from './session.ts'
import { lowerProgram, type Piece, scalarInputs, type TrainProgram, traceProgram } from './train-model.ts'
import type { PingPong, Place, TrainState, Vectors } from './train-state.ts'

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

/**
 * A compiled training iteration for fixed shapes. Several of them (other batch or image sizes) can work on one
 * `TrainState`, one after another.
 */
export class TrainStep {
  private readonly tensors = new Map<Float32Array, Map<string, OrtTensor>>()
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
    private readonly pieces: readonly Piece[],
    private readonly usedPlaces: readonly Place[],
    private readonly hasBuffers: boolean,
    /** How images are to be fed. */
    readonly imageLayout: ImageLayout,
    /** Rough memory of the session in bytes, without the state it works on. */
    readonly bytes: number,
    /** Size of the model in bytes. */
    readonly modelBytes: number,
  ) {}

  /**
   * Traces, differentiates, lowers and loads.
   *
   * @throws {@link EngineError} if the runtime refuses the model
   */
  static async create(options: TrainStepOptions): Promise<TrainStep> {
    const { state } = options
    const ort = await loadRuntime()
    const imageLayout = await imageLayoutFor(options.layout ?? 'auto', options.device)
    const program = traceProgram(options.build, imageLayout, state)
    const model = lowerProgram(program, state, isGpu(options.device))
    const session = await createSession(model.bytes, options)
    return new TrainStep(
      ort,
      session,
      state,
      model.vectors,
      model.inputs,
      model.outputNames,
      model.groups,
      model.pieces,
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
    for (const { name, group, offset, size } of this.pieces)
      for (const [vector, pair] of Object.entries(this.pairs(group))) {
        const key = `${name}.${vector}`
        fed[key] = this.tensor(pair.front, key, offset, size, [size])
        if (update || vector === 'gradient') fetched[`next.${key}`] = this.tensor(pair.back, key, offset, size, [size])
      }
    for (const group of this.groups) fed[`scalar.learningRate.${group}`] = scalar(ort, scalars.learningRate[group])
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

  /** Vectors of a group by the names that the model has for them. */
  private pairs(group: ParameterGroup): Record<string, PingPong> {
    const { weights, ema, slots, gradient } = this.vectors.groups[group]
    return { weights, ema, gradient, ...Object.fromEntries(slots.map((slot, i) => [`slot${i}`, slot])) }
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
