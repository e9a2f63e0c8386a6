// The numbers that a training carries from step to step: weights, their moving average, optimizer memory, accumulated
// gradient, batch-norm statistics. Flat vectors, one per learning-rate group, shared by all sessions of a training.
import assert from 'node:assert/strict'
import { EngineError, WeightShapeError } from '../base/index.ts'
import type { ParameterGroup } from './graph.ts'
import type { Storage } from './lowering.ts'
import { type OptimizerName, optimizerSlots } from './optimizer.ts'
import { pack, packedSize, unpack } from './packing.ts'
import type { Weights } from './safetensors.ts'

export const parameterGroups = ['decayed', 'norm', 'bias'] as const satisfies readonly ParameterGroup[]

/** A weight's place in the flat vector of its group. */
export interface Place {
  readonly name: string
  readonly group: ParameterGroup | 'frozen' | 'buffer'
  readonly storage: Storage
  readonly shape: readonly number[]
  readonly block: number
  readonly offset: number
  readonly size: number
}

/** A pair of buffers of which a step reads one and writes the other. */
export class PingPong {
  front: Float32Array
  back: Float32Array
  constructor(readonly length: number) {
    this.front = new Float32Array(length)
    this.back = new Float32Array(length)
  }
  swap(): void {
    ;[this.front, this.back] = [this.back, this.front]
  }
}

/** Vectors of one group. */
export interface GroupVectors {
  readonly weights: PingPong
  readonly ema: PingPong
  readonly slots: readonly PingPong[]
  readonly gradient: PingPong
}

/** Everything in flat vectors, once a step has told which weights there are. */
export interface Vectors {
  readonly places: ReadonlyMap<string, Place>
  readonly groups: Readonly<Record<ParameterGroup, GroupVectors>>
  readonly frozen: { readonly weights: Float32Array; readonly ema: Float32Array }
  readonly buffers: PingPong
  readonly buffersEma: PingPong
}

/** Memory of the optimizer, plain layout, for checkpoints. */
export interface OptimizerState {
  readonly optimizer: OptimizerName
  /** Updates done; Adam's bias correction depends on it. */
  readonly updates: number
  /** One set per slot, as 'momentum'. */
  readonly slots: Readonly<Record<string, Weights>>
  /** Gradient accumulated since the last update; missing if there is none. */
  readonly gradient?: Weights
}

export interface TrainStateOptions {
  readonly optimizer?: OptimizerName
  /** Weights that get no update (YOLOv5's --freeze); by name. */
  readonly frozen?: (name: string) => boolean
}

/**
 * State of one training.
 *
 * `load` may be called at any time between steps; vectors are laid out when the first `TrainStep` is created on the
 * state, and every further step must have the same weights.
 */
export class TrainState {
  readonly optimizer: OptimizerName
  /** Updates done so far; counted by `TrainStep`. */
  updates = 0
  /** Whether the accumulated gradient is to be taken as zero: at the start and after an update. */
  fresh = true
  private readonly frozen: (name: string) => boolean
  private waiting: { model?: Weights; ema?: Weights; optimizer?: OptimizerState } = {}
  private laidOut: Vectors | undefined

  constructor(options: TrainStateOptions = {}) {
    this.optimizer = options.optimizer ?? 'SGD'
    this.frozen = options.frozen ?? (() => false)
  }

  /**
   * Takes over weights (plain layout, state_dict names). Names that the model does not have are ignored.
   *
   * @param target - 'both' starts the moving average at the same values, as YOLOv5 does
   * @throws {@link WeightShapeError} if a weight of the model is missing or has another shape
   */
  load(weights: Weights, target: 'both' | 'model' | 'ema' = 'both'): this {
    const { laidOut } = this
    if (!laidOut) {
      if (target !== 'ema') this.waiting.model = weights
      if (target !== 'model') this.waiting.ema = weights
      return this
    }
    for (const place of laidOut.places.values()) {
      const found = weights.get(place.name)
      if (!found || found.shape.join() !== place.shape.join())
        throw new WeightShapeError(place.name, place.shape, found?.shape)
    }
    for (const place of laidOut.places.values()) {
      const { data } = weights.get(place.name)!
      if (target !== 'ema') pack(place, data, vectorOf(laidOut, place, 'model'))
      if (target !== 'model') pack(place, data, vectorOf(laidOut, place, 'ema'))
    }
    if (target !== 'ema') this.fresh = true
    return this
  }

