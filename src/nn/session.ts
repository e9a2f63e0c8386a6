// The one file that loads onnxruntime-node: sessions, opened models, and `compile`, which runs any graph (tests).
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { EngineError, hasKeepingAllocator } from '../base/index.ts'
import { type Device, isGpu, providerOf } from './device.ts'
import { type DType, type Graph, leafOf, type Tensor, type TensorData } from './graph.ts'
import { Lowering } from './lowering.ts'
import { fromHalf, toHalf } from './safetensors.ts'

type Ort = typeof import('onnxruntime-node')

let loading: Promise<Ort> | undefined

/** ONNX Runtime, loaded on first use. */
export function loadRuntime(): Promise<Ort> {
  loading ??= import('onnxruntime-node').catch((cause) => {
    loading = undefined
    throw new EngineError(`ONNX Runtime could not be loaded: ${(cause as Error).message}`, { cause })
  })
  return loading
}

export interface RuntimeOptions {
  /** Default 'cpu'. */
  readonly device?: Device
  /** Threads of the session, default 1. */
  readonly threads?: number
  /**
   * Whether threads that wait for work spin for as long as the runtime likes. Off by default: they spin for 25 µs, which
   * bridges the gaps between nodes of a step. On a machine that does nothing else that is nearly as fast as spinning on; as
   * soon as anything shares the cores, spinning on costs half of the speed.
   */
  readonly spinning?: boolean
  /** 'all' for evaluation models (ONNX Runtime folds and blocks them by itself), default 'disabled'. */
  readonly optimization?: 'disabled' | 'basic' | 'all'
  /** Write ONNX Runtime's profile under this file prefix. */
  readonly profile?: string
}

/** Measured with 10 to 1000 µs, on an idle and on a busy machine (bench/engine/README.md). */
const SPIN_US = 25

/** Creates a session from the bytes of a model. */
export async function createSession(model: Uint8Array, options: RuntimeOptions = {}): Promise<InferenceSession> {
  const ort = await loadRuntime()
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: [providerOf(options.device ?? 'cpu')],
      intraOpNumThreads: options.threads ?? 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: options.optimization ?? (isGpu(options.device) ? 'all' : 'disabled'),
      // With the pattern on, the second run allocates one block on top of all that the first one took.
      enableMemPattern: false,
      enableCpuMemArena: !hasKeepingAllocator(),
      logSeverityLevel: 3,
      extra: {
        session: {
          intra_op: { allow_spinning: '1', ...(options.spinning ? {} : { spin_duration_us: String(SPIN_US) }) },
        },
      },
      ...(options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile }),
    })
  } catch (cause) {
    throw new EngineError(`ONNX Runtime refused a model: ${(cause as Error).message}`, { cause })
  }
}

/** A runtime tensor over the given memory (no copy). */
export async function tensorOf(dtype: DType, data: TensorData, shape: readonly number[]): Promise<OrtTensor> {
  const ort = await loadRuntime()
  return new ort.Tensor(dtype, data as never, shape)
}

/** A value for an input or from an output of an opened model. */
export interface ModelValue {
  readonly dtype: DType
  readonly data: TensorData
  readonly shape: readonly number[]
}

/** What a model says of an input or output. */
export interface ModelPort {
  readonly name: string
  /** ONNX's word: 'float32', 'float16', 'uint8', … */
  readonly dtype: string
  /** A text is a dynamic axis. */
  readonly shape: readonly (number | string)[]
}

/** A model of `exportOnnx`, or any other ONNX model, ready to run. What it has in float16 is float32 for the caller. */
export interface Model {
  readonly inputs: readonly ModelPort[]
  readonly outputs: readonly ModelPort[]
  run(feeds: Readonly<Record<string, ModelValue>>): Promise<Record<string, ModelValue>>
  dispose(): Promise<void>
}

