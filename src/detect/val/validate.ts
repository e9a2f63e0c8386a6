// Validation: images → network → boxes → marks → figures. The network is a function here, so that the same code serves
// the epochs of a training, `hypevolve val` and an exported model.
import type { ClassRow, EpochResults, ValCurves } from '../train/events.ts'
import { type Placement, scaleBoxes, xywhToXyxy } from './boxes.ts'
import { ConfusionMatrix, iouThresholds, LABEL_COLUMNS, matchDetections } from './match.ts'
import { DETECTION_COLUMNS, type NmsOptions, nonMaxSuppression } from './nms.ts'
import { axis, type ClassMetrics, classMetrics, type FigureRules } from './precision.ts'

/** What validation needs of a batch; the loader's `ValBatch` has it. */
export interface ValidationBatch {
  /** uint8 RGB, [batch, 3, height, width]. */
  readonly images: Uint8Array
  readonly batch: number
  readonly height: number
  readonly width: number
  /** [n, 6] flat: image index, class, x, y, width, height, normalised. */
  readonly targets: Float32Array
  readonly originals: readonly (Placement & { readonly path: string })[]
}

/** Answer of the network to a batch. */
export interface NetworkOutput<Heads> {
  /** [batch, rows, 5 + nc], see {@link Decoded}. */
  readonly decoded: Float32Array
  /** Raw heads or whatever `computeLoss` takes. */
  readonly heads: Heads
}

export interface ValidateOptions<Batch extends ValidationBatch = ValidationBatch, Heads = unknown> {
  readonly run: (batch: Batch) => NetworkOutput<Heads> | Promise<NetworkOutput<Heads>>
  readonly loader: AsyncIterable<Batch>
  /** Names of the classes. */
  readonly names: readonly string[]
  /** Classes of the network, if there are others than `names`: with `singleCls` all count as one. */
  readonly classes?: number
  /** Least confidence of a box; default 0.001. */
  readonly confidence?: number
  /** Overlap of the suppression; default 0.6. */
  readonly iou?: number
  /** Boxes per image; default 300. */
  readonly maxDetections?: number
  /** What a model of YOLOv3 is judged by; default v7.0's rules. */
  readonly rules?: { readonly nms: Pick<NmsOptions, 'merge' | 'sidePx'>; readonly figures: FigureRules }
  /** All boxes are of class 0, and suppression looks across classes (`--single-cls`). */
  readonly singleCls?: boolean
  /** Collects the marks, for those who want more than the figures. */
  readonly marks?: Marks
  /** Loss terms [box, obj, cls] of a batch; without it the result has zeros. */
  readonly computeLoss?: (heads: Heads, batch: Batch) => readonly [box: number, obj: number, cls: number]
  /**
   * Called after each batch with its detections, per image [n, 6] in pixels of the batch's images (to show, or to
   * save), and with the same boxes in pixels of the photographs.
   */
  readonly onBatch?: (index: number, batch: Batch, detections: Float32Array[], native: Float32Array[]) => void
  readonly signal?: AbortSignal
}

/** Result of a validation. */
export interface Metrics extends EpochResults {
  readonly f1: number
  readonly images: number
  readonly instances: number
  /** The table of the console: all classes first, then each class that has labels. */
  readonly perClass: readonly ClassRow[]
  /** mAP50-95 of every class; of a class without labels, that of all (v7.0's `maps`). */
  readonly maps: readonly number[]
  readonly curves: ValCurves
  /** Milliseconds per image: the network, suppression, the rest (marks and figures); waiting for the loader. */
  readonly msPerImage: {
    readonly network: number
    readonly suppression: number
    readonly marking: number
    readonly loader: number
  }
}

/**
 * Validates a network on a data set.
 *
 * Source: yolov5 v7.0 val.py, run.
 *
 * @throws the signal's reason if it is aborted between two batches
 */