  /** The weights as they are now, plain layout. */
  toWeights(which: 'model' | 'ema'): Weights {
    const { laidOut } = this
    if (!laidOut) {
      const waiting = this.waiting[which]
      if (!waiting) throw new EngineError('The training state has no weights yet.')
      return new Map(waiting)
    }
    const weights: Weights = new Map()
    for (const place of laidOut.places.values())
      weights.set(place.name, { shape: place.shape, data: unpack(place, vectorOf(laidOut, place, which)) })
    return weights
  }

  /** Memory of the optimizer and the accumulated gradient, for a checkpoint. */
  optimizerState(): OptimizerState {
    const { optimizer, updates } = this
    const groups = this.laidOut?.groups
    const slots = Object.fromEntries(
      optimizerSlots[optimizer].map((slot, i) => [slot, this.updatedWeights((group) => groups![group].slots[i]!)]),
    )
    if (this.fresh) return { optimizer, updates, slots }
    return { optimizer, updates, slots, gradient: this.updatedWeights((group) => groups![group].gradient) }
  }

  /**
   * Continues with a saved memory of the same optimizer, and with the gradient that was accumulated. Comes after `load`,
   * which forgets the gradient.
   */
  loadOptimizer(state: OptimizerState): this {
    const { optimizer, updates, slots, gradient } = state
    if (optimizer !== this.optimizer)
      throw new EngineError(`The saved optimizer is ${optimizer}, but this training uses ${this.optimizer}.`)
    this.updates = updates
    if (!this.laidOut) {
      this.waiting.optimizer = state
      return this
    }
    const { groups } = this.laidOut
    if (updates > 0)
      // before the first update there is no memory yet
      for (const [i, slot] of optimizerSlots[optimizer].entries())
        this.loadUpdatedWeights(slots[slot] ?? new Map(), (group) => groups[group].slots[i]!)
    if (gradient) this.loadUpdatedWeights(gradient, (group) => groups[group].gradient)
    this.fresh = !gradient
    return this
  }

  /** Places of the weights that get updates. */
  private updatedPlaces(): (Place & { readonly group: ParameterGroup })[] {
    const places = [...(this.laidOut?.places.values() ?? [])]
    return places.filter((place): place is Place & { group: ParameterGroup } =>
      (parameterGroups as readonly string[]).includes(place.group),
    )
  }

  private updatedWeights(vectorOfGroup: (group: ParameterGroup) => PingPong): Weights {
    return new Map(
      this.updatedPlaces().map((place) => {
        const { name, shape, group, offset, size } = place
        return [name, { shape, data: unpack(place, vectorOfGroup(group).front.subarray(offset, offset + size)) }]
      }),
    )
  }

  private loadUpdatedWeights(weights: Weights, vectorOfGroup: (group: ParameterGroup) => PingPong): void {
    for (const place of this.updatedPlaces()) {
      const { name, shape, group, offset, size } = place
      const found = weights.get(name)
      if (!found || found.shape.join() !== shape.join()) throw new WeightShapeError(name, shape, found?.shape)
      pack(place, found.data, vectorOfGroup(group).front.subarray(offset, offset + size))
    }
  }

  /**
   * Forgets optimizer memory, number of updates and accumulated gradient: the start of another training with the same
   * sessions. `load` gives it its weights.
   */
  reset(): this {
    this.updates = 0
    this.fresh = true
    for (const { slots } of Object.values(this.laidOut?.groups ?? {})) for (const slot of slots) slot.front.fill(0)
    return this
  }

