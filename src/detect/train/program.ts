// The compiled side of a training: network, loss and optimizer as sessions over one state. What differs between trials of
// an evolution is an input of the graph, so that a program serves one trial after another.
import {
  type LayoutChoice,
  type RuntimeOptions,
  StepCache,
  type StepResult,
  type StepScalars,
  TrainState,
  TrainStep,
  type Weights,
} from '../../nn/index.ts'
import type { TrainBatch } from '../data/index.ts'
import { families } from '../family.ts'
import {
  detectionLoss,
  type LossGeometry,
  type LossNumbers,
  lossFeeds,
  matchCapacity,
  matchCount,
} from '../loss/index.ts'
import { buildDetector, gridAnchors } from '../model/build.ts'
import { type ModelDefinition, structureKey } from '../model/definition.ts'
import type { TrainOptions } from './options.ts'

/** What decides the sessions. */
export interface ProgramOptions {
  readonly optimizer: TrainOptions['optimizer']
  /** Numbers of the frozen layers. */
  readonly frozen: readonly number[]
  readonly focal: boolean
  readonly layout: LayoutChoice
  readonly runtime: RuntimeOptions
}

/** Memory for the sessions of a program: the usual batch, the smaller last one; many shapes if batches are rectangular. */
const sessionBudgetBytes = 3 * 2 ** 30

/** What a trial brings along. */
export interface Trial {
  readonly definition: ModelDefinition
  /** Value of the hyp that decides the assignment of boxes to anchors: anchor_t or iou_t. */
  readonly anchorThreshold: number
  readonly numbers: LossNumbers
}

/** What the hyperparameters say about the loss. @param imagePx - what the gains are scaled by */
export function trialOf(
  definition: ModelDefinition,
  { hyp, labelSmoothing }: Pick<TrainOptions, 'hyp' | 'labelSmoothing'>,
  imagePx: number,
): Trial {
  const { gains, loss } = families[definition.family]
  const levels = definition.strides.length
  return {
    definition,
    anchorThreshold: hyp[loss.threshold]!,
    numbers: {
      gains: gains(hyp, levels, definition.classes, imagePx),
      clsPositiveWeight: hyp['cls_pw']!,
      objPositiveWeight: hyp['obj_pw']!,
      focalGamma: hyp['fl_gamma'] ?? 0,
      labelSmoothing,
      balance: loss.balance(levels),
    },
  }
}

/** Result of a batch. */
export interface BatchResult extends StepResult {
  /** box, obj, cls after their gains. */
  readonly losses: Float32Array
}

export class TrainProgram {
  readonly state: TrainState
  private readonly steps: StepCache
  /** Grows with the batches, so that few capacities are ever compiled. */
  private capacity = 0

  constructor(
    private readonly definition: ModelDefinition,
    private readonly options: ProgramOptions,
  ) {
    const frozen = options.frozen.map((layer) => `${definition.prefix}.${layer}.`)
    this.state = new TrainState({
      optimizer: options.optimizer,
      frozen: (name) => frozen.some((prefix) => name.startsWith(prefix)),
    })
    this.steps = new StepCache(this.state, { budgetBytes: sessionBudgetBytes })
  }

  /** Programs with equal keys are interchangeable. */
  static key(definition: ModelDefinition, options: ProgramOptions): string {
    return JSON.stringify([structureKey(definition), options])
  }

  /** Starts a trial from these weights; the moving average may start elsewhere. */
  start(model: Weights, ema: Weights): void {
    this.state.reset().load(model, 'model').load(ema, 'ema')
  }

  /** One iteration: matching, forward, loss, backward and, if `scalars.step`, update. */
  async run(batch: TrainBatch, trial: Trial, scalars: StepScalars): Promise<BatchResult> {
    const { definition, anchorThreshold, numbers } = trial
    const anchors = gridAnchors(definition)
    const levels = definition.strides.map((stride) => ({ ny: batch.height / stride, nx: batch.width / stride }))
    const form = families[definition.family].loss
    const matched = form.match(
      batch.targets,
      levels.map((level, i) => ({ ...level, anchors: anchors[i]! })),
      anchorThreshold,
    )
    await this.makeRoom(matchCount(matched))
    const geometry: LossGeometry = {
      batch: batch.batch,
      classes: definition.classes,
      anchorsPerLevel: definition.anchorsPerLevel,
      levels,
      capacity: this.capacity,
      focal: this.options.focal,
    }
    const key = [batch.batch, batch.height, batch.width, this.capacity].join()
    const step = await this.steps.get(key, () => this.compile(batch, geometry))
    const result = await step.run({ image: batch.images, ...lossFeeds(matched, numbers, geometry) }, scalars)
    return { ...result, losses: result.outputs['losses']! }
  }

  /** Memory of weights and sessions. */
  get bytes(): number {
    return this.state.bytes + this.steps.bytes
  }

  async dispose(): Promise<void> {
    await this.steps.dispose()
  }

  /** Grows the capacity, with a margin for the batches to come; sessions of the smaller one would never be used again. */
  private async makeRoom(matches: number): Promise<void> {
    if (matches <= this.capacity) return
    await this.steps.dispose()
    this.capacity = matchCapacity(1.25 * matches)
  }

  private compile(batch: TrainBatch, geometry: LossGeometry): Promise<TrainStep> {
    const { layout, runtime } = this.options
    return TrainStep.create({
      ...runtime,
      layout,
      state: this.state,
      build: (scope) => {
        const image = scope.image('image', batch.batch, batch.height, batch.width)
        const heads = buildDetector(scope, this.definition, image)
        const { loss, items } = detectionLoss(scope.graph, heads, geometry, families[this.definition.family].loss)
        return { loss, outputs: { losses: items } }
      },
    })
  }
}
