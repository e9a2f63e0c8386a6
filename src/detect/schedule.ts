// What changes from iteration to iteration of a training: learning rates, momentum, accumulation, EMA, early stop.
// Pure functions of the iteration number: the training loop asks, nothing here counts along.
// Source of all rules: YOLOv5 v7.0 train.py and utils/torch_utils.py, stated as formulas.

/** Gradients are accumulated until about this many images have been seen. */
const nominalBatch = 64

export interface ScheduleOptions {
  readonly epochs: number
  /** Batches per epoch. */
  readonly batches: number
  readonly batchSize: number
  /** Batches whose gradients are summed for an update (`--accumulate`), instead of about 64 images. */
  readonly accumulate?: number
  /** Cosine instead of linear decay of the learning rate (`--cos-lr`). */
  readonly cosLr: boolean
  /** Adam and AdamW keep their first beta during warm-up; SGD's momentum is warmed up. Default SGD. */
  readonly optimizer?: 'SGD' | 'Adam' | 'AdamW'
  readonly hyp: Readonly<
    Record<'lr0' | 'lrf' | 'momentum' | 'weight_decay' | 'warmup_epochs' | 'warmup_momentum' | 'warmup_bias_lr', number>
  >
}

/** The numbers of one iteration. */
export interface Iteration {
  readonly learningRate: { readonly bias: number; readonly decayed: number; readonly norm: number }
  readonly momentum: number
  /** Number of batches whose gradients are summed before the optimizer steps; at least 1. */
  readonly accumulate: number
  readonly weightDecay: number
  /** Share of the predicted overlap in the objectness target; 1 in YOLOv5. */
  readonly overlapRatio: number
}

/**
 * Learning rates, momentum and accumulation of a training, by iteration (batches since the start of epoch 0).
 *
 * @example
 * const now = schedule.at(iteration)
 * const step = schedule.steps(iteration, lastStep)
 * if (step) lastStep = iteration
 */
export class Schedule {
  /** Iterations of warm-up: `warmup_epochs` worth of batches, but at least 100. */
  readonly warmupIterations: number
  /** Weight decay after scaling with the real number of images per optimizer step. */
  readonly weightDecay: number
  private readonly accumulated: number
  /** The same before it is rounded: what warm-up rises to. */
  private readonly accumulation: number

  constructor(private readonly options: ScheduleOptions) {
    const { hyp, batches, batchSize, accumulate = nominalBatch / batchSize } = options
    this.warmupIterations = Math.max(roundHalfEven(hyp.warmup_epochs * batches), 100)
    this.accumulation = accumulate
    this.accumulated = Math.max(roundHalfEven(accumulate), 1)
    this.weightDecay = (hyp.weight_decay * batchSize * this.accumulated) / nominalBatch
  }

  /** Factor on `lr0` in `epoch`: from 1 down to `lrf`, in a line or half a cosine. `epoch` may equal `epochs`. */
  learningRateFactor(epoch: number): number {
    const { epochs, cosLr, hyp } = this.options
    if (cosLr) return ((1 - Math.cos((epoch * Math.PI) / epochs)) / 2) * (hyp.lrf - 1) + 1
    return (1 - epoch / epochs) * (1 - hyp.lrf) + hyp.lrf
  }

  /** @param iteration - batches since the start of epoch 0 */
  at(iteration: number): Iteration {
    const { hyp, batches, optimizer = 'SGD' } = this.options
    const end = this.warmupIterations
    const epoch = Math.floor(iteration / batches)
    if (iteration > end) {
      // An oddity of v7.0 that is kept: warm-up aims at the factor of the running epoch, but the scheduler behind it
      // is one epoch late, so the epoch after warm-up's last one repeats that epoch's factor.
      const factorEpoch = epoch === Math.floor(end / batches) ? epoch : epoch - 1
      const rate = hyp.lr0 * this.learningRateFactor(factorEpoch)
      return {
        learningRate: { bias: rate, decayed: rate, norm: rate },
        momentum: hyp.momentum,
        accumulate: this.accumulated,
        weightDecay: this.weightDecay,
        overlapRatio: 1,
      }
    }
    const target = hyp.lr0 * this.learningRateFactor(epoch)
    const warm = (from: number, to: number) => interpolate(iteration, end, from, to)
    return {
      // Biases fall from a high rate, everything else rises from 0.
      learningRate: { bias: warm(hyp.warmup_bias_lr, target), decayed: warm(0, target), norm: warm(0, target) },
      momentum: optimizer === 'SGD' ? warm(hyp.warmup_momentum, hyp.momentum) : hyp.momentum,
      accumulate: Math.max(1, roundHalfEven(warm(1, this.accumulation))),
      weightDecay: this.weightDecay,
      overlapRatio: 1,
    }
  }

  /** Whether the optimizer steps after this iteration, given the iteration of its last step (-1: none yet). */
  steps(iteration: number, lastStep: number): boolean {
    return iteration - lastStep >= this.at(iteration).accumulate
  }
}

/**
 * Decay of the weights' moving average at its n-th update: it rises, so that early updates count more.
 *
 * d = 0.9999 (1 - e^(-n / 2000))
 */
export function emaDecay(updates: number): number {
  return 0.9999 * (1 - Math.exp(-updates / 2000))
}

/** Gains of the three loss terms. */
export interface LossGains {
  readonly box: number
  readonly obj: number
  readonly cls: number
}

/**
 * Loss gains as the trainer uses them: the hyps were tuned for 3 levels, 80 classes and 640 px.
 *
 * @param imagePx - side of the training images
 */
export function scaleLossGains(hyp: LossGains, levels: number, classes: number, imagePx: number): LossGains {
  return {
    box: (hyp.box * 3) / levels,
    cls: (((hyp.cls * classes) / 80) * 3) / levels,
    obj: (hyp.obj * (imagePx / 640) ** 2 * 3) / levels,
  }
}

/** Weights of mAP50 and mAP50-95 in the fitness of an epoch. */
export function fitness(results: { readonly mAP50: number; readonly mAP50to95: number }): number {
  return 0.1 * results.mAP50 + 0.9 * results.mAP50to95
}

/** Stops a training that has not improved for `patience` epochs (0: never). An equal fitness counts as improved. */
export class EarlyStopping {
  bestFitness = 0
  bestEpoch = 0
  private readonly patience: number

  constructor(patience: number) {
    this.patience = patience > 0 ? patience : Number.POSITIVE_INFINITY
  }

  /** Takes the fitness of an epoch, counted from 0; true means stop. */
  update(epoch: number, value: number): boolean {
    if (value >= this.bestFitness) {
      this.bestFitness = value
      this.bestEpoch = epoch
    }
    return epoch - this.bestEpoch >= this.patience
  }
}

/** Straight line through (0, from) and (end, to) at x in [0, end], in the order of operations of NumPy's interp. */
function interpolate(x: number, end: number, from: number, to: number): number {
  return x >= end ? to : ((to - from) / end) * x + from
}

/** Nearest integer, ties to the even one: Python's and NumPy's `round`. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  if (rest !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}
