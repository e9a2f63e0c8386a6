// Which images the batches of an epoch have, and at what size: shuffled, by aspect, or drawn by weight.
import { PythonRandom } from '../../base/index.ts'
import { rectangularBatches } from './rect.ts'
import { itemSeed } from './tasks.ts'
import type { TrainLoaderOptions } from './types.ts'

export type Frame = readonly [height: number, width: number]

/** A batch before anything of it is loaded. */
export interface BatchPlan {
  readonly indices: Int32Array
  /** Of the batch. */
  readonly frame: Frame
  /** What items are made at, if they are scaled to `frame` afterwards. */
  readonly made?: Frame
  /** Where images are drawn by weight. */
  readonly drawn?: DrawnImages
}

/** An epoch whose images were drawn by weight. */
export interface DrawnImages {
  /** All images of the epoch, some of them several times; mosaics take their tiles from here. */
  readonly images: Int32Array
  /** Place of the batch's first image in the epoch: the same image twice is augmented differently. */
  readonly first: number
}

/** Keys of the random numbers of an epoch that are not an image's. */
const keys = { order: 0xffffffff, sizes: 0xfffffffe, weights: 0xfffffffd }

/** Plans of a training's epochs; pure but for the weights, which are asked for once an epoch begins. */
export class TrainPlans {
  readonly images: number
  readonly batches: number
  /** Epochs up to this one may be planned. */
  private begun: number
  private readonly rectangular: ReturnType<typeof rectangularBatches> | undefined
  private readonly epochs = new Map<number, { order: Int32Array; pool: Int32Array | undefined; sizes: number[] }>()

  constructor(private readonly options: TrainLoaderOptions) {
    const { dataset, batchSize, imagePx, stride = 32, rect, imageWeights } = options
    this.images = options.order ? options.order(0).length : dataset.paths.length
    this.batches = Math.ceil(this.images / batchSize)
    this.begun = imageWeights ? -1 : Number.POSITIVE_INFINITY
    if (rect)
      this.rectangular = rectangularBatches(dataset.sizes, { batchSize, imagePx, stride, pad: 0, mostFrames: 5 })
  }

  /** Weights depend on what came before, so their epoch must not be planned ahead. */
  begin(epoch: number): void {
    if (this.options.imageWeights) this.begun = epoch
  }

  /** The batch of an epoch by number; undefined beyond the epoch's last, and where nothing more is to be prepared. */
  at(epoch: number, number: number): BatchPlan | undefined {
    const { batchSize, imagePx, stride = 32, epochs = Number.POSITIVE_INFINITY } = this.options
    if (epoch >= Math.min(epochs, this.begun + 1) || number >= this.batches) return undefined
    const { order, pool, sizes } = this.epoch(epoch)
    const first = number * batchSize
    const indices = order.slice(first, first + batchSize)
    const made = this.rectangular?.frames[number] ?? ([imagePx, imagePx] as const)
    // A smaller last batch would need a graph of its own at every size.
    const frame = indices.length < batchSize ? made : scaledFrame(made, sizes[number] ?? Math.max(...made), stride)
    const scaled = frame[0] !== made[0] || frame[1] !== made[1]
    return { indices, frame, ...(scaled && { made }), ...(pool && { drawn: { images: pool, first } }) }
  }

  private epoch(epoch: number) {
    let plan = this.epochs.get(epoch)
    if (!plan) {
      const { seed, imageWeights, order: given, sizes = [] } = this.options
      const random = (key: number) => new PythonRandom(itemSeed(seed, epoch, key))
      const all = Int32Array.from({ length: this.images }, (_, i) => i)
      let pool: Int32Array | undefined
      if (imageWeights) pool = drawByWeight(imageWeights(epoch), random(keys.weights))
      const order = this.rectangular?.order ?? Int32Array.from(given?.(epoch) ?? pool ?? all)
      if (!this.rectangular && !given) random(keys.order).shuffle(order)
      plan = {
        order,
        pool,
        sizes: sizes.length > 0 ? random(keys.sizes).choices(sizes, undefined, this.batches) : [],
      }
      for (const old of this.epochs.keys()) if (old < epoch - 1) this.epochs.delete(old)
      this.epochs.set(epoch, plan)
    }
    return plan
  }
}

/** As many images as there are, by weight; in memory that threads share. All alike if no weight is above 0. */
function drawByWeight(weights: ArrayLike<number>, random: PythonRandom): Int32Array {
  const all = Int32Array.from({ length: weights.length }, (_, i) => i)
  const any = Array.from(weights).some((weight) => weight > 0)
  const drawn = new Int32Array(new SharedArrayBuffer(4 * all.length))
  drawn.set(random.choices(all, any ? weights : undefined, all.length))
  return drawn
}

/** A frame with its longer side scaled to `size`, the other one up to a multiple of the stride. v7.0 train.py. */
export function scaledFrame(frame: Frame, size: number, stride: number): Frame {
  const longer = Math.max(...frame)
  const side = (px: number) => (px === longer ? size : Math.ceil((px * size) / (longer * stride)) * stride)
  return [side(frame[0]), side(frame[1])]
}
