// Scopes name the weights of a network as YOLOv5's state_dict does, and the layers that own weights.
import { WeightShapeError } from '../base/index.ts'
import { Graph, type ImageLayout, known, type ParameterGroup, type Tensor } from './graph.ts'
import { batchNorm } from './ops/batch-norm.ts'
import { type ConvOptions, conv2d } from './ops/conv.ts'
import { add, mul } from './ops/elementwise.ts'
import { reshape } from './ops/shape.ts'
import type { Weights } from './safetensors.ts'

/** Epsilon of batch norm in YOLOv5 (v7.0 torch_utils.py, initialize_weights). */
export const BATCH_NORM_EPSILON = 1e-3
/** Weight of a new batch in the running statistics of batch norm in YOLOv5. */
export const BATCH_NORM_MOMENTUM = 0.03

/** What a network declares about one of its weights. */
export interface Declaration {
  readonly name: string
  readonly shape: readonly number[]
  /** 'buffer': batch-norm statistics. */
  readonly group: ParameterGroup | 'buffer'
  /** What a new network starts with, as a hint for initialisation: filters have the fan-in of their layer. */
  readonly fanIn?: number
}

/** New value of a buffer after a training iteration: (1 − momentum) · old + momentum · batch. */
export interface BufferUpdate {
  readonly name: string
  /** Statistic of this batch, shape of the buffer. */
  readonly batch: Tensor
  readonly momentum: number
}

/** What all scopes of one network share. */
interface Network {
  readonly graph: Graph
  readonly mode: 'train' | 'eval'
  readonly imageLayout: ImageLayout
  readonly weights: Weights | undefined
  readonly declarations: Declaration[]
  readonly parameters: Map<string, Tensor>
  readonly updates: BufferUpdate[]
}

/**
 * Where a layer asks for its weights. In training they are inputs of the graph which the step updates; in evaluation
 * they are constants taken from `Weights`, and batch norm is folded into the convolutions.
 */
export class Scope {
  private constructor(
    private readonly network: Network,
    /** Dotted path, as 'model.0'. Empty for the root. */
    readonly path: string,
  ) {}

  /** Scope of a training graph. `imageLayout` is how images will be fed. */
  static train(graph: Graph = new Graph(), imageLayout: ImageLayout = { kind: 'plain' }): Scope {
    return new Scope(
      { graph, mode: 'train', imageLayout, weights: undefined, declarations: [], parameters: new Map(), updates: [] },
      '',
    )
  }

  /** Scope of an evaluation graph with these weights in it. */
  static evaluate(weights: Weights, graph: Graph = new Graph()): Scope {
    const imageLayout = { kind: 'plain' } as const
    return new Scope(
      { graph, mode: 'eval', imageLayout, weights, declarations: [], parameters: new Map(), updates: [] },
      '',
    )
  }

  get graph(): Graph {
    return this.network.graph
  }

  get mode(): 'train' | 'eval' {
    return this.network.mode
  }

  /** How the training loop will feed images; `image` uses it. */
  get imageLayout(): ImageLayout {
    return this.network.imageLayout
  }

  /** Everything declared so far, in order. */
  get declarations(): readonly Declaration[] {
    return this.network.declarations
  }

  /** Trained tensors by name (training only), in the order of declaration. */
  get parameters(): ReadonlyMap<string, Tensor> {
    return this.network.parameters
  }

  /** Buffer updates of this graph (training only). */
  get updates(): readonly BufferUpdate[] {
    return this.network.updates
  }

  /** The scope of a sub-module: `child('cv1')` of 'model.2' names weights 'model.2.cv1.…'. */
  child(name: string | number): Scope {
    return new Scope(this.network, this.path === '' ? String(name) : `${this.path}.${name}`)
  }

  /** The image batch in [0, 1], [batch, 3, height, width]; fed as bytes in `imageLayout`. */
  image(name: string, batch: number, height: number, width: number): Tensor {
    return this.graph.image(name, batch, height, width, this.imageLayout)
  }

  /** A trained weight. In evaluation: a constant. */
  parameter(name: string, shape: readonly number[], group: ParameterGroup): Tensor {
    const full = this.declare(name, shape, group)
    if (this.mode === 'eval') return this.graph.constant(this.read(full, shape), shape)
    const tensor = this.graph.parameter(full, shape, group)
    this.network.parameters.set(full, tensor)
    return tensor
  }

  /** A weight that gradients do not touch. In evaluation: a constant. */
  buffer(name: string, shape: readonly number[]): Tensor {
    const full = this.declare(name, shape, 'buffer')
    return this.mode === 'eval' ? this.graph.constant(this.read(full, shape), shape) : this.graph.buffer(full, shape)
  }

  /**
   * States that a buffer becomes (1 − momentum) · old + momentum · batch with every training iteration. The buffer
   * needs no tensor in the graph for that.
   */
  updateBuffer(name: string, batch: Tensor, momentum: number): void {
    const full = this.declare(name, batch.shape.map(known), 'buffer')
    this.network.updates.push({ name: full, batch, momentum })
  }

