// `hypevolve best --train` of a study whose trainings are an outside program's: runs it once more with the best hyp.
import { readdir, rmdir } from 'node:fs/promises'
import type { Hyp } from '../../search/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import { Terminal } from '../console/terminal.ts'
import { watchInterrupts } from '../interrupt.ts'
import { metricsText } from '../studies/status.ts'
import { runFolder } from '../train-options.ts'
import { installedPart, isInstalled } from './installed.ts'
import { outsideTrainer } from './outside.ts'
import type { EvolvedTraining } from './training.ts'

/** @returns the exit code */
export async function trainOutside(flags: TrainFlags, hyp: Hyp): Promise<number> {
  const { incrementPath, planSlots } = await import('../../run/index.ts')
  const { availableParallelism } = await import('node:os')
  const terminal = new Terminal()
  const { slots } = planSlots({ device: flags.device, cores: flags.threads || availableParallelism(), gpus: 'unknown' })
  const directory = await incrementPath(runFolder({ ...flags, name: 'exp' }))
  const create = await outsideTrainer(await outsidePart(flags), flags, { keys: Object.keys(hyp) }, (text) =>
    terminal.warn(text),
  )
  const trainer = create(slots[0]!)
  const interrupts = watchInterrupts(terminal)
  interrupts.onHardExit(() => trainer.kill())
  try {
    const { resolve } = await import('node:path')
    const job = { trial: 0, attempt: 1, hyp, seed: flags.seed, directory: resolve(directory), title: 'best' }
    const outcome = await trainer.train(
      job,
      ({ epoch, metrics }) => terminal.line(`epoch ${epoch}: ${metricsText(metrics)}`),
      interrupts.signal,
    )
    if (outcome.state === 'interrupted') return interrupts.exitCode ?? 130
    if (outcome.state === 'failed') {
      terminal.warn(`The training failed (${outcome.failure}): ${outcome.output.join('\n')}`)
      return 1
    }
    terminal.line(`Done: ${metricsText(outcome.metrics)}. Everything it wrote is in ${terminal.bold(directory)}`)
    return 0
  } finally {
    interrupts.stop()
    await trainer.close()
    if ((await readdir(directory).catch(() => [''])).length === 0) await rmdir(directory)
  }
}

/** The program or trainer that the flags mean. */
export async function outsidePart(flags: TrainFlags): Promise<Pick<EvolvedTraining, 'program' | 'installed'>> {
  const { trainer, program = [] } = flags
  return isInstalled(trainer) ? { installed: await installedPart(flags, trainer, true) } : { program }
}