export async function validate<Batch extends ValidationBatch, Heads>(
  options: ValidateOptions<Batch, Heads>,
): Promise<Metrics> {
  const { names, singleCls = false, signal } = options
  const marks = options.marks ?? new Marks(names.length)
  const losses = [0, 0, 0]
  const ms = { network: 0, suppression: 0, marking: 0, loader: 0 }
  let batches = 0
  let clock = performance.now()
  const lap = (part: keyof typeof ms) => {
    const now = performance.now()
    ms[part] += now - clock
    clock = now
  }

  for await (const batch of options.loader) {
    signal?.throwIfAborted()
    lap('loader')
    const { decoded, heads } = await options.run(batch)
    lap('network')
    const terms = options.computeLoss?.(heads, batch)
    if (terms) for (let i = 0; i < 3; i++) losses[i]! += terms[i]!
    lap('marking')
    const columns = (options.classes ?? names.length) + 5
    const detections = nonMaxSuppression(
      { data: decoded, batch: batch.batch, rows: decoded.length / (batch.batch * columns), columns },
      {
        confidence: options.confidence ?? 0.001,
        iou: options.iou ?? 0.6,
        multiLabel: true,
        agnostic: singleCls,
        maxDetections: options.maxDetections ?? 300,
        ...options.rules?.nms,
      },
    )
    lap('suppression')
    if (singleCls)
      for (const rows of detections) for (let at = 5; at < rows.length; at += DETECTION_COLUMNS) rows[at] = 0
    const native = marks.addBatch(batch, detections)
    lap('marking')
    options.onBatch?.(batches, batch, detections, native)
    batches++
    clock = performance.now()
  }
  signal?.throwIfAborted()

  const figures = summarize(marks, names, options.rules?.figures)
  lap('marking')
  const mean = (sum: number) => sum / Math.max(batches, 1)
  const perImage = (value: number) => value / Math.max(marks.images.length, 1)
  return {
    ...figures,
    valBoxLoss: mean(losses[0]!),
    valObjLoss: mean(losses[1]!),
    valClsLoss: mean(losses[2]!),
    msPerImage: {
      network: perImage(ms.network),
      suppression: perImage(ms.suppression),
      marking: perImage(ms.marking),
      loader: perImage(ms.loader),
    },
  }
}

/** An image with its detections marked. */
export interface MarkedImage {
  readonly path: string
  /** [n, 10] of 0 and 1, see {@link matchDetections}. */
  readonly correct: Uint8Array
  /** [n], falling. */
  readonly confidence: Float32Array
  /** [n] class of each detection. */
  readonly predicted: Int32Array
  /** [m] class of each label. */
  readonly actual: Int32Array
}

/** Collects marked detections and labels over the images of a data set. */
export class Marks {
  readonly images: MarkedImage[] = []
  readonly confusion: ConfusionMatrix

  constructor(readonly nc: number) {
    this.confusion = new ConfusionMatrix(nc)
  }

  /**
   * Adds a batch: brings boxes and labels to the photographs' pixels and marks them.
   *
   * @param detections - per image [n, 6] in pixels of the batch's images
   * @returns the same in pixels of the photographs
   */
  addBatch(batch: ValidationBatch, detections: readonly Float32Array[]): Float32Array[] {
    return detections.map((rows, image) => {
      const placement = batch.originals[image]!
      const native = scaleBoxes(rows.slice(), placement, DETECTION_COLUMNS)
      this.addImage(native, nativeLabels(batch, image), placement.path)
      return native
    })
  }

