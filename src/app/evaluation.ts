// What val and compare share: a split of a data set, and detectors that are judged on it.
import { availableParallelism } from 'node:os'
import { DatasetClassesMismatchError, OnnxModelError } from '../base/index.ts'
import type { Device, Marks, Metrics, OpenDetector, TrainEvent, TrainHooks, ValidateOptions } from '../detect/index.ts'
import { workerCount } from './train-options.ts'

export interface EvaluationOptions {
  readonly data: string
  readonly split: 'train' | 'val' | 'test'
  readonly singleCls: boolean
  readonly workers: number
  readonly threads: number
  /** Where the networks compute. */
  readonly device: Device
  readonly batchSize: number
}

/** How a detector is judged. */
export interface JudgeOptions {
  readonly imagePx: number
  readonly batchSize: number
  readonly confidence: number
  readonly iou: number
  readonly maxDetections: number
  /** Rectangular batches with some border (default), or square ones without, as YOLOv5's speed test takes them. */
  readonly square?: boolean
  /** At most so long, in milliseconds, but one batch; default all images. */
  readonly limitMs?: number
  readonly marks?: Marks
  readonly onBatch?: ValidateOptions['onBatch']
}

export type Judged = Metrics & {
  /** Shape of the batches, as far as they are alike. */
  readonly shape: readonly [batch: number, channels: 3, height: number, width: number]
}

type Detect = typeof import('../detect/index.ts')

/** A split of a data set in memory, ready to judge detectors. Close it. */
export class Evaluation {
  readonly #detect: Detect
  readonly #options: EvaluationOptions
  readonly #hooks: TrainHooks
  readonly #host: InstanceType<Detect['TrainingHost']>
  #names: readonly string[] = []

  private constructor(detect: Detect, options: EvaluationOptions, hooks: TrainHooks) {
    this.#detect = detect
    this.#options = options
    this.#hooks = hooks
    this.#host = new detect.TrainingHost()
  }

  /** Reads the labels. */
  static async open(options: EvaluationOptions, hooks: TrainHooks): Promise<Evaluation> {
    const evaluation = new Evaluation(await import('../detect/index.ts'), options, hooks)
    try {
      evaluation.#names = (await evaluation.#dataset()).names
    } catch (error) {
      await evaluation.close()
      throw error
    }
    return evaluation
  }

  /** Names of the classes of the data set; one with `singleCls`. */
  get names(): readonly string[] {
    return this.#names
  }

  /** Opens a detector and looks whether its classes are those of the data set. */
  async detector(weights: string, cfg?: string): Promise<OpenDetector> {
    const { threads, singleCls, data, device } = this.#options
    if (device !== 'cpu') await this.#detect.requireDevice(device)
    const runtime = { threads: threads > 0 ? threads : availableParallelism(), spinning: false, device }
    const names = this.#names
    const detector = await this.#detect.openDetector({ weights, names, ...(cfg !== undefined && { cfg }) }, runtime)
    if (!singleCls && names.length !== detector.names.length) {
      await detector.network.dispose()
      throw new DatasetClassesMismatchError(data, names.length, weights, detector.names.length)
    }
    const differs = singleCls ? -1 : names.findIndex((name, index) => name !== detector.names[index])
    const named = detector.names.some((name, index) => name !== `class${index}` && name !== String(index))
    if (differs >= 0 && named)
      this.#tell(
        `Class ${differs} is "${names[differs]}" in ${data} and "${detector.names[differs]}" in ${weights}: are they the same, in the same order?`,
      )
    return detector
  }

  async judge(detector: OpenDetector, options: JudgeOptions): Promise<Judged> {
    const { fixed, path, stride, family } = detector
    if (fixed.height !== fixed.width)
      throw new OnnxModelError(path, `its images are ${fixed.width} x ${fixed.height}; validation wants square ones.`)
    const imagePx = fixed.height ?? Math.ceil(options.imagePx / stride) * stride
    const batchSize = fixed.batch ?? options.batchSize
    if (fixed.height !== undefined && imagePx !== options.imagePx)
      this.#tell(`${path} is made for images of ${imagePx} px; that size is used.`)
    const square = options.square === true || fixed.height !== undefined
    const sizes = {
      imagePx,
      batchSize,
      stride,
      ...(square && { rect: false, pad: 0 }),
      ...(options.limitMs && { keepBytes: 0 }),
    }
    const loader = await this.#host.valLoader(this.#source(), await this.#dataset(), sizes, this.#hooks)
    const { signal, onEvent } = this.#hooks
    let shape: Judged['shape'] = [batchSize, 3, imagePx, imagePx]
    const metrics = await this.#detect.validate({
      run: (batch) => {
        shape = [batchSize, 3, Math.max(shape[2], batch.height), Math.max(shape[3], batch.width)]
        return detector.network.run(batch)
      },
      loader: options.limitMs === undefined ? loader.all() : within(loader.all(), options.limitMs),
      names: this.#names,
      classes: detector.names.length,
      confidence: options.confidence,
      iou: options.iou,
      maxDetections: options.maxDetections,
      singleCls: this.#options.singleCls,
      rules: this.#detect.families[family].validation,
      onBatch: (index, batch, detections, native) => {
        onEvent?.({ type: 'val-batch', batch: index + 1, batches: loader.batches } satisfies TrainEvent)
        options.onBatch?.(index, batch, detections, native)
      },
      ...(options.marks && { marks: options.marks }),
      ...(signal && { signal }),
    })
    return { ...metrics, shape }
  }

  async close(): Promise<void> {
    await this.#host.close()
  }

  #source() {
    const { data, singleCls, workers, batchSize } = this.#options
    return { data, singleCls, cache: 'none', workers: workerCount(workers, batchSize) } as const
  }

  #dataset() {
    return this.#host.dataset(this.#source(), this.#options.split, this.#hooks)
  }

  #tell(text: string): void {
    this.#hooks.onEvent?.({ type: 'message', level: 'warning', text })
  }
}

/** The first batch, and more as long as the time is not over. */
async function* within<Batch>(batches: AsyncIterable<Batch>, limitMs: number): AsyncGenerator<Batch> {
  const end = performance.now() + limitMs
  for await (const batch of batches) {
    yield batch
    if (performance.now() >= end) return
  }
}
