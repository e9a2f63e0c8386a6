// What `--device` means here.
import { UsageError } from '../base/index.ts'
import type { Terminal } from './console/terminal.ts'

/**
 * Takes YOLOv5's values: '' or 'cpu', a GPU number, several, 'mps'. Trainings run on the processor; who asked for
 * another device is told so, loudly, and trains all the same.
 *
 * @throws {@link UsageError} for a value that names no device
 */
export function chooseDevice(device: string, terminal: Terminal): 'cpu' {
  const asked = device
    .trim()
    .toLowerCase()
    .replace(/^cuda:/, '')
  if (asked === '' || asked === 'cpu') return 'cpu'
  if (asked !== 'mps' && !/^\d+(,\d+)*$/.test(asked))
    throw new UsageError(`--device ${device}: give cpu, a GPU number as 0, or several as 0,1.`)
  const what = asked === 'mps' ? 'the Apple GPU' : asked.includes(',') ? `GPUs ${asked}` : `GPU ${asked}`
  terminal.warn(
    `--device ${device}: ${what} cannot be used by this version. Training on the CPU instead, which is slower.`,
  )
  return 'cpu'
}
