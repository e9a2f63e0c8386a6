// The two families of models and what training means for each: loss, schedule, priors, figures. The training loop asks
// the family of its model and knows no other difference.

import type { LabelledSizes } from './anchors/index.ts'
import type { CfgAnchorsOptions } from './darknet/anchors.ts'
import { yolov3Family } from './darknet/family.ts'
import { augmentHyp } from './data/loader.ts'
import type { AugmentHyp } from './data/types.ts'
import { type LossForm, yolov5Loss } from './loss/index.ts'
import type { FamilyName } from './model/definition.ts'
import { fitness, type Iteration, type LossGains, Schedule, type ScheduleOptions, scaleLossGains } from './schedule.ts'
import type { FigureRules, NmsOptions } from './val/index.ts'

/** Hyperparameters by key. */
export type HypValues = Readonly<Record<string, number>>

/** Learning rates and the rest by iteration; {@link Schedule} is YOLOv5's. */
export interface TrainSchedule {
  at(iteration: number): Iteration
  /** Whether the optimizer steps after this iteration, given the iteration of its last step (-1: none yet). */
  steps(iteration: number, lastStep: number): boolean
}

export interface FamilyScheduleOptions extends Omit<ScheduleOptions, 'hyp'> {
  readonly hyp: HypValues
}

/** What a validation is judged by. */
export interface ValidationRules {
  readonly nms: Pick<NmsOptions, 'merge' | 'sidePx'>
  readonly figures: FigureRules
}

export interface ModelFamily {
  readonly name: FamilyName
  /** Title for messages. */
  readonly title: string
  readonly loss: LossForm
  /** The gradient is clipped to this norm. */
  readonly maxNorm: number
  /** Set if AutoAnchor leaves the anchors alone: tells how they fit. */
  readonly tellAnchors?: (labels: LabelledSizes, options: CfgAnchorsOptions) => void
  /** Hyps that a training reads; those that may be absent are not listed. */
  readonly hypKeys: readonly string[]
  /** Name of a usual set. */
  readonly usualHyp: string
  schedule(options: FamilyScheduleOptions): TrainSchedule
  /** Range of `--multi-scale` and the size that images are made at before they are scaled, all in strides. */
  multiScale(cells: number): { readonly least: number; readonly most: number; readonly made: number }
  /** Loss gains as the trainer uses them. */
  gains(hyp: HypValues, levels: number, classes: number, imagePx: number): LossGains
  /** The hyps of the augmentation, complete. */
  augment(hyp: HypValues): AugmentHyp
  /** What is added to fresh head biases, for objectness and for each class. */
  priors(stride: number, classes: number): { readonly object: number; readonly oneClass: number }
  /** Which of two epochs is better: larger is. */
  fitness(results: { readonly mAP50: number; readonly mAP50to95: number; readonly f1: number }): number
  readonly validation: ValidationRules
}

const yolov5Family: ModelFamily = {
  name: 'yolov5',
  title: 'YOLOv5',
  loss: yolov5Loss,
  maxNorm: 10,
  hypKeys: ['lr0', 'box', 'anchor_t'],
  usualHyp: 'scratch-low',
  schedule: (options) => new Schedule(options as ScheduleOptions),
  multiScale: (cells) => ({ least: Math.floor(cells / 2), most: Math.ceil(1.5 * cells), made: cells }),
  gains: (hyp, levels, classes, imagePx) =>
    scaleLossGains({ box: hyp['box']!, obj: hyp['obj']!, cls: hyp['cls']! }, levels, classes, imagePx),
  augment: augmentHyp,
  priors: (stride, classes) => ({
    object: Math.log(8 / (640 / stride) ** 2),
    oneClass: Math.log(0.6 / (classes - 0.99999)),
  }),
  fitness,
  validation: { nms: {}, figures: {} },
}

/** By {@link ModelDefinition.family}. */
export const families: Readonly<Record<FamilyName, ModelFamily>> = { yolov5: yolov5Family, yolov3: yolov3Family }
