// `hypevolve train`: one training in a child process, shown on the console and drawn into its folder. With --evolve
// evolve.ts takes over.
import { rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { TrainEvent, TrainOptions, TrainResult } from '../detect/index.ts'
import type { TrainFlags } from './cli/train-flags.ts'
import { Terminal } from './console/terminal.ts'
import { counted, durationText } from './console/text.ts'
import { resultsText, TrainConsole } from './console/train-console.ts'
import { chooseDevice } from './device.ts'
import { goOffline } from './fetch-assets.ts'
import { watchInterrupts } from './interrupt.ts'
import { Pictures } from './pictures.ts'
import { findCheckpoint } from './resume.ts'
import { startLine } from './start-line.ts'
import { runFolder, toTrainOptions } from './train-options.ts'

/** Options of a training that writes into a folder. */
type RunOptions = TrainOptions & { readonly saveDir: string }

/**
 * @param words - of the command line after `hypevolve train`
 * @returns the exit code
 */
export async function runTrain(flags: TrainFlags, words: readonly string[]): Promise<number> {
  const terminal = new Terminal()
  goOffline(flags)
  if (flags.evolve) {
    const { runEvolve } = await import('./evolve/index.ts')
    return runEvolve({ flags, words, terminal })
  }
  const device = await chooseDevice(flags.device, terminal)
  const options = flags.resume === false ? await newRun(flags, terminal) : await resumedRun(flags, terminal)
  return trainOnce({ ...options, device }, flags.yes, terminal)
}

async function newRun(flags: TrainFlags, terminal: Terminal): Promise<RunOptions> {
  const { defaultHypName, loadHyp } = await import('../detect/index.ts')
  const hyp = loadHyp(flags.hyp ?? defaultHypName(flags.cfg))
  const options = toTrainOptions(flags, hyp)
  terminal.line(
    terminal.prefix('hyperparameters') +
      Object.entries(hyp.hyp)
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
  )
  for (const text of hyp.notes) terminal.line(text)
  const { incrementPath } = await import('../run/index.ts')
  return { ...options, saveDir: await incrementPath(runFolder(flags), { existOk: flags.existOk }) }
}

async function resumedRun(flags: TrainFlags, terminal: Terminal): Promise<RunOptions> {
  const { checkpoint, folder } = await findCheckpoint(flags.resume, flags.project ?? 'runs/train')
  const { readCheckpointOptions } = await import('../detect/index.ts')
  const options = readCheckpointOptions(checkpoint)
  terminal.line(`Going on with ${folder} from ${checkpoint}; its own options count, not those of this command line.`)
  return { ...options, resume: checkpoint, saveDir: folder }
}

async function trainOnce(options: RunOptions, yes: boolean, terminal: Terminal): Promise<number> {
  const { saveDir } = options
  process.title = `hypevolve train ${basename(saveDir)}` // what `ps` shows
  const { Slot } = await import('../run/index.ts')
  const interrupts = watchInterrupts(terminal)
  const cancelled = new AbortController()
  const signal = AbortSignal.any([interrupts.signal, cancelled.signal])
  const slot = new Slot()
  interrupts.onHardExit(() => slot.pid && process.kill(slot.pid, 'SIGKILL'))

  const display = new TrainConsole(terminal, { detail: 'full' })
  const pictures = options.plots ? new Pictures(saveDir, (text) => terminal.warn(text)) : undefined
  const start = startLine({ terminal, options, trainings: 1, yes, signal, cancel: () => cancelled.abort() })
  const onEvent = (event: TrainEvent) => {
    display.onEvent(event)
    start(event)
    pictures?.onEvent(event)
  }
  try {
    const result = await slot.train(options, onEvent, signal)
    terminal.finish()
    await slot.close()
    await pictures?.finish()
    tellEnd(result, options, saveDir, terminal)
    if (result.ended !== 'interrupted') return 0
    return interrupts.exitCode ?? 130
  } catch (error) {
    terminal.finish()
    await pictures?.finish()
    if (!signal.aborted) throw error
    terminal.line('Interrupted before there was anything to save.')
    return interrupts.exitCode ?? 130
  } finally {
    interrupts.stop()
    await slot.close()
    await rmdir(saveDir).catch(() => {}) // it is kept unless it is empty
  }
}

function tellEnd(result: TrainResult, options: TrainOptions, saveDir: string, terminal: Terminal): void {
  const done = `${counted(result.epochs, 'epoch')} in ${durationText(result.seconds)}`
  terminal.line()
  if (result.ended === 'interrupted') {
    terminal.line(`Interrupted after ${done}. Go on with: hypevolve train --resume ${saveDir}`)
    return
  }
  const early = result.ended === 'early-stop'
  terminal.line(
    early
      ? `Stopped after ${done}: no improvement for ${counted(options.patience, 'epoch')}. Best was epoch ${result.bestEpoch}.`
      : `Done: ${done}. Best was epoch ${result.bestEpoch}.`,
  )
  terminal.line(resultsText(result.results))
  if (options.save !== 'never') terminal.line(`Weights: ${join(saveDir, 'weights/best.safetensors')}`)
  terminal.line(`Results saved to ${terminal.bold(saveDir)}`)
}
