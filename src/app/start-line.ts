// One line at the start: what trains where and about how long. Above a day it asks, on a terminal.
import { availableParallelism } from 'node:os'
import type { TrainEvent, TrainOptions } from '../detect/index.ts'
import type { Terminal } from './console/terminal.ts'
import { counted, durationText } from './console/text.ts'
import { estimateSeconds } from './estimate.ts'

const day = 24 * 3600

export interface StartLineOptions {
  readonly terminal: Terminal
  readonly options: TrainOptions
  /** Trainings of this kind that are planned; 1 without `--evolve`. */
  readonly trainings: number
  /** Do not ask. */
  readonly yes: boolean
  readonly signal: AbortSignal
  /** Called if the answer is no. */
  readonly cancel: () => void
}

/**
 * Prints the line at the first `start` event and asks if that is needed. The training goes on while the question stands,
 * so nothing is lost if nobody answers.
 */
export function startLine({ terminal, options, trainings, yes, signal, cancel }: StartLineOptions) {
  let told = false
  return (event: TrainEvent): void => {
    if (told || event.type !== 'start') return
    told = true
    const cores = options.threads > 0 ? options.threads : availableParallelism()
    const seconds =
      trainings *
      estimateSeconds({
        gflops: event.gflops,
        imagePx: event.imagePx.train,
        trainImages: event.images.train,
        valImages: event.images.val,
        epochs: event.epochs - event.startEpoch,
        validate: options.validate,
        cores,
      })
    const model = options.cfg || options.weights
    const what = trainings > 1 ? `${counted(trainings, 'generation')} of ${model}` : model
    terminal.line(
      `Training ${what} for ${counted(event.epochs - event.startEpoch, 'epoch')} on ${counted(event.images.train, 'image')} ` +
        `of ${event.imagePx.train} px, on the CPU (${event.device}): about ${durationText(seconds)}`,
    )
    if (seconds <= day || yes) return
    terminal.warn(
      `That is more than a day. A smaller model (--cfg yolov5n.yaml), --imgsz or --epochs${trainings > 1 ? ', or fewer generations' : ''} shorten it.`,
    )
    void terminal.confirm('Go on? (it trains meanwhile)', true, signal).then((answer) => {
      if (!answer && !signal.aborted) cancel()
    })
  }
}