  /** @param detections - [n, 6]; @param labels - [m, 5]; both in the same pixels */
  addImage(detections: Float32Array, labels: Float32Array, path = ''): void {
    // As there: an image without labels leaves no false detections in the confusion matrix (it does in the figures).
    if (labels.length > 0) this.confusion.add(detections, labels)
    const count = detections.length / DETECTION_COLUMNS
    const confidence = new Float32Array(count)
    const predicted = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      confidence[i] = detections[i * DETECTION_COLUMNS + 4]!
      predicted[i] = detections[i * DETECTION_COLUMNS + 5]!
    }
    const actual = Int32Array.from({ length: labels.length / LABEL_COLUMNS }, (_, i) => labels[i * LABEL_COLUMNS]!)
    this.images.push({ path, correct: matchDetections(detections, labels), confidence, predicted, actual })
  }

  /** All images in one. */
  all(): Omit<MarkedImage, 'path'> {
    const sum = (length: (image: MarkedImage) => number) =>
      this.images.reduce((total, image) => total + length(image), 0)
    const detections = sum(({ confidence }) => confidence.length)
    const whole = {
      correct: new Uint8Array(detections * iouThresholds.length),
      confidence: new Float32Array(detections),
      predicted: new Int32Array(detections),
      actual: new Int32Array(sum(({ actual }) => actual.length)),
    }
    let [from, label] = [0, 0]
    for (const { correct, confidence, predicted, actual } of this.images) {
      whole.correct.set(correct, from * iouThresholds.length)
      whole.confidence.set(confidence, from)
      whole.predicted.set(predicted, from)
      whole.actual.set(actual, label)
      from += confidence.length
      label += actual.length
    }
    return whole
  }
}

/** Labels of an image, [m, 5] class and corners in pixels of the photograph. */
function nativeLabels({ targets, width, height, originals }: ValidationBatch, image: number): Float32Array {
  const labels: number[] = []
  for (let at = 0; at < targets.length; at += 6) {
    if (targets[at] !== image) continue
    labels.push(
      targets[at + 1]!,
      targets[at + 2]! * width,
      targets[at + 3]! * height,
      targets[at + 4]! * width,
      targets[at + 5]! * height,
    )
  }
  const rows = Float32Array.from(labels)
  const boxes = rows.subarray(1)
  xywhToXyxy(boxes, LABEL_COLUMNS)
  scaleBoxes(boxes, originals[image]!, LABEL_COLUMNS)
  return rows
}

/** Figures of all marks; zeros if no detection is right, as v7.0 has it. */
export function summarize(
  marks: Marks,
  names: readonly string[],
  rules: FigureRules = {},
): Omit<Metrics, keyof Losses | 'msPerImage'> {
  const all = marks.all()
  const metrics = all.correct.includes(1) ? classMetrics(all, iouThresholds.length, rules) : undefined
  const images = marks.images.length
  const instances = all.actual.length
  const ap50 = metrics?.ap.map((row) => row[0]!) ?? []
  const ap = metrics?.ap.map(average) ?? []
  const means = {
    precision: average(metrics?.precision ?? []),
    recall: average(metrics?.recall ?? []),
    f1: average(metrics?.f1 ?? []),
    mAP50: average(ap50),
    mAP50to95: average(ap),
  }
  const maps = names.map(() => means.mAP50to95)
  const perClass: ClassRow[] = [{ name: 'all', images, instances, ...means }]
  for (const [k, c] of (metrics?.classes ?? []).entries()) {
    maps[c] = ap[k]!
    perClass.push({
      name: names[c] ?? String(c),
      images,
      instances: metrics!.labels[k]!,
      precision: metrics!.precision[k]!,
      recall: metrics!.recall[k]!,
      f1: metrics!.f1[k]!,
      mAP50: ap50[k]!,
      mAP50to95: ap[k]!,
    })
  }
  return {
    ...means,
    images,
    instances,
    perClass,
    maps,
    curves: valCurves(metrics, names, ap50, marks.confusion),
  }
}

type Losses = Pick<EpochResults, 'valBoxLoss' | 'valObjLoss' | 'valClsLoss'>

function valCurves(
  metrics: ClassMetrics | undefined,
  names: readonly string[],
  ap50: readonly number[],
  confusion: ConfusionMatrix,
): ValCurves {
  const rows = (curves: readonly Float64Array[] | undefined) => (curves ?? []).map((row) => Array.from(row))
  return {
    names: (metrics?.classes ?? []).map((c) => names[c] ?? String(c)),
    x: Array.from(axis),
    precisionOverRecall: rows(metrics?.precisionOverRecall),
    f1: rows(metrics?.f1Curve),
    precision: rows(metrics?.precisionCurve),
    recall: rows(metrics?.recallCurve),
    ap50,
    confusion: confusion.rows(),
  }
}

function average(values: readonly number[]): number {
  if (values.length === 0) return 0
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}
