// About how long a training takes, told before it begins.

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
