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
  /** So many run at once; default 1. */
  readonly atOnce?: number
  /** Cores that compute each of them; default those of `options`. */
  readonly cores?: number
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
export function startLine(line: StartLineOptions) {
  const { terminal, options, trainings, atOnce = 1, yes, signal, cancel } = line
  let told = false
  return (event: TrainEvent): void => {
    if (told || event.type !== 'start') return
    told = true
    const cores = line.cores ?? (options.threads > 0 ? options.threads : availableParallelism())
    const seconds =
      Math.ceil(trainings / atOnce) *
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
    const together = atOnce > 1 ? `, ${atOnce} at once` : ''
    const what = trainings > 1 ? `${counted(trainings, 'generation')} of ${model}${together},` : model
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
