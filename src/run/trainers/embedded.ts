// Our own trainer: a long-lived child process that keeps data, decoded images and compiled sessions between trials.
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SlotCrashedError, SlotHungError, SlotMemoryError, TrainingFailedError, UsageError } from '../../base/index.ts'
import type { ClassRow, Device, EpochResults, TrainEvent, TrainOptions } from '../../detect/index.ts'
import type { FailureClass, Hyp, Metrics } from '../../search/index.ts'
import { hypForLength, type TrainerTraits, warmupKey } from '../length.ts'
import { classifyExit, limit, TrialLog } from '../process/index.ts'
import { Slot, type SlotOptions } from '../slot/index.ts'
import type { EpochReport, Outcome, SlotResources, Trainer, TrainJob } from '../trainer.ts'
import { settingOptions, splitSettings } from './settings.ts'

export interface EmbeddedOptions extends Omit<SlotOptions, 'slot' | 'onOutput'> {
  /** Everything that the trainings tell, each in order. */
  readonly onEvent?: (trial: number, event: TrainEvent, slot: SlotResources) => void
  /** Longest time of one training; default no limit. */
  readonly timeoutMs?: number | undefined
}

/** Slots name a GPU by its number, as YOLOv5 does. */
function deviceOf({ device }: SlotResources): Device {
  if (device.includes('+'))
    throw new UsageError(
      `--device ${device}: our own trainer uses one GPU for a training. Write ${device.replaceAll('+', ',')}.`,
    )
  if (device === 'webgpu') return device
  return /^\d+$/.test(device) ? `cuda:${Number(device)}` : 'cpu'
}

/** Failure class by the code of the error that ended a training; all others are about the set-up. */
const failureByCode: Readonly<Record<string, FailureClass>> = {
  LOSS_NOT_FINITE: 'diverged',
  TRAINING_FAILED: 'crash',
  ENGINE: 'crash',
  DATA_WORKER: 'crash',
  CHECKPOINT_WRITE: 'crash',
  RESULTS_WRITE: 'crash',
  IMAGE_CACHE_WRITE: 'crash',
}
/** Not the fault of a trial's hyperparameters: if the very first training ends so, no other would do better. */
const faultsOfTheSetup = (code: string) => code !== 'LOSS_NOT_FINITE' && code !== 'TRAINING_FAILED'

/**
 * Trainers for the slots of an executor. All train with the same options, each trial with the hyp and seed of its job,
 * each slot with its own threads.
 *
 * @param options - of all trials; what concerns one trial or one slot is replaced. Hyperparameters that a job lacks (a
 *   release that had fewer) are taken from here
 */
