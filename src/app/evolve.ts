// `hypevolve train --evolve N`: the evolution of YOLOv5 v7.0 on the console. The search is run's loop over a study; here
// are its start (new folder or --resume), what is shown, and the picture.
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainEvent, TrainOptions } from '../detect/index.ts'
import type { LoopEvent } from '../run/index.ts'
import type { FinishedTrial } from '../search/index.ts'
import type { TrainFlags } from './cli/train-flags.ts'
import { EvolveConsole } from './console/evolve-console.ts'
import type { Terminal } from './console/terminal.ts'
import { TrainConsole } from './console/train-console.ts'
import { EvolvePicture } from './evolve-picture.ts'
import { watchInterrupts } from './interrupt.ts'
import { startLine } from './start-line.ts'
import { runFolder, toTrainOptions } from './train-options.ts'

/**
 * @param generations - trainings to do now, at least 1
 * @returns the exit code
 */
export async function runEvolve(flags: TrainFlags, generations: number, terminal: Terminal): Promise<number> {
  const [{ loadHyp, ResultsFile }, { yolov5Space }, { EvolveFolder, Study }, run] = await Promise.all([
    import('../detect/index.ts'),
    import('../search/index.ts'),
    import('../study/index.ts'),
    import('../run/index.ts'),
  ])
  const hyp = loadHyp(flags.hyp)
  const options = evolveOptions(toTrainOptions(flags, hyp))
  for (const text of hyp.notes) terminal.line(text)
  const space = yolov5Space({ ...hyp.hyp }, { noAutoAnchor: flags.noautoanchor, source: hyp.source })

  const { directory, continues } = await openDirectory(flags, run)
  const folder = await EvolveFolder.open(directory, { seed: flags.seed, keys: space.keys })
  const before = folder.rows.length
  terminal.line(
    continues
      ? `${terminal.prefix('evolve')}going on in ${terminal.bold(directory)} after ${before} generations; ${generations} more`
      : `${terminal.prefix('evolve')}${generations} generations into ${terminal.bold(directory)}`,
  )

  const interrupts = watchInterrupts(terminal)
  const cancelled = new AbortController()
  const signal = AbortSignal.any([interrupts.signal, cancelled.signal])
  const display = new TrainConsole(terminal, { detail: 'compact' })
  const report = new EvolveConsole(terminal, { generations, titles: folder.titles })
  const picture = new EvolvePicture(folder, (text) => terminal.warn(text))
  const results = new ResultsFile(join(directory, 'results.csv'))
  const start = startLine({
    terminal,
    options,
    trainings: generations,
    yes: flags.yes,
    signal,
    cancel: () => cancelled.abort(),
  })

  const onTrainEvent = (_trial: number, event: TrainEvent) => {
    display.onEvent(event)
    start(event)
    if (event.type === 'epoch') keepEpoch(event)
  }
  // v7.0 lets the epochs of all trainings follow one another in the evolution's results.csv.
  let failure: unknown
  const keepEpoch = (event: Extract<TrainEvent, { type: 'epoch' }>) => {
    try {
      results.append(event)
    } catch (error) {
      failure ??= error
      cancelled.abort()
    }
  }
  const onFinished = async (trial: FinishedTrial) => {
    await folder.record(trial)
    picture.refresh()
  }
  const onEvent = (event: LoopEvent) => {
    if (event.type === 'started') display.begin()
    report.onEvent(event, folder)
  }

  const executor = run.localExecutor(1, () => {
    const trainer = run.embeddedTrainer(options, { onEvent: onTrainEvent })
    interrupts.onHardExit(() => trainer.pid !== undefined && process.kill(trainer.pid, 'SIGKILL'))
    return trainer
  })
  try {
    const study = await Study.open({ space, storage: folder.storage, seed: flags.seed })
    const summary = await run.runTrials({ study, executor, trials: generations, signal, onFinished, onEvent })
    if (failure) throw failure
    terminal.finish()
    await executor.close()
    await picture.finish()
    await report.end(summary, folder)
    return summary.interrupted ? (interrupts.exitCode ?? 130) : 0
  } catch (error) {
    terminal.finish()
    await picture.finish()
    throw error
  } finally {
    interrupts.stop()
    await executor.close()
    const nothing = (await folder.storage.trials()).every(({ state }) => state === 'waiting' || state === 'running')
    await folder.close()
    if (nothing && !continues) await rm(directory, { recursive: true })
  }
}

/**
 * v7.0 evolves with --nosave and --noval and draws no pictures of the trainings: the fitness of a trial is that of its
 * last epoch, and an early stop cannot happen.
 */
function evolveOptions(options: TrainOptions): TrainOptions {
  return { ...options, save: 'never', validate: 'last', plots: false, patience: 0, savePeriod: -1 }
}

/** The folder of a new evolution, or with `--resume` the latest one (or the one named there). */
async function openDirectory(
  flags: TrainFlags,
  { incrementPath, latestPath }: Pick<typeof import('../run/index.ts'), 'incrementPath' | 'latestPath'>,
): Promise<{ directory: string; continues: boolean }> {
  const path = runFolder(flags, true)
  if (typeof flags.resume === 'string') {
    const found = await stat(flags.resume).catch(() => undefined)
    if (found?.isDirectory()) return { directory: flags.resume, continues: true }
    const { NothingToResumeError } = await import('../base/index.ts')
    throw new NothingToResumeError(`folder ${flags.resume}`)
  }
  const latest = flags.resume ? await latestPath(path) : undefined
  if (latest !== undefined) return { directory: latest, continues: true }
  // v7.0 overwrites --exist-ok in evolutions: only --resume goes on in an existing folder.
  return { directory: await incrementPath(path), continues: false }
}
