// Our own trainer: a long-lived child process that keeps data, decoded images and compiled sessions between trials.
import { SlotCrashedError, SlotHungError, TrainingFailedError } from '../../base/index.ts'
import type { EpochResults, TrainEvent, TrainOptions } from '../../detect/index.ts'
import type { Results } from '../../search/index.ts'
import { Slot, type SlotOptions } from '../slot/index.ts'
import type { EpochReport, Outcome, Trainer, TrainJob } from '../trainer.ts'

export interface EmbeddedOptions extends SlotOptions {
  /** Everything that the training tells, in order. */
  readonly onEvent?: (trial: number, event: TrainEvent) => void
}

/** Trains each trial with the hyperparameters of its job and otherwise the same options. */
export interface EmbeddedTrainer extends Trainer {
  /** Process id of the child, while one runs. */
  readonly pid: number | undefined
}

/** Errors that belong to the hyperparameters of a trial; all others, before any success, are about the set-up. */
const faultsOfATrial = new Set(['LOSS_NOT_FINITE', 'TRAINING_FAILED'])

/** @param options - of all trials; `hyp` is replaced by that of each job */
export function embeddedTrainer(options: TrainOptions, { onEvent, ...guards }: EmbeddedOptions = {}): EmbeddedTrainer {
  const slot = new Slot(guards)
  let anyFinished = false

  async function train(job: TrainJob, onEpoch: (report: EpochReport) => void, signal: AbortSignal): Promise<Outcome> {
    const listen = (event: TrainEvent) => {
      onEvent?.(job.trial, event)
      if (event.type !== 'epoch') return
      const { epoch, epochs, results } = event
      onEpoch({ epoch: epoch + 1, epochs, ...(results && { results: toResults(results) }) })
    }
    try {
      const result = await slot.train({ ...options, hyp: job.hyp }, listen, signal)
      if (result.ended === 'interrupted') return { state: 'interrupted' }
      anyFinished = true
      return { state: 'finished', results: toResults(result.results) }
    } catch (error) {
      if (signal.aborted) return { state: 'interrupted' }
      if (error instanceof SlotCrashedError || error instanceof SlotHungError)
        return { state: 'failed', output: error.message.split('\n') }
      if (!(error instanceof TrainingFailedError)) throw error
      if (!anyFinished && !faultsOfATrial.has(error.code)) throw error
      return { state: 'failed', output: error.message.split('\n') }
    }
  }

  return {
    name: 'embedded',
    get pid() {
      return slot.pid
    },
    train,
    close: () => slot.close(),
  }
}

const toResults = ({ valBoxLoss, valObjLoss, valClsLoss, ...metrics }: EpochResults): Results => ({
  ...metrics,
  boxLoss: valBoxLoss,
  objLoss: valObjLoss,
  clsLoss: valClsLoss,
})