export function embeddedTrainers(
  options: TrainOptions,
  { onEvent, timeoutMs, ...guards }: EmbeddedOptions = {},
): (resources: SlotResources) => Trainer {
  /** A training came to its end: what ends others is not the set-up. */
  let anyComplete = false

  return (resources) => {
    const device = deviceOf(resources)
    let log = new TrialLog(undefined)
    const slot = new Slot({ ...guards, slot: resources.slot, onOutput: (bytes) => log.write(bytes) })

    async function train(job: TrainJob, onEpoch: (report: EpochReport) => void, signal: AbortSignal): Promise<Outcome> {
      log = new TrialLog(job.directory && join(job.directory, 'train.log'))
      log.note(`${new Date().toISOString()} trial ${job.trial}, attempt ${job.attempt}`)
      try {
        const outcome = await follow(job, onEpoch, signal)
        if (outcome.state === 'interrupted') log.note('interrupted')
        if (outcome.state === 'failed') log.note(`failed (${outcome.failure}): ${outcome.output.join('\n')}`)
        return outcome
      } finally {
        log.close()
      }
    }

    async function follow(
      job: TrainJob,
      onEpoch: (report: EpochReport) => void,
      signal: AbortSignal,
    ): Promise<Outcome> {
      let names: readonly string[] = []
      let classes: readonly ClassRow[] = []
      let size: Metrics = {}
      const listen = (event: TrainEvent) => {
        const line = logLine(event)
        if (line !== undefined) log.write(`${line}\n`)
        onEvent?.(job.trial, event, resources)
        if (event.type === 'start') {
          names = event.names
          // the model's are those of an image of 640 px
          size = { parameters: event.parameters, gflops: event.gflops * (event.imagePx.val / 640) ** 2 }
        }
        if (event.type === 'val') classes = event.rows
        if (event.type === 'epoch') onEpoch(reportOf(event))
      }
      const timeout = new AbortController()
      const timer = limit(timeoutMs, () => timeout.abort())
      const either = AbortSignal.any([signal, timeout.signal])
      try {
        const result = await slot.train(await optionsOf(job), listen, either, job.title)
        if (result.ended === 'interrupted') return signal.aborted ? { state: 'interrupted' } : outOfTime()
        anyComplete = true
        return { state: 'complete', metrics: { ...metricsOf(result.results, names, classes), ...size } }
      } catch (error) {
        if (signal.aborted) return { state: 'interrupted' }
        if (timeout.signal.aborted) return outOfTime()
        const failure = failureOf(error)
        if (failure === undefined) throw error
        const { code, message } = error as TrainingFailedError
        if (
          error instanceof TrainingFailedError &&
          !anyComplete &&
          faultsOfTheSetup(code) &&
          failure !== 'out-of-memory'
        )
          throw error
        return { state: 'failed', failure, output: message.split('\n') }
      } finally {
        clearTimeout(timer)
      }
    }

    const outOfTime = (): Outcome => ({
      state: 'failed',
      failure: 'time-out',
      output: [`It was stopped after its time, ${Math.round((timeoutMs ?? 0) / 1000)} s (--trial-timeout).`],
    })

    /** Goes on from the checkpoint of an earlier attempt at the same training, else begins anew. */
    async function optionsOf({ hyp, seed, length, directory }: TrainJob): Promise<TrainOptions> {
      const { threads } = resources // read for every job: processes that come and go share the cores
      const workers = Math.min(options.workers, threads)
      const { saveDir: _, ...rest } = options
      const { hyp: own, settings } = splitSettings(hyp)
      const mine: TrainOptions = {
        ...rest,
        epochs: length?.epochs ?? options.epochs,
        ...(settingOptions(settings) as Partial<TrainOptions>),
        hyp: hypForLength({ ...options.hyp, ...numbersOf(own) }, length),
        seed,
        device,
        threads,
        workers,
        save: 'never',
      }
      if (directory === undefined) return mine
      const saved: TrainOptions = { ...mine, save: 'resume', saveDir: directory }
      const checkpoint = join(directory, 'weights', 'last.safetensors')
      if (await continues(checkpoint, saved)) {
        log.note(`going on from ${checkpoint}`)
        return { ...saved, resume: checkpoint }
      }
      await rm(join(directory, 'weights'), { recursive: true, force: true })
      await rm(join(directory, 'results.csv'), { force: true })
      return saved
    }

    return {
      name: 'embedded',
      get pid() {
        return slot.pid
      },
      train,
      kill: () => slot.kill(),
      close: () => slot.close(),
    }
  }
}

/** Trainers on darknet cfg files warm up for so long, whatever their hyp says. */
const darknetWarmupEpochs = 3

/** What our own trainer can do. @param options - of all trials */
export const embeddedTraits = (options: Pick<TrainOptions, 'hyp'>): TrainerTraits => ({
  anyLength: true,
  seeded: true,
  warmupEpochs: (hyp) => numbersOf({ ...options.hyp, ...hyp })[warmupKey] ?? darknetWarmupEpochs,
})

/** What may differ between the attempts at a training. */
const ofTheMachine = [
  'threads',
  'workers',
  'spin',
  'cache',
  'layout',
  'resume',
  'saveDir',
  'checkpointSeconds',
] as const

