// What `--device` means where our own trainer, or our own evaluation, computes.
import { UsageError } from '../base/index.ts'
import type { Device } from '../detect/index.ts'
import type { Terminal } from './console/terminal.ts'

/**
 * Takes YOLOv5's values ('' or 'cpu', a GPU number, several, 'mps'), 'webgpu' and 'cuda'. A GPU number means CUDA where
 * the runtime has it; where it has not, the processor does the work, and whoever asked is told so, loudly. 'webgpu' and
 * 'cuda' are meant: if they cannot be used, that is an error, later, when they are.
 *
 * @throws {@link UsageError} for a value that names no device
 */
export async function chooseDevice(device: string, terminal: Terminal): Promise<Device> {
  const asked = device.trim().toLowerCase()
  if (asked === '' || asked === 'cpu') return 'cpu'
  if (asked === 'webgpu') return 'webgpu'
  const explicit = /^cuda(?::(\d{1,4}))?$/.exec(asked)
  if (explicit) return `cuda:${Number(explicit[1] ?? 0)}`
  if (asked !== 'mps' && !/^\d+(,\d+)*$/.test(asked))
    throw new UsageError(
      `--device ${device}: give cpu, webgpu, cuda, cuda:1, a GPU number as 0, or several as 0,1 with --evolve.`,
    )
  if (asked !== 'mps' && (await hasCuda())) {
    const [first, ...others] = asked.split(',')
    if (others.length > 0) terminal.warn(`--device ${device}: one training uses one GPU here, number ${first}.`)
    return `cuda:${Number(first)}`
  }
  const what = asked === 'mps' ? 'the Apple GPU' : asked.includes(',') ? `GPUs ${asked}` : `GPU ${asked}`
  terminal.warn(`--device ${device}: ${what} ${withoutCuda}`)
  return 'cpu'
}

/** Whether numbers in `--device` are GPUs for our own trainer: CUDA is installed, or asked for by name. */
export const meansGpus = async (device: string): Promise<boolean> => /^\s*cuda/i.test(device) || (await hasCuda())

/** Whether the runtime has CUDA. */
export async function hasCuda(): Promise<boolean> {
  const { hasCudaProvider } = await import('../detect/index.ts')
  return hasCudaProvider()
}

const withoutCuda =
  'cannot be used by number, as the runtime has no CUDA (docs/devices.md). Training on the CPU instead, which is slower; ' +
  '--device webgpu uses a GPU without CUDA.'
