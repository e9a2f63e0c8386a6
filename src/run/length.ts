// How long one training is to be, where the trainings of a study differ in length, and what of its hyperparameters
// counts epochs and so goes along.
import type { Hyp } from '../search/index.ts'

/** The length of one training. */
export interface TrainingLength {
  /** Epochs that it is granted. */
  readonly epochs: number
  /** Epochs of a full training of the study. */
  readonly full: number
}

/** What is to be known of a trainer before a search begins. */
export interface TrainerTraits {
  /**
   * It can be asked for trainings of any number of epochs, so that the learning rate of a short one comes to its end. If
   * not, all are begun at full length, and can only be stopped.
   */
  readonly anyLength: boolean
  /** It takes the seed of a job. If not, a training that is repeated differs by chance, or not at all. */
  readonly seeded: boolean
  /** Epochs of warm-up that a hyp asks for in a full training; what a trainer makes of few images is not counted. */
  warmupEpochs(hyp: Hyp): number
}

/** The hyperparameter that says how many epochs the learning rate rises. */
export const warmupKey = 'warmup_epochs'

/** In the folder of a trial that is shorter than a full training: what it was handed. Its own hyp stays in hyp.yaml. */
export const shortHypFile = 'hyp-short.yaml'

/** A number of epochs of a full training, for one of this length. */
export const scaledEpochs = (epochs: number, { epochs: granted, full }: TrainingLength): number =>
  Math.round(((epochs * granted) / full) * 1e5) / 1e5

/**
 * The hyp that a training of this length is handed: its warm-up is the same share of it. Without a length, at full length
 * and without a warm-up in the hyp it is the hyp itself.
 *
 * @param whole - keys of whole numbers; they stay whole
 */
export function hypForLength<H extends Hyp>(
  hyp: H,
  length: TrainingLength | undefined,
  whole: readonly string[] = [],
): H {
  const warmup = hyp[warmupKey]
  if (!isShort(length) || typeof warmup !== 'number') return hyp
  const scaled = scaledEpochs(warmup, length)
  return { ...hyp, [warmupKey]: whole.includes(warmupKey) ? Math.round(scaled) : scaled }
}

/** Whether a length is another one than that of a full training. */
export const isShort = (length: TrainingLength | undefined): length is TrainingLength =>
  length !== undefined && length.epochs !== length.full
