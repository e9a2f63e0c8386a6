// Learning rates of YOLOv3's trainer: burn-in, then steps or a cosine. Pure functions of the iteration number.
// Source: yolov3 v8 train.py (burn-in, cosine) and the trainer of January 2020 (steps), stated as formulas.
import type { FamilyScheduleOptions, TrainSchedule } from '../family.ts'
import { type Iteration, roundHalfEven } from '../schedule.ts'

/** Gradients are accumulated until about this many images have been seen. */
const nominalBatch = 64
/** Learning rate of biases and momentum at the start of burn-in. */
const biasStart = 0.1
const momentumStart = 0.9

/**
 * Learning rates, momentum, weight decay, accumulation, and the share of the overlap in the objectness target.
 *
 * Burn-in lasts 3 epochs, at least 500 iterations, at most half of the training (the original has no such bound): rates
 * rise from 0 (of biases fall from 0.1), momentum from 0.9, weight decay and the overlap's share from 0.
 *
 * Later: with `lrf` up to 0, lr0 until 80 % of the epochs, lr0 · 10^(lrf/2) until 90 %, then lr0 · 10^lrf. The trainer
 * of January 2020 took these two steps with a factor of 0.1 each whatever `lrf` said, which is lrf = -2 here. With
 * `lrf` above 0, as v7 and v8 have it, half a cosine from lr0 down to lr0 · lrf; `--cos-lr` asks for the cosine too.
 */
export class Yolov3Schedule implements TrainSchedule {
  /** Iterations of burn-in. */
  readonly burnIn: number
  private readonly accumulated: number
  private readonly accumulation: number

  constructor(private readonly options: FamilyScheduleOptions) {
    const { epochs, batches, batchSize, accumulate = nominalBatch / batchSize } = options
    this.burnIn = Math.min(Math.max(3 * batches, 500), Math.floor((epochs * batches) / 2))
    this.accumulation = accumulate
    this.accumulated = Math.max(roundHalfEven(accumulate), 1)
  }

  /** Factor on `lr0` in `epoch`. */
  learningRateFactor(epoch: number): number {
    const { epochs, cosLr, hyp } = this.options
    const lrf = hyp['lrf']!
    const last = lrf > 0 ? lrf : 10 ** lrf
    if (lrf > 0 || cosLr) return ((1 + Math.cos((epoch * Math.PI) / epochs)) / 2) * (1 - last) + last
    const steps = [0.8, 0.9].filter((share) => epoch >= roundHalfEven(epochs * share)).length
    return last ** (steps / 2)
  }

  at(iteration: number): Iteration {
    const { hyp, batches, optimizer = 'SGD' } = this.options
    const rate = hyp['lr0']! * this.learningRateFactor(Math.floor(iteration / batches))
    const momentum = hyp['momentum']!
    const weightDecay = hyp['weight_decay']!
    if (iteration > this.burnIn || this.burnIn === 0) {
      const learningRate = { bias: rate, decayed: rate, norm: rate }
      return { learningRate, momentum, weightDecay, overlapRatio: 1, accumulate: this.accumulated }
    }
    const done = iteration / this.burnIn
    const warm = (from: number, to: number) => from + (to - from) * done
    return {
      learningRate: { bias: warm(biasStart, rate), decayed: warm(0, rate), norm: warm(0, rate) },
      momentum: optimizer === 'SGD' ? warm(momentumStart, momentum) : momentum,
      weightDecay: warm(0, weightDecay),
      overlapRatio: done,
      accumulate: Math.max(1, roundHalfEven(warm(1, this.accumulation))),
    }
  }

  steps(iteration: number): boolean {
    return iteration % this.at(iteration).accumulate === 0
  }
}