  /** Numbers of a weight in evaluation, for layers that fold them. */
  values(name: string, shape: readonly number[], group: ParameterGroup | 'buffer'): Float32Array {
    return this.read(this.declare(name, shape, group), shape)
  }

  private declare(name: string, shape: readonly number[], group: Declaration['group']): string {
    const full = this.path === '' ? name : `${this.path}.${name}`
    this.network.declarations.push({ name: full, shape, group })
    return full
  }

  private read(name: string, shape: readonly number[]): Float32Array {
    const found = this.network.weights?.get(name)
    if (!found || found.shape.join() !== shape.join()) throw new WeightShapeError(name, shape, found?.shape)
    return found.data
  }
}

export interface ConvLayer extends ConvOptions {
  /** Output channels. */
  readonly out: number
  readonly kernel: number | readonly [number, number]
  /** Whether the layer has a bias of its own; layers followed by batch norm have none. */
  readonly bias?: boolean
}

const filterShape = (x: Tensor, { out, kernel, groups = 1 }: ConvLayer): [number, number, number, number] => {
  const [kh, kw] = typeof kernel === 'number' ? [kernel, kernel] : kernel
  return [out, known(x.shape[1]) / groups, kh, kw]
}

/** A convolution with weights `weight` [out, in / groups, kh, kw] and, if asked for, `bias` [out]. */
export function convLayer(scope: Scope, x: Tensor, layer: ConvLayer): Tensor {
  const weight = scope.parameter('weight', filterShape(x, layer), 'decayed')
  const bias = layer.bias ? scope.parameter('bias', [layer.out], 'bias') : undefined
  return conv2d(x, weight, bias, layer)
}

/** Batch normalisation: `weight`, `bias`, `running_mean`, `running_var` [C]. */
export function batchNormLayer(scope: Scope, x: Tensor, epsilon = BATCH_NORM_EPSILON): Tensor {
  const channels = known(x.shape[1])
  if (scope.mode === 'eval') {
    const { scale, shift } = foldedBatchNorm(scope, channels, epsilon)
    const constant = (data: Float32Array) => reshape(scope.graph.constant(data), [1, channels, 1, 1])
    return add(mul(x, constant(scale)), constant(shift))
  }
  const gamma = scope.parameter('weight', [channels], 'norm')
  const beta = scope.parameter('bias', [channels], 'bias')
  const { y, mean, variance } = batchNorm(x, gamma, beta, epsilon)
  const [batch, , height, width] = x.shape.map(known)
  const count = batch! * height! * width!
  // The running variance is the unbiased one, M / (M − 1) times that of the batch.
  const unbiased = mul(variance, count > 1 ? count / (count - 1) : Number.NaN)
  scope.updateBuffer('running_mean', mean, BATCH_NORM_MOMENTUM)
  scope.updateBuffer('running_var', unbiased, BATCH_NORM_MOMENTUM)
  return y
}

/** How a convolution with batch norm names its parts, and the epsilon of the norm. */
export interface ConvNormStyle {
  readonly conv: string
  readonly norm: string
  readonly epsilon: number
}

const yolov5Style: ConvNormStyle = { conv: 'conv', norm: 'bn', epsilon: BATCH_NORM_EPSILON }

/**
 * A convolution without bias followed by batch norm: the names are `conv.weight` and `bn.…` below `scope`, as in
 * YOLOv5's Conv, unless `style` says otherwise. In evaluation one convolution with the statistics folded in.
 */
export function convBatchNorm(scope: Scope, x: Tensor, layer: ConvLayer, style: ConvNormStyle = yolov5Style): Tensor {
  const conv = scope.child(style.conv)
  const norm = scope.child(style.norm)
  if (scope.mode === 'train') return batchNormLayer(norm, convLayer(conv, x, layer), style.epsilon)
  const shape = filterShape(x, layer)
  const filter = conv.values('weight', shape, 'decayed')
  const { scale, shift } = foldedBatchNorm(norm, layer.out, style.epsilon)
  const size = filter.length / layer.out
  const folded = new Float32Array(filter.length)
  for (let out = 0; out < layer.out; out++)
    for (let i = out * size; i < (out + 1) * size; i++) folded[i] = filter[i]! * scale[out]!
  return conv2d(x, scope.graph.constant(folded, shape), scope.graph.constant(shift), layer)
}

/** y = scale · x + shift of a batch norm with its running statistics. */
function foldedBatchNorm(
  scope: Scope,
  channels: number,
  epsilon: number,
): { scale: Float32Array; shift: Float32Array } {
  const gamma = scope.values('weight', [channels], 'norm')
  const beta = scope.values('bias', [channels], 'bias')
  const mean = scope.values('running_mean', [channels], 'buffer')
  const variance = scope.values('running_var', [channels], 'buffer')
  const scale = gamma.map((value, i) => value / Math.sqrt(variance[i]! + epsilon))
  return { scale, shift: beta.map((value, i) => value - mean[i]! * scale[i]!) }
}
