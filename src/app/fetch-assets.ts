// Fetches what is known by name (yolov5s.pt, coco128.yaml) and is not on this machine, before anything needs it, so that
// the console shows it once.
import { Terminal } from './console/terminal.ts'
import { TrainConsole } from './console/train-console.ts'
import { watchInterrupts } from './interrupt.ts'

/** What a command line names; an empty text names nothing. */
export interface NamedAssets {
  readonly data?: string
  readonly weights?: string
}

/**
 * Ctrl-C ends the process: what has arrived stays, and the next command goes on from there.
 *
 * @throws AssetUnavailableError, AssetOfflineError, AssetDamagedError, AssetWriteError, AssetAddressError
 */
export async function fetchAssets({ data = '', weights = '' }: NamedAssets, terminal = new Terminal()): Promise<void> {
  const { ensureDataset, ensureWeights } = await import('../detect/index.ts')
  const interrupts = watchInterrupts(terminal)
  const display = new TrainConsole(terminal, { detail: 'compact' })
  const hooks = { onEvent: display.onEvent.bind(display), signal: interrupts.signal }
  try {
    if (data !== '') await ensureDataset(data, hooks)
    if (weights !== '') await ensureWeights(weights, hooks)
  } catch (error) {
    terminal.finish()
    if (interrupts.signal.aborted) process.exit(interrupts.exitCode ?? 130)
    throw error
  } finally {
    interrupts.stop()
  }
  terminal.finish()
}

/** `--offline`; the processes that train inherit it. */
export function goOffline({ offline = false }: { readonly offline?: boolean }): void {
  if (offline) process.env['HYPEVOLVE_OFFLINE'] = '1'
}
