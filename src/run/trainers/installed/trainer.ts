// A trainer of this machine as ours: each job is one of its normal trainings, followed and explained.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitForGpu } from '../../gpus.ts'
import { type ProcessGroup, type ProcessLimits, TrialLog, trainProcess } from '../../process/index.ts'
import type { EpochReport, Outcome, SlotResources, Trainer, TrainJob } from '../../trainer.ts'
import type { Installation, InstalledTrainer, InstalledTraining } from './types.ts'

export interface InstalledOptions extends ProcessLimits {
  readonly adapter: InstalledTrainer
  readonly installation: Installation
  readonly training: InstalledTraining
  /** Told while a training waits for its GPU, one sentence. */
  readonly onWait?: (text: string) => void
  /**
   * A training that ran out of memory is tried again with half its batch; the trainers then accumulate gradients to the
   * same nominal batch. Trials of which that is so; shared by all slots. `undefined`: it is tried again as it was.
   */
  readonly halved?: Set<number>
}

/** @param slot - what the trainings of this trainer may use */
export function installedTrainer(options: InstalledOptions, slot: SlotResources): Trainer {
  const { adapter, installation, training, onWait, halved, ...limits } = options
  let running: ProcessGroup | undefined

  async function train(job: TrainJob, onEpoch: (report: EpochReport) => void, signal: AbortSignal): Promise<Outcome> {
    const directory = job.directory ?? (await mkdtemp(join(tmpdir(), 'hypevolve-trial-')))
    const log = new TrialLog(join(directory, 'train.log'))
    try {
      return await follow({ ...job, directory }, log, onEpoch, signal)
    } finally {
      running = undefined
      log.close()
      if (job.directory === undefined) await rm(directory, { recursive: true, force: true })
    }
  }

  async function follow(
    job: TrainJob & { readonly directory: string },
    log: TrialLog,
    onEpoch: (report: EpochReport) => void,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const out = join(job.directory, 'out')
    await mkdir(out, { recursive: true })
    const tellWait = (text: string) => {
      log.note(text)
      onWait?.(text)
    }
    await waitForGpu(slot.device, { signal, onWait: tellWait })
    if (signal.aborted) return { state: 'interrupted' }
    const asked = ofLength(training, job)
    const reduced = halved?.has(job.trial) ? halfBatch(asked) : undefined
    const plan = await adapter.plan(installation, reduced?.training ?? asked, job, slot)
    log.note(`${new Date().toISOString()} trial ${job.trial}, attempt ${job.attempt}: ${plan.words.join(' ')}`)
    // An attempt that goes on with a checkpoint reports only epochs that are news.
    const reader = adapter.read(installation, out, onEpoch, 0)
    const env = {
      ...{ PYTHONUNBUFFERED: '1', OMP_NUM_THREADS: String(slot.threads) },
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID', // numbers are those of nvidia-smi
      ...process.env,
      ...plan.env,
    }
    const outcome = await trainProcess({
      plan: { ...plan, env },
      reader,
      log,
      limits,
      signal,
      onStart: (group) => (running = group),
      ...(adapter.classify && { classify: adapter.classify.bind(adapter) }),
    })
    if (outcome.state === 'failed' && outcome.failure === 'out-of-memory' && halfBatch(training)) halved?.add(job.trial)
    const less = reduced?.text ?? reader.reduced
    return outcome.state === 'complete' && less !== undefined ? { ...outcome, reduced: less } : outcome
  }

  return {
    name: adapter.name,
    get pid() {
      return running?.pid
    },
    train,
    kill: () => running?.kill('SIGKILL'),
    async close() {
      running?.kill('SIGKILL')
      await running?.ended
    },
  }
}

/** The training that a job asks for. */
const ofLength = (training: InstalledTraining, { length }: TrainJob): InstalledTraining =>
  length === undefined ? training : { ...training, flags: { ...training.flags, epochs: length.epochs } }

/** YOLOv5, YOLOv3 and Ultralytics take so many images if they are told nothing. */
const usualBatch = 16

/** The same training with half the batch; `undefined` if that is not possible. */
function halfBatch(training: InstalledTraining): { training: InstalledTraining; text: string } | undefined {
  const batch = training.flags['batch-size'] ?? usualBatch
  if (typeof batch !== 'number' || batch < 2) return undefined
  const half = Math.floor(batch / 2)
  return {
    training: { ...training, flags: { ...training.flags, 'batch-size': half } },
    text: `with batch ${half} instead of ${batch}, after it had run out of memory`,
  }
}
