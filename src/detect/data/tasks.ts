// The work that worker threads do, chunk by chunk: scan, decode into a file, make items of a batch.
import { closeSync, openSync, writeSync } from 'node:fs'
import { NumpyRandom, PythonRandom, type Random } from '../../base/index.ts'
import type { BatchPlan } from './batch-plan.ts'
import type { Polygon } from './boxes.ts'
import { cacheOffsets, ImageStores, loadImage, type SharedStoreConfig, type StoreConfig } from './image-store.ts'
import { augmentedItem, type ItemSource, plainItem } from './item.ts'
import { type ImageLayout, imageBytes, packImage } from './layout.ts'
import type { MosaicTiles } from './mosaic.ts'
import { resize, resizeForLoad } from './resize.ts'
import { type ScanRecord, scanImage } from './scan.ts'
import { Scratch } from './scratch.ts'
import type { AugmentHyp, Dataset } from './types.ts'

/** Kinds of work by name: what a job carries, and what a chunk of it answers. */
export interface TaskKinds {
  scan: { payload: { images: readonly string[]; labels: readonly string[] }; result: ScanRecord[] }
  /** Decodes images into their places in a file. */
  decode: { payload: StoreConfig & { cacheFile: string }; result: undefined }
  /** Items of a batch; the images go into `out`. Answers rows of 6: image index in the batch, class, x, y, w, h. */
  batch: { payload: BatchPayload; result: Float32Array }
}
export type TaskKind = keyof TaskKinds

export interface BatchPayload extends BatchPlan {
  /** Number of an opened {@link SourceConfig}. */
  readonly source: number
  readonly epoch: number
  readonly out: Uint8Array
}

/** A data set opened for a loader. */
export interface SourceConfig extends SharedStoreConfig {
  readonly labels: Pick<Dataset, 'labels' | 'labelStart' | 'points' | 'polygonStart' | 'pointStart'>
  readonly layout: ImageLayout
  /** Absent for validation. */
  readonly training?: { readonly hyp: AugmentHyp; readonly seed: number; readonly tiles: MosaicTiles | 0 }
}

/** A {@link SourceConfig} at work in a thread. */
class Source implements ItemSource {
  readonly config: SourceConfig
  readonly #images: ReturnType<ImageStores['open']>

  constructor(config: SourceConfig, stores: ImageStores) {
    this.config = config
    this.#images = stores.open(config)
  }

  get length(): number {
    return this.config.paths.length
  }

  image(index: number) {
    return this.#images.store.image(index)
  }

  rows(index: number): Float32Array {
    const { labels, labelStart } = this.config.labels
    return Float32Array.from(labels.subarray(5 * labelStart[index], 5 * labelStart[index + 1]))
  }

  polygons(index: number): readonly Polygon[] {
    const { points, polygonStart, pointStart } = this.config.labels
    const polygons: Polygon[] = []
    for (let i = polygonStart[index]; i < polygonStart[index + 1]; i++)
      polygons.push(points.subarray(2 * pointStart[i], 2 * pointStart[i + 1]))
    return polygons
  }

  /** The same with mosaics that take their tiles from `pool`. */
  drawing(pool: Int32Array): ItemSource {
    return {
      length: this.length,
      pool,
      image: (index) => this.image(index),
      rows: (index) => this.rows(index),
      polygons: (index) => this.polygons(index),
    }
  }

  close(): void {
    this.#images.release()
  }
}

/** What an item is made with; kept for the next one. */
interface Bench {
  readonly scratch: Scratch
  readonly random: Random
}

/** The state of one thread, or of the calling thread where there are no others. */
export class TaskRunner {
  readonly #sources = new Map<number, Source>()
  readonly #stores = new ImageStores()
  /** Not in use now. Items of a batch share one; a second one exists where two batches ever overlapped. */
  readonly #benches: Bench[] = []

  openSource(id: number, config: SourceConfig): void {
    this.#sources.set(id, new Source(config, this.#stores))
  }

  closeSource(id: number): void {
    this.#sources.get(id)?.close()
    this.#sources.delete(id)
  }

