// Where sessions compute: the processor, or a GPU through one of ONNX Runtime's execution providers.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'
import { DeviceError } from '../base/index.ts'

/** The processor, a GPU through WebGPU (Vulkan, Direct3D 12 or Metal), or a GPU of NVIDIA through CUDA, by its number. */
export type Device = 'cpu' | 'webgpu' | `cuda:${number}`

/** Whether a device is a graphics processor. */
export const isGpu = (device: Device = 'cpu'): boolean => device !== 'cpu'

/** What ONNX Runtime calls it. */
export function providerOf(device: Device): InferenceSession.ExecutionProviderConfig {
  if (device === 'cpu' || device === 'webgpu') return device
  return { name: 'cuda', deviceId: Number(device.slice('cuda:'.length)) }
}

/** Folder of the runtime's libraries; undefined where it cannot be told. */
export function runtimeFolder(): string | undefined {
  try {
    const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
    return join(root, 'bin', 'napi-v6', process.platform, process.arch)
  } catch {
    return undefined
  }
}

/** Whether the runtime's library for CUDA is installed; it does not come with onnxruntime-node. */
export function hasCudaProvider(): boolean {
  const folder = runtimeFolder()
  return folder !== undefined && existsSync(join(folder, 'libonnxruntime_providers_cuda.so'))
}

/** What to do where a device cannot be used. */
export function deviceAdvice(device: Device): string {
  if (device === 'cpu') return 'Install again with npm ci.'
  if (device === 'webgpu')
    return 'WebGPU needs a driver of the GPU with Vulkan 1.3, and on Linux its loader (Debian: apt install libvulkan1).'
  if (!hasCudaProvider())
    return (
      'Its libraries are not part of onnxruntime-node: put libonnxruntime_providers_cuda.so and ' +
      `libonnxruntime_providers_shared.so of the same release of onnxruntime-gpu into ${runtimeFolder() ?? 'its folder'}; ` +
      'docs/devices.md says how. --device webgpu needs nothing of that.'
    )
  return 'CUDA needs the libraries of the release that onnxruntime-gpu was built for, and cuDNN 9, where the loader finds them.'
}

/** The error for a device that does not do what it should. */
export const deviceError = (device: Device, cause: unknown): DeviceError =>
  new DeviceError(device, cause instanceof Error ? firstLine(cause.message) : String(cause), deviceAdvice(device), {
    cause,
  })

/** The runtime's messages begin with the place in its source. */
const firstLine = (message: string) =>
  (message.split('\n')[0] ?? '').replace(/^\/\S+:\d+ \S.*? was false\. /, '').trim()