/** Loads a model for evaluation; the runtime optimises it. */
export async function openModel(bytes: Uint8Array, options: RuntimeOptions = {}): Promise<Model> {
  const ort = await loadRuntime()
  const session = await createSession(bytes, { optimization: 'all', ...options })
  const inputs = session.inputMetadata.map(portOf)
  const halfInputs = new Set(inputs.filter(({ dtype }) => dtype === 'float16').map(({ name }) => name))
  return {
    inputs,
    outputs: session.outputMetadata.map(portOf),
    async run(feeds) {
      const tensors: Record<string, OrtTensor> = {}
      for (const [name, { dtype, data, shape }] of Object.entries(feeds))
        tensors[name] = halfInputs.has(name)
          ? new ort.Tensor('float16', Uint16Array.from(data as Float32Array, toHalf), shape)
          : new ort.Tensor(dtype, data as never, shape)
      let results: Awaited<ReturnType<InferenceSession['run']>>
      try {
        results = await session.run(tensors)
      } catch (cause) {
        throw new EngineError(`A model could not be run: ${(cause as Error).message}`, { cause })
      }
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, data, dims }]) => [
          name,
          type === 'float16'
            ? { dtype: 'float32', data: floatsOfHalves(data as ArrayLike<number>), shape: dims }
            : { dtype: type as DType, data: data as TensorData, shape: dims },
        ]),
      )
    },
    dispose: () => session.release(),
  }
}

const portOf = (value: InferenceSession.ValueMetadata): ModelPort => ({
  name: value.name,
  dtype: value.isTensor ? value.type : 'other',
  shape: value.isTensor ? value.shape : [],
})

/** Halves as the runtime gives them: as bits, or where the language has them as numbers. */
function floatsOfHalves(data: ArrayLike<number>): Float32Array {
  return data instanceof Uint16Array ? Float32Array.from(data, fromHalf) : Float32Array.from(data)
}

/** A graph ready to run. */
export interface Executable {
  /** Values by input name, row-major; returns the outputs in the order they were asked for. */
  run(feeds: Readonly<Record<string, TensorData>>): Promise<{ data: TensorData; shape: readonly number[] }[]>
  dispose(): Promise<void>
}

/**
 * Compiles some tensors of a graph into a session: for evaluation and for tests. Training uses `TrainStep`.
 *
 * @param options.block - block size to lower for the blocked layout; plain if left out
 */
export async function compile(
  graph: Graph,
  outputs: readonly Tensor[],
  options: RuntimeOptions & {
    readonly block?: number | undefined
    readonly blockInputs?: boolean
    /** Use the forms for graphics processors; the default is what the device needs. */
    readonly gpu?: boolean
  } = {},
): Promise<Executable> {
  const ort = await loadRuntime()
  const lowering = new Lowering(graph, outputs, {
    block: options.block,
    blockInputs: options.blockInputs ?? false,
    gpu: options.gpu ?? isGpu(options.device),
  })
  const names = outputs.map((output, i) => {
    const name = `output_${i}`
    lowering.writer.nodes('Identity', [lowering.value(output)], [name])
    lowering.writer.output(name, output)
    return name
  })
  const session = await createSession(lowering.writer.encode(), options)
  const shapes = new Map(lowering.feeds.map((tensor) => [(leafOf(tensor) as { name: string }).name, tensor]))
  return {
    async run(feeds) {
      const tensors: Record<string, OrtTensor> = {}
      for (const [name, tensor] of shapes) {
        const data = feeds[name]
        if (data === undefined) throw new EngineError(`The graph wants a value for "${name}".`)
        const leaf = leafOf(tensor)!
        const dtype = leaf.kind === 'image' ? 'uint8' : tensor.dtype
        tensors[name] = new ort.Tensor(dtype, data as never, feedShape(tensor, data.length))
      }
      const results = await session.run(tensors)
      return names.map((name) => ({ data: results[name]!.data as TensorData, shape: results[name]!.dims }))
    },
    dispose: () => session.release(),
  }
}

/** Shape of a feed; a single dynamic axis is worked out from the number of values. */
function feedShape(tensor: Tensor, length: number): number[] {
  const leaf = leafOf(tensor)
  if (leaf?.kind === 'image' && leaf.layout.kind === 'blocked') {
    const [batch, , height, width] = tensor.shape as number[]
    return [batch!, 16, height! / 2, width! / 2]
  }
  const known = tensor.shape.reduce<number>((product, dim) => (typeof dim === 'number' ? product * dim : product), 1)
  const open = tensor.shape.filter((dim) => typeof dim === 'string').length
  if (open > 1)
    throw new EngineError(
      `The input of shape [${tensor.shape}] has ${open} dynamic axes; run the exported model instead.`,
    )
  return tensor.shape.map((dim) => (typeof dim === 'number' ? dim : length / known))
}