  /** Bytes held in vectors. */
  get bytes(): number {
    if (!this.laidOut) return 0
    const { groups, frozen, buffers } = this.laidOut
    let floats = 2 * frozen.weights.length + 4 * buffers.length
    for (const { weights, slots } of Object.values(groups)) floats += weights.length * 2 * (3 + slots.length)
    return floats * 4
  }

  /**
   * Lays out the vectors for a model, or checks that a further step has the same model. Called by `TrainStep`.
   *
   * @param declared - weights in the order of the model; offsets are given here
   */
  bind(declared: readonly Omit<Place, 'offset' | 'size'>[]): Vectors {
    if (this.laidOut) {
      const same = (a: Place, b: Omit<Place, 'offset' | 'size'> | undefined) =>
        b &&
        a.name === b.name &&
        a.group === b.group &&
        a.storage === b.storage &&
        a.block === b.block &&
        a.shape.join() === b.shape.join()
      const places = [...this.laidOut.places.values()]
      const known = new Map(this.withFrozen(declared).map((place) => [place.name, place]))
      assert.ok(
        places.length === known.size && places.every((place) => same(place, known.get(place.name))),
        'a further training step must have the same weights as the first one',
      )
      return this.laidOut
    }
    const lengths = { decayed: 0, norm: 0, bias: 0, frozen: 0, buffer: 0 }
    const sized = this.withFrozen(declared).map((place) => ({ ...place, size: packedSize(place) }))
    // The largest first, so that the many small ones lie together.
    const offsets = new Map<string, number>()
    for (const { name, group, size } of sized.toSorted((a, b) => b.size - a.size)) {
      assert.ok(!offsets.has(name), `two weights are called "${name}"`)
      offsets.set(name, lengths[group])
      lengths[group] += size
    }
    const places = new Map<string, Place>(
      sized.map((place) => [place.name, { ...place, offset: offsets.get(place.name)! }]),
    )
    const group = (name: ParameterGroup): GroupVectors => ({
      weights: new PingPong(lengths[name]),
      ema: new PingPong(lengths[name]),
      slots: optimizerSlots[this.optimizer].map(() => new PingPong(lengths[name])),
      gradient: new PingPong(lengths[name]),
    })
    this.laidOut = {
      places,
      groups: { decayed: group('decayed'), norm: group('norm'), bias: group('bias') },
      frozen: { weights: new Float32Array(lengths.frozen), ema: new Float32Array(lengths.frozen) },
      buffers: new PingPong(lengths.buffer),
      buffersEma: new PingPong(lengths.buffer),
    }
    const { model, ema, optimizer } = this.waiting
    this.waiting = {}
    try {
      if (model) this.load(model, 'model')
      if (ema) this.load(ema, 'ema')
      if (optimizer) this.loadOptimizer(optimizer)
    } catch (error) {
      this.laidOut = undefined
      throw error
    }
    return this.laidOut
  }

  private withFrozen(declared: readonly Omit<Place, 'offset' | 'size'>[]): Omit<Place, 'offset' | 'size'>[] {
    return declared.map((place) =>
      place.group !== 'buffer' && this.frozen(place.name) ? { ...place, group: 'frozen' as const } : place,
    )
  }

  /** Whether a weight gets no update. */
  isFrozen(name: string): boolean {
    return this.frozen(name)
  }
}

function vectorOf(
  { groups, frozen, buffers, buffersEma }: Vectors,
  place: Place,
  which: 'model' | 'ema',
): Float32Array {
  const { group, offset, size } = place
  const vector =
    group === 'frozen'
      ? frozen[which === 'model' ? 'weights' : 'ema']
      : group === 'buffer'
        ? (which === 'model' ? buffers : buffersEma).front
        : groups[group][which === 'model' ? 'weights' : 'ema'].front
  return vector.subarray(offset, offset + size)
}
