// About how long a training takes and how much memory it needs, told before it begins.

/** What decides the time. */
export interface Workload {
  /** Of one image of 640 × 640, forward, in 1e9 floating-point operations (what the model table says). */
  readonly gflops: number
  readonly imagePx: number
  readonly trainImages: number
  readonly valImages: number
  readonly epochs: number
  /** Validate every epoch, or only after the last. */
  readonly validate: 'every' | 'last'
  /** Cores that compute. */
  readonly cores: number
}

/** 1e9 floating-point operations per second and core of a training step, on the machines this was measured on. */
const gflopsPerCore = 30
/** Forward, gradient of the input, gradient of the weights. */
const trainingPasses = 3
/** Reading, augmenting and suppressing, seconds per image. */
const otherPerImage = { train: 0.003, val: 0.004 }

/** Seconds, right within a factor of about two on a processor of our decade. */
export function estimateSeconds(work: Workload): number {
  const perImage = (work.gflops * (work.imagePx / 640) ** 2) / (gflopsPerCore * Math.max(1, work.cores))
  const train = work.trainImages * (perImage * trainingPasses + otherPerImage.train)
  const val = work.valImages * (perImage + otherPerImage.val)
  return work.epochs * train + (work.validate === 'every' ? work.epochs + 1 : 1) * val
}

/** What decides the memory. */
export interface MemoryLoad {
  readonly parameters: number
  /** As in {@link Workload}. */
  readonly gflops: number
  /** `width_multiple` of the model: operations grow with its square, what is kept for the backward pass with itself. */
  readonly width: number
  readonly imagePx: number
  readonly batchSize: number
}

/** Node, ONNX Runtime, a compiled graph and the loader's threads. */
const baseBytes = 350e6
/** Bytes kept per image of 640 × 640, of gflops / width; from YOLOv5n at 128, 320 and 640 px. */
const bytesPerActivity = 1.2e7
/** Copies of a parameter: weight, gradient, momentum and average, some of them twice. */
const copies = 8

/** Bytes of the process that trains, right within a third. */
export function estimateBytes({ parameters, gflops, width, imagePx, batchSize }: MemoryLoad): number {
  const images = batchSize * (imagePx / 640) ** 2
  return baseBytes + 4 * copies * parameters + (images * gflops * bytesPerActivity) / Math.max(0.05, width)
}
