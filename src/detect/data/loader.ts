// Loaders: which images make a batch, jobs ahead of time in the pool, batches out in order.
import { DataWorkerError } from '../../base/index.ts'
import { type BatchPlan, TrainPlans } from './batch-plan.ts'
import { imageCacheFile } from './image-cache.ts'
import { type ImageLayout, imageBytes } from './layout.ts'
import { letterboxGeometry } from './letterbox.ts'
import { asPool, type Pool } from './pool.ts'
import { rectangularBatches } from './rect.ts'
import { loadSize } from './resize.ts'
import type { SourceConfig } from './tasks.ts'
import type {
  AugmentHyp,
  Dataset,
  LoaderOptions,
  OriginalImage,
  TrainBatch,
  TrainLoader,
  TrainLoaderOptions,
  ValBatch,
  ValLoader,
  ValLoaderOptions,
} from './types.ts'

/** Batches prepared ahead of the one in use. */
const AHEAD = 3

/** A batch on its way. */
interface Pending extends BatchPlan {
  readonly epoch: number
  readonly number: number
  readonly memory: Uint8Array
  readonly parts: Map<number, Float32Array>
  readonly done: Promise<void>
  readonly abort: AbortController
}

/** Runs planned batches through the pool, some ahead of time; what both loaders have in common. */
class Pipeline {
  waitMs = 0
  readonly #pool: Pool
  readonly #options: LoaderOptions
  readonly #source: number
  readonly #layout: ImageLayout
  readonly #plan: (epoch: number, number: number) => BatchPlan | undefined
  readonly #ahead: number
  readonly #free: Uint8Array[] = []
  #pending: Pending[] = []
  #next: [epoch: number, number: number] = [0, 0]
  #closed = false
  readonly #onAbort = () => this.#callOff(this.#options.signal!.reason)

  /** @param plan - the batch of an epoch by number; undefined ends the epoch (or, as number 0, everything) */
  constructor(
    options: LoaderOptions,
    source: SourceConfig,
    plan: (epoch: number, number: number) => BatchPlan | undefined,
  ) {
    this.#pool = asPool(options.pool)
    this.#options = options
    this.#source = this.#pool.openSource(source)
    this.#layout = source.layout
    this.#plan = plan
    this.#ahead = this.#pool.workers === 0 ? 0 : AHEAD
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** The batch; prepares the following ones while the caller works on it. Its memory must be given back. */
  async take(epoch: number, number: number): Promise<Pending> {
    if (this.#closed) throw new DataWorkerError('the loader was closed', undefined)
    this.#options.signal?.throwIfAborted()
    const [head] = this.#pending
    const expected = head ? [head.epoch, head.number] : this.#next
    if (expected[0] !== epoch || expected[1] !== number) this.#jump(epoch, number)
    this.#fill(1 + this.#ahead)
    const batch = this.#pending.shift()!
    const start = performance.now()
    try {
      await batch.done
    } catch (error) {
      this.#jump(epoch, number)
      throw error
    } finally {
      this.waitMs += performance.now() - start
    }
    this.#fill(this.#ahead)
    return batch
  }

  giveBack({ memory }: Pending): void {
    this.#free.push(memory)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#callOff(new DataWorkerError('the loader was closed', undefined))
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#pool.closeSource(this.#source)
  }

  /** Calls off what is under way; goes on with another batch. */
  #jump(epoch: number, number: number): void {
    this.#callOff(new DataWorkerError('another batch was asked for', undefined))
    this.#pending = []
    this.#next = [epoch, number]
  }

  /** Chunks under way still write to the memory of these batches: it is left to them. */
  #callOff(reason: unknown): void {
    for (const { abort } of this.#pending) abort.abort(reason)
  }

  #fill(length: number): void {
    while (this.#pending.length < length) {
      const [epoch, number] = this.#next
      const plan = this.#plan(epoch, number)
      if (plan) {
        this.#pending.push(this.#start(plan, epoch, number))
        this.#next = [epoch, number + 1]
      } else if (number === 0) return
      else this.#next = [epoch + 1, 0]
    }
  }

