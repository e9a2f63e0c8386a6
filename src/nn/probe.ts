// Whether ONNX Runtime has kernels for the blocked layout on this machine, and the choice that follows from it.
import { EngineError } from '../base/index.ts'
import { type Device, deviceError, hasCudaProvider, isGpu } from './device.ts'
import { gradients } from './gradients.ts'
import { Graph, type ImageLayout } from './graph.ts'
import { NCHWC } from './lowering.ts'
import { ModelWriter } from './onnx/model.ts'
import { batchNorm, conv2d, maxPool2d, silu, upsampleNearest } from './ops/index.ts'
import { compile, createSession, loadRuntime } from './session.ts'

let probing: Promise<8 | 16 | undefined> | undefined

/**
 * Block size of ONNX Runtime's blocked layout on this machine: 16 with AVX-512, 8 with AVX2, `undefined` where the runtime
 * has no such kernels or they do not give the numbers of the plain ones. Asked once per process.
 */
export function probeBlockSize(): Promise<8 | 16 | undefined> {
  probing ??= probe()
  return probing
}

async function probe(): Promise<8 | 16 | undefined> {
  const ort = await loadRuntime()
  try {
    const writer = new ModelWriter()
    const type = { shape: [1, 32, 2, 2], dtype: 'float32' as const }
    writer.input('x', type)
    writer.nodes('ReorderInput', ['x'], ['y'], {}, NCHWC)
    writer.output('y', type)
    const session = await createSession(writer.encode())
    const ramp = Float32Array.from({ length: 128 }, (_, i) => i)
    const result = await session.run({ x: new ort.Tensor('float32', ramp, [1, 32, 2, 2]) })
    await session.release()
    // Channels of a pixel lie together: 0 4 8 …; pixel 1 of channel 0 (value 1) follows after `block` of them.
    const block = (result['y']!.data as Float32Array).indexOf(1)
    return (block === 8 || block === 16) && (await agrees(block)) ? block : undefined
  } catch {
    return undefined
  }
}

/** Whether a little network gives the same outputs and gradients in both forms. */
async function agrees(block: 8 | 16): Promise<boolean> {
  const graph = new Graph()
  const x = graph.input('x', [block, 16, 6, 6])
  const inputs = [x, graph.input('w', [16, 16, 3, 3]), graph.input('gamma', [16]), graph.input('beta', [16])] as const
  const [, w, gamma, beta] = inputs
  const y = silu(batchNorm(conv2d(x, w, undefined, { stride: 2, padding: 1 }), gamma, beta, 1e-3).y)
  const z = conv2d(upsampleNearest(maxPool2d(y, 3, 1, 1), 2), w, undefined, { padding: 1 })
  const wanted = [z, ...gradients(z, inputs, graph.input('dz', z.shape))]
  const feeds = Object.fromEntries(
    [...inputs.map(({ shape }) => shape), z.shape].map((shape, i) => {
      const count = (shape as number[]).reduce((a, b) => a * b, 1)
      const values = Float32Array.from({ length: count }, (_, j) => Math.sin(1 + 12.9898 * j + 78.233 * i))
      return [['x', 'w', 'gamma', 'beta', 'dz'][i]!, values]
    }),
  )
  const results = []
  for (const options of [{}, { block }]) {
    const executable = await compile(graph, wanted, options)
    results.push(await executable.run(feeds))
    await executable.dispose()
  }
  const [plain, blocked] = results
  return plain!.every(({ data }, i) => {
    const other = blocked![i]!.data
    let largest = 0
    let worst = 0
    for (let at = 0; at < data.length; at++) {
      largest = Math.max(largest, Math.abs(Number(data[at])))
      worst = Math.max(worst, Math.abs(Number(data[at]) - Number(other[at])))
    }
    return worst <= 1e-3 * largest
  })
}

/**
 * Computes something small on a device.
 *
 * @throws {@link DeviceError} if it cannot be used, with what is missing
 */
export async function requireDevice(device: Device): Promise<void> {
  // The runtime would find that out too, but not quietly.
  if (device.startsWith('cuda') && !hasCudaProvider()) throw deviceError(device, 'the runtime has no CUDA')
  const graph = new Graph()
  const x = graph.input('x', [1, 4, 4, 4])
  try {
    const executable = await compile(graph, [conv2d(x, graph.input('w', [4, 4, 3, 3]), undefined, { padding: 1 })], {
      device,
    })
    const [result] = await executable.run({ x: new Float32Array(64).fill(1), w: new Float32Array(144).fill(1) })
    await executable.dispose()
    if (result!.data[5] !== 36) throw new Error(`a convolution gave ${result!.data[5]} instead of 36`)
  } catch (cause) {
    throw deviceError(device, cause instanceof EngineError ? (cause.cause ?? cause) : cause)
  }
}

/** Which form the training graph takes: 'auto' probes, 'blocked' insists, 'plain' is the form for every machine. */
export type LayoutChoice = 'auto' | 'blocked' | 'plain'

/**
 * The image layout that a training step with this choice wants to be fed.
 *
 * @throws {@link EngineError} if the blocked layout is asked for and the device has none
 */
export async function imageLayoutFor(choice: LayoutChoice, device: Device = 'cpu'): Promise<ImageLayout> {
  if (choice === 'plain' || (choice === 'auto' && isGpu(device))) return { kind: 'plain' }
  if (isGpu(device)) throw new EngineError(`The blocked layout is one for processors; ${device} has none. Use "auto".`)
  const block = await probeBlockSize()
  if (block !== undefined) return { kind: 'blocked', block }
  if (choice === 'auto') return { kind: 'plain' }
  throw new EngineError(
    'The blocked layout was asked for, but ONNX Runtime has no kernels for it on this machine. Use layout "auto" or "plain".',
  )
}