  /**
   * Does items `from` to `to` (excluded) of a job.
   *
   * @param at - told before each item, so that whoever watches can name the item that broke the thread
   */
  async run<Kind extends TaskKind>(
    kind: Kind,
    payload: TaskKinds[Kind]['payload'],
    from: number,
    to: number,
    at: (item: number) => void,
  ): Promise<TaskKinds[Kind]['result']> {
    // The three cases cannot be told apart by the compiler through the generic parameter.
    const tasks: { [K in TaskKind]: (payload: TaskKinds[K]['payload']) => Promise<TaskKinds[K]['result']> } = {
      scan: (payload) => scan(payload, from, to, at),
      decode: (payload) => decode(payload, from, to, at),
      batch: (payload) => this.#batch(payload, from, to, at),
    }
    return tasks[kind](payload)
  }

  async #batch(payload: BatchPayload, from: number, to: number, at: (item: number) => void): Promise<Float32Array> {
    const { epoch, indices, frame, made = frame, drawn, out } = payload
    const source = this.#sources.get(payload.source)
    if (!source) throw new Error(`source ${payload.source} is not open`)
    const { training, layout } = source.config
    const items = drawn ? source.drawing(drawn.images) : source
    const [height, width] = frame
    const bytes = imageBytes(layout, height, width)
    const rows: number[] = []
    const bench = this.#benches.pop() ?? { scratch: new Scratch(), random: itemRandom(0, 0, 0) }
    const { scratch, random } = bench
    try {
      for (let i = from; i < to; i++) {
        at(i)
        const index = indices[i]
        if (training) seedItem(random, training.seed, epoch, drawn ? drawn.first + i : index)
        const item = training
          ? await augmentedItem(items, index, made, training.hyp, training.tiles, random, scratch)
          : await plainItem(items, index, made, scratch)
        const image = made === frame ? item.image : scratch.copy(resize(item.image, width, height, 'linear'), 'scaled')
        packImage(image, item.flip, layout, out, i * bytes, scratch)
        for (let row = 0; row < item.rows.length; row += 5) rows.push(i, ...item.rows.subarray(row, row + 5))
      }
    } finally {
      this.#benches.push(bench)
    }
    return Float32Array.from(rows)
  }
}

/**
 * The random numbers of one item in one epoch: they depend on nothing else, so neither the number of threads nor the
 * order of their work shows in a training. (v7.0 seeds each worker process.)
 */
export function itemRandom(seed: number, epoch: number, index: number): Random {
  const random = { python: new PythonRandom(0), numpy: new NumpyRandom(0) }
  seedItem(random, seed, epoch, index)
  return random
}

function seedItem({ python, numpy }: Random, seed: number, epoch: number, index: number): void {
  const words = itemSeed(seed, epoch, index)
  python.seed(words)
  numpy.seed(mix(words ^ 0x7f4a7c15))
}

/** 32 bits out of a seed, an epoch and an index. */
export function itemSeed(seed: number, epoch: number, index: number): number {
  const words = [seed % 4294967296, Math.floor(seed / 4294967296), epoch, index]
  return words.reduce((hash, word) => mix(Math.imul(hash, 0x9e3779b1) ^ word), 0x5bd1e995)
}

/** Spreads every bit over all 32 (the finaliser of MurmurHash3). */
function mix(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

async function scan(
  { images, labels }: TaskKinds['scan']['payload'],
  from: number,
  to: number,
  at: (item: number) => void,
): Promise<ScanRecord[]> {
  const records: ScanRecord[] = []
  for (let i = from; i < to; i++) {
    at(i)
    records.push(await scanImage(images[i], labels[i]))
  }
  return records
}

async function decode(
  config: TaskKinds['decode']['payload'],
  from: number,
  to: number,
  at: (item: number) => void,
): Promise<undefined> {
  const offsets = cacheOffsets(config.sizes, config.imagePx)
  const fd = openSync(config.cacheFile, 'r+')
  try {
    for (let i = from; i < to; i++) {
      at(i)
      const { data } = resizeForLoad(await loadImage(config, i), config.imagePx, config.augment)
      for (let done = 0; done < data.length; ) done += writeSync(fd, data, done, data.length - done, offsets[i] + done)
    }
  } finally {
    closeSync(fd)
  }
  return undefined
}