  #start(plan: BatchPlan, epoch: number, number: number): Pending {
    const { indices, frame } = plan
    const bytes = indices.length * imageBytes(this.#layout, ...frame)
    const at = this.#free.findIndex((memory) => memory.length >= bytes)
    if (at < 0) this.#free.pop() // too small: it would stay unused beside the larger one
    const memory = at >= 0 ? this.#free.splice(at, 1)[0] : new Uint8Array(new SharedArrayBuffer(bytes))
    const parts = new Map<number, Float32Array>()
    const abort = new AbortController()
    const { dataset } = this.#options
    const done = this.#pool.run({
      kind: 'batch',
      payload: { ...plan, source: this.#source, epoch, out: memory },
      count: indices.length,
      // Small enough that all threads work on the batch that is needed first.
      chunk: Math.max(1, Math.ceil(indices.length / (2 * Math.max(this.#pool.workers, 1)))),
      onResult: (from, targets) => parts.set(from, targets),
      fileOf: (item) => dataset.paths[indices[item]],
      signal: abort.signal,
    })
    done.catch(() => {}) // whoever takes the batch gets the error
    return { ...plan, epoch, number, memory, parts, done, abort }
  }
}

/** Rows of all chunks in the order of the images. */
function joinTargets(parts: Map<number, Float32Array>): Float32Array {
  const ordered = [...parts].sort(([a], [b]) => a - b)
  const targets = new Float32Array(ordered.reduce((sum, [, part]) => sum + part.length, 0))
  let at = 0
  for (const [, part] of ordered) {
    targets.set(part, at)
    at += part.length
  }
  return targets
}

async function sourceConfig(
  options: LoaderOptions,
  layout: ImageLayout,
  training: SourceConfig['training'],
): Promise<SourceConfig> {
  const { dataset, imagePx } = options
  const augment = training !== undefined
  const cacheFile = await imageCacheFile(options, augment)
  const { labels, labelStart, points, polygonStart, pointStart, paths, sizes, imageHash } = dataset
  return {
    imageHash,
    paths,
    sizes,
    imagePx,
    augment,
    labels: { labels, labelStart, points, polygonStart, pointStart },
    layout,
    ...(training ? { training } : {}),
    ...(cacheFile === undefined ? {} : { cacheFile }),
  }
}

const slice = (order: Int32Array, number: number, batchSize: number) =>
  order.slice(number * batchSize, (number + 1) * batchSize)

/**
 * A loader of augmented batches. Builds the cache of decoded images first, if one is asked for.
 *
 * @throws ImageCacheWriteError; while loading: ImageUnreadableError, DataWorkerError, the signal's reason
 */
export async function createTrainLoader(options: TrainLoaderOptions): Promise<TrainLoader> {
  const { hyp, seed, layout, rect = false } = options
  const tiles = rect ? 0 : (options.mosaicTiles ?? 4)
  const source = await sourceConfig(options, layout, { hyp, seed, tiles })
  const plans = new TrainPlans(options)
  const { batches, images } = plans
  const pipeline = new Pipeline(options, source, (epoch, number) => plans.at(epoch, number))
  // onnxruntime-node takes no shared memory: two ordinary buffers in turn, one copy.
  const buffers = [new Uint8Array(0), new Uint8Array(0)]
  let turn = 0
  const own = (memory: Uint8Array, bytes: number) => {
    turn = 1 - turn
    if (buffers[turn].length < bytes) buffers[turn] = new Uint8Array(bytes)
    const buffer = buffers[turn].subarray(0, bytes)
    buffer.set(memory.subarray(0, bytes))
    return buffer
  }

  async function* epoch(epoch: number): AsyncGenerator<TrainBatch> {
    plans.begin(epoch)
    for (let number = 0; number < batches; number++) {
      const batch = await pipeline.take(epoch, number)
      const { indices, frame, parts } = batch
      const [height, width] = frame
      const data = own(batch.memory, indices.length * imageBytes(layout, height, width))
      pipeline.giveBack(batch)
      yield { images: data, layout, batch: indices.length, height, width, targets: joinTargets(parts), indices }
    }
  }
  return {
    batches,
    images,
    epoch,
    get waitMs() {
      return pipeline.waitMs
    },
    close: async () => pipeline.close(),
  }
}

/**
 * A loader of validation batches: letterboxed, never augmented, in plain layout. It may serve several trainings, so the
 * signal is that of its making only; who reads it looks at his own between batches.
 *
 * @throws as {@link createTrainLoader}
 */
export async function createValLoader(options: ValLoaderOptions): Promise<ValLoader> {
  const { dataset, imagePx, batchSize, stride = 32, rect = true, pad = 0.5, keepBytes = 512 * 2 ** 20 } = options
  const layout: ImageLayout = { kind: 'plain' }
  const source = await sourceConfig(options, layout, undefined)
  const images = dataset.paths.length
  const batches = Math.ceil(images / batchSize)
  const rectangular = rect ? rectangularBatches(dataset.sizes, { batchSize, imagePx, stride, pad }) : undefined
  const order = rectangular?.order ?? Int32Array.from({ length: images }, (_, i) => i)
  const { signal: _ofTheMaking, ...lasting } = options
  const pipeline = new Pipeline(lasting, source, (pass, number) => {
    if (pass > 0 || number >= batches) return undefined
    return { indices: slice(order, number, batchSize), frame: rectangular?.frames[number] ?? [imagePx, imagePx] }
  })
  const kept: ValBatch[] = []
  let keptBytes = 0

  async function* all(): AsyncGenerator<ValBatch> {
    for (let number = 0; number < batches; number++) {
      if (kept[number]) {
        yield kept[number]
        continue
      }
      const pending = await pipeline.take(0, number)
      const { indices, frame, parts, memory } = pending
      const [height, width] = frame
      const bytes = indices.length * imageBytes(layout, height, width)
      const batch: ValBatch = {
        images: memory.slice(0, bytes),
        batch: indices.length,
        height,
        width,
        targets: joinTargets(parts),
        originals: Array.from(indices, (index) => original(dataset, index, imagePx, [height, width])),
        indices,
      }
      pipeline.giveBack(pending)
      if (kept.length === number && keptBytes + bytes <= keepBytes) {
        kept.push(batch)
        keptBytes += bytes
      }
      yield batch
    }
  }
  return {
    batches,
    images,
    all,
    get waitMs() {
      return pipeline.waitMs
    },
    close: async () => {
      kept.length = 0
      pipeline.close()
    },
  }
}

function original(dataset: Dataset, index: number, imagePx: number, frame: readonly [number, number]): OriginalImage {
  const [width, height] = dataset.sizes.subarray(2 * index)
  const loaded = loadSize(height, width, imagePx)
  const box = letterboxGeometry(loaded.height, loaded.width, { frame, scaleUp: false })
  return {
    path: dataset.paths[index],
    height,
    width,
    ratio: [loaded.height / height, loaded.width / width],
    pad: box.pad,
  }
}

const AUGMENT_KEYS = [
  'hsv_h',
  'hsv_s',
  'hsv_v',
  'degrees',
  'translate',
  'scale',
  'shear',
  'perspective',
  'flipud',
  'fliplr',
  'mosaic',
  'mixup',
  'copy_paste',
] as const satisfies readonly (keyof AugmentHyp)[]

/** The augmentation part of a whole hyp; a key that is missing counts as 0, no augmentation. */
export function augmentHyp(hyp: Readonly<Record<string, number>>): AugmentHyp {
  return Object.fromEntries(AUGMENT_KEYS.map((key) => [key, hyp[key] ?? 0])) as unknown as AugmentHyp
}