/** Whether a file is a checkpoint of this training. One that is damaged or of another is none. */
async function continues(checkpoint: string, options: TrainOptions): Promise<boolean> {
  if (!existsSync(checkpoint)) return false
  const { readCheckpointOptions } = await import('../../detect/index.ts')
  const same = (a: TrainOptions, b: TrainOptions) => comparable(a) === comparable(b)
  try {
    return same(readCheckpointOptions(checkpoint), options)
  } catch {
    return false
  }
}

function comparable(options: TrainOptions): string {
  const entries = Object.entries(options).filter(([key]) => !(ofTheMachine as readonly string[]).includes(key))
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function failureOf(error: unknown): FailureClass | undefined {
  if (error instanceof SlotMemoryError) return 'out-of-memory'
  if (error instanceof SlotHungError) return 'hang'
  if (error instanceof SlotCrashedError)
    return classifyExit({ code: error.exitCode, signal: error.signal as NodeJS.Signals | null }, error.output)
  if (!(error instanceof TrainingFailedError)) return undefined
  const output = [error.message, error.childStack ?? '']
  if (classifyExit({ code: 1, signal: null }, output) === 'out-of-memory') return 'out-of-memory'
  return failureByCode[error.code] ?? 'bad-configuration'
}

/** The detector's hyperparameters are numbers; its space has no others beside settings. */
const numbersOf = (hyp: Hyp) => hyp as Readonly<Record<string, number>>

function reportOf({ epoch, epochs, trainLosses, results }: Extract<TrainEvent, { type: 'epoch' }>): EpochReport {
  const [trainBoxLoss, trainObjLoss, trainClsLoss] = trainLosses
  return {
    epoch: epoch + 1,
    epochs,
    metrics: { ...(results && resultMetrics(results)), trainBoxLoss, trainObjLoss, trainClsLoss },
  }
}

/**
 * What a training ends with: its results, F1, and those of each class as `mAP50/<name>`. Classes that the validation
 * images do not have are left out; if nothing at all was detected rightly, every class has zeros.
 *
 * @param names - of all classes
 * @param rows - of the last validation; the first is that of all classes together
 */
function metricsOf(results: EpochResults, names: readonly string[], rows: readonly ClassRow[]): Metrics {
  const keys = ['precision', 'recall', 'f1', 'mAP50', 'mAP50to95'] as const
  const [all, ...classes] = rows
  const entries =
    classes.length > 0
      ? classes.flatMap((row) => keys.map((key) => [`${key}/${row.name}`, row[key]] as const))
      : names.flatMap((name) => keys.map((key) => [`${key}/${name}`, 0] as const))
  return { ...resultMetrics(results), ...(all && { f1: all.f1 }), ...Object.fromEntries(entries) }
}

const resultMetrics = ({ valBoxLoss, valObjLoss, valClsLoss, ...metrics }: EpochResults): Metrics => ({
  ...metrics,
  boxLoss: valBoxLoss,
  objLoss: valObjLoss,
  clsLoss: valClsLoss,
})

/** What the log says of an event. */
function logLine(event: TrainEvent): string | undefined {
  if (event.type === 'message') return event.level === 'warning' ? `warning: ${event.text}` : event.text
  if (event.type === 'start')
    return (
      `epochs ${event.startEpoch + 1} to ${event.epochs}, ${event.images.train} images of ${event.imagePx.train} px to train, ` +
      `${event.images.val} to validate; ${event.device}`
    )
  if (event.type !== 'epoch') return undefined
  const [box, obj, cls] = event.trainLosses.map((loss) => loss.toPrecision(4))
  const measured = event.results
    ? `  P ${event.results.precision.toFixed(4)}  R ${event.results.recall.toFixed(4)}  mAP50 ${event.results.mAP50.toFixed(4)}  ` +
      `mAP50-95 ${event.results.mAP50to95.toFixed(4)}`
    : ''
  const seconds = event.seconds.train + event.seconds.val
  return `epoch ${event.epoch + 1}/${event.epochs}  box ${box}  obj ${obj}  cls ${cls}${measured}  ${seconds.toFixed(1)} s`
}
