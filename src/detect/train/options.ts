// What a training is asked to do. Plain data, so that it can travel to the child process that trains.
import type { Device } from '../../nn/index.ts'

/** Options of {@link train}; the names of YOLOv5 v7.0's `train.py` flags stand in the comments where they differ. */
export interface TrainOptions {
  /** Data set yaml or Darknet `.data`, or 'digits' for the built-in one. */
  readonly data: string
  /** Model yaml or Darknet cfg, as 'yolov5n.yaml'; '' takes the model of `weights`. */
  readonly cfg: string
  /** Weights to start from (.safetensors); '' trains from scratch. */
  readonly weights: string
  /** Hyperparameters by key, complete (see `hyp.ts`); `anchors` is optional. */
  readonly hyp: Readonly<Record<string, number>>
  /** Number of epochs, at least 1. */
  readonly epochs: number
  /** -1: 16, or less where the memory would not do (`--batch-size -1`). */
  readonly batchSize: number
  /** Batches per update of the weights; left out, as many as have about 64 images. */
  readonly accumulate?: number
  /** Side of the square training images in pixels (`--imgsz`), rounded up to a multiple of the largest stride. */
  readonly imagePx: number
  /** Side that images are validated at, if it is another one (the last number of YOLOv3's `--img-size`). */
  readonly valImagePx?: number
  /** Batches are scaled to up to five sizes around `imagePx` by chance (`--multi-scale`). */
  readonly multiScale: boolean
  /** With it, batches are scaled to sizes from this one to `imagePx` (the first of three numbers of `--img-size`). */
  readonly leastImagePx?: number
  /** Images with rare and badly found classes are drawn more often (`--image-weights`). */
  readonly imageWeights: boolean
  /** Rectangular training batches (no mosaic, no shuffle). */
  readonly rect: boolean
  /** Checkpoint `last.safetensors` of an interrupted training to continue, or '' */
  readonly resume: string
  /**
   * Checkpoints after every epoch, only after the last one (`--nosave`), or never: then `saveDir` gets nothing but
   * results.csv. `resume` is for the trials of an evolution: `last.safetensors` alone, now and then (so that an
   * interruption costs little, and saving costs little) and at the end.
   */
  readonly save: 'every' | 'last' | 'resume' | 'never'
  /** With `save: 'resume'`, seconds between two checkpoints at least; default 10. */
  readonly checkpointSeconds?: number
  /** Validate after every epoch, or only after the last one (`--noval`). */
  readonly validate: 'every' | 'last'
  /** Collect the images of the first batches for pictures (`--noplots` is false here). */
  readonly plots: boolean
  /** Check the anchors against the data set and replace poor ones (`--noautoanchor` is false here). */
  readonly autoAnchor: boolean
  readonly cache: 'none' | 'ram' | 'disk'
  /** Treat all classes as one. */
  readonly singleCls: boolean
  readonly optimizer: 'SGD' | 'Adam' | 'AdamW'
  /** Worker threads that decode and augment; 0 does it in the training thread. */
  readonly workers: number
  readonly cosLr: boolean
  readonly labelSmoothing: number
  /** Epochs without improvement before an early stop; 0 never stops. */
  readonly patience: number
  /** Layers to freeze: `[10]` freezes the first ten, `[0, 1, 4]` these. */
  readonly freeze: readonly number[]
  /** Also keep a checkpoint every so many epochs; below 1: never. */
  readonly savePeriod: number
  readonly seed: number
  /** Folder of this run: weights/, results.csv, hyp.yaml, opt.yaml. Leave out to write nothing. */
  readonly saveDir?: string
  /** Where the network computes; default 'cpu'. Images are decoded and augmented on the processor in any case. */
  readonly device?: Device
  /** Threads of ONNX Runtime; 0 takes the machine's cores. */
  readonly threads: number
  /** Memory layout of the training graph; 'auto' probes for the blocked one. */
  readonly layout: 'auto' | 'blocked' | 'plain'
  /** Let idle compute threads spin: faster on cores that nobody else uses. */
  readonly spin: boolean
}

/** Defaults, as v7.0's where it has the option. */
export const trainDefaults = {
  cfg: '',
  weights: '',
  epochs: 100,
  batchSize: 16,
  imagePx: 640,
  multiScale: false,
  imageWeights: false,
  rect: false,
  resume: '',
  save: 'every',
  validate: 'every',
  plots: true,
  autoAnchor: true,
  cache: 'none',
  singleCls: false,
  optimizer: 'SGD',
  workers: 2,
  cosLr: false,
  labelSmoothing: 0,
  patience: 100,
  freeze: [0],
  savePeriod: -1,
  seed: 0,
  threads: 0,
  layout: 'auto',
  spin: false,
} as const satisfies Partial<TrainOptions>
