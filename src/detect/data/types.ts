// The words of the data part: data set definition, data set, batches, loaders. Start reading here; `index.ts` lists the doors.
import type { ImageLayout } from './layout.ts'
import type { MosaicTiles } from './mosaic.ts'

/** A data set yaml, read and resolved: absolute paths, complete names. */
export interface DatasetDefinition {
  /** The yaml file. */
  readonly file: string
  /** The folder that relative entries were resolved against. */
  readonly root: string
  /** Folders, text lists or single images, absolute. Empty if the yaml has no such split. */
  readonly train: readonly string[]
  readonly val: readonly string[]
  readonly test: readonly string[]
  /** Class names by class number. */
  readonly names: readonly string[]
  /** Things in the yaml that were ignored or look odd, for the user. */
  readonly notes: readonly string[]
}

export type Split = 'train' | 'val' | 'test'

/**
 * What was found wrong with one file of a data set. Images with an `image-…` fault except `image-damaged`, and those with
 * `label-corrupt`, are left out of the data set, as v7.0 does; the others stay.
 */
export type FaultKind =
  /** No label file: the image counts as background. */
  | 'label-missing'
  /** The label file is empty: background too. */
  | 'label-empty'
  /** Not readable as labels (columns, text, negative, above 1): the image is left out. */
  | 'label-corrupt'
  /** Equal rows, which were removed. */
  | 'label-duplicates'
  /** A class number of `names.length` or more. */
  | 'label-class'
  /** Cannot be decoded, smaller than 10 pixels, or of a format that sharp cannot read: left out. */
  | 'image-corrupt'
  /** Decodes in part (truncated JPEG): kept. */
  | 'image-damaged'

export interface Fault {
  readonly kind: FaultKind
  /** The file at fault, absolute. */
  readonly file: string
  /** What is wrong, one sentence without the file name. */
  readonly detail: string
  /** Rows concerned, where that makes sense. */
  readonly count?: number
}

/** Numbers of images (`found`: with label file), and of faults. `found + missing + corrupt` is the number of images listed. */
export interface ScanCounts {
  readonly images: number
  readonly found: number
  readonly missing: number
  readonly empty: number
  readonly corrupt: number
  readonly damaged: number
  readonly duplicates: number
}

/** A data set in memory: paths, sizes and labels. The arrays are shared with the worker threads; never write to them. */
export interface Dataset {
  readonly names: readonly string[]
  readonly split: Split
  /** Absolute paths of the images kept, sorted by code point. */
  readonly paths: readonly string[]
  /** Width and height by image as the eye sees them (EXIF rotation applied). [images * 2] */
  readonly sizes: Int32Array
  /** Rows of 5: class, x, y, width, height, centre form, normalised. [rows * 5], image by image */
  readonly labels: Float32Array
  /** First row of each image in `labels`, and the number of rows at the end. [images + 1] */
  readonly labelStart: Int32Array
  /** Polygon corners x, y, normalised. [points * 2] */
  readonly points: Float32Array
  /** First polygon of each image (an image has none, or one per label row). [images + 1] */
  readonly polygonStart: Int32Array
  /** First point of each polygon, and the number of points at the end. [polygons + 1] */
  readonly pointStart: Int32Array
  readonly counts: ScanCounts
  readonly faults: readonly Fault[]
  /** Of paths, file sizes and modification times of images and label files: changes when the data does. Hexadecimal. */
  readonly hash: string
  /** The same of the kept images alone: what decoded images depend on. */
  readonly imageHash: string
}

/** How far a long piece of work is. */
export interface DataProgress {
  /** `scan` reads label files and checks images, `cache` decodes and resizes them. */
  readonly phase: 'scan' | 'cache'
  readonly done: number
  readonly total: number
  readonly imagesPerSecond: number
}

/** The augmentation hyps that this part reads; all other keys of a hyp are none of its business. */
export interface AugmentHyp {
  /** Fraction of hue, saturation, value by which colours may change, [0, 1]. */
  readonly hsv_h: number
  readonly hsv_s: number
  readonly hsv_v: number
  /** Rotation in ± degrees. */
  readonly degrees: number
  /** Shift in ± fraction of the image. */
  readonly translate: number
  /** Scale in 1 ± gain. */
  readonly scale: number
  /** Shear in ± degrees. */
  readonly shear: number
  /** Perspective in ± fraction per pixel, [0, 0.001]. */
  readonly perspective: number
  /** Probability of an up-down and a left-right flip, and of a mosaic. */
  readonly flipud: number
  readonly fliplr: number
  readonly mosaic: number
  /** Probability that a mosaic is mixed with another one. */
  readonly mixup: number
  /** Share of the objects with a polygon that are pasted again, mirrored; of mosaics only. */
  readonly copy_paste: number
}

/**
 * A batch to train on. `images` stays as it is until the batch after the next one is asked for; copy what you keep.
 */
export interface TrainBatch {
  /** In the loader's layout (see `layout.ts`). */
  readonly images: Uint8Array
  readonly layout: ImageLayout
  /** Images in this batch; the last batch of an epoch may be smaller. */
  readonly batch: number
  readonly height: number
  readonly width: number
  /** Rows of 6: image index in the batch, class, x, y, width, height, centre form, normalised. [n * 6] */
  readonly targets: Float32Array
  /** Index in the data set of each image. [batch] */
  readonly indices: Int32Array
}

export interface TrainLoader {
  /** Batches per epoch. */
  readonly batches: number
  /** Images per epoch. */
  readonly images: number
  /**
   * The batches of an epoch. The same seed and epoch give the same batches whatever the number of workers. One epoch at a
   * time; leaving the loop early is allowed.
   */
  epoch(epoch: number): AsyncIterable<TrainBatch>
  /** Milliseconds that callers have waited for batches since the loader was made. */
  readonly waitMs: number
  /** Ends the loader's work, and its worker threads if it owns them. May be called twice. */
  close(): Promise<void>
}

/** How an image of a validation batch came from its original: v7.0's `shapes`. */
export interface OriginalImage {
  readonly path: string
  /** Pixels of the original, EXIF rotation applied. */
  readonly height: number
  readonly width: number
  /** Resized over original size, [height, width]. */
  readonly ratio: readonly [gainY: number, gainX: number]
  /** Border added on the left and at the top, pixels; may end in .5 */
  readonly pad: readonly [padX: number, padY: number]
}

export interface ValBatch {
  /** uint8 RGB, [batch, 3, height, width]. Yours to keep, but not to write to. */
  readonly images: Uint8Array
  readonly batch: number
  readonly height: number
  readonly width: number
  /** Rows of 6 as in {@link TrainBatch}. */
  readonly targets: Float32Array
  readonly originals: readonly OriginalImage[]
  /** Index in the data set of each image. [batch] */
  readonly indices: Int32Array
}

export interface ValLoader {
  readonly batches: number
  readonly images: number
  /** The batches in the loader's order; may be called again and again. */
  all(): AsyncIterable<ValBatch>
  readonly waitMs: number
  close(): Promise<void>
}

/** Worker threads that scan, decode and augment. One pool serves any number of data sets and loaders of a process. */
export interface DataPool {
  /** Number of threads; 0 works in the calling thread, when something is asked for. */
  readonly workers: number
  /** Ends the threads. What still runs on them is rejected. May be called twice. */
  close(): Promise<void>
}

export interface DatasetOptions {
  readonly definition: DatasetDefinition
  readonly split: Split
  readonly pool: DataPool
  /** All labels count as class 0 (`--single-cls`); `names` becomes one name. */
  readonly singleClass?: boolean
  /** Where label and image caches live; by default {@link defaultCacheFolder}. */
  readonly cacheFolder?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: DataProgress) => void
  /** Something the user should hear, one sentence (a cache that cannot be written, …). */
  readonly onNote?: (note: string) => void
}

export interface LoaderOptions {
  readonly dataset: Dataset
  readonly pool: DataPool
  /** Longer side that images are resized to, pixels; a multiple of `stride`. */
  readonly imagePx: number
  readonly batchSize: number
  /** Largest stride of the model, 32 unless told otherwise. */
  readonly stride?: number
  /** `ram` and `disk` keep decoded, resized images in one file that all processes share; `ram` also reads it into memory. */
  readonly cache?: 'none' | 'ram' | 'disk'
  readonly cacheFolder?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: DataProgress) => void
  readonly onNote?: (note: string) => void
}

export interface TrainLoaderOptions extends LoaderOptions {
  readonly hyp: AugmentHyp
  /** Seed of order and augmentation, integer in [0, 2^53). */
  readonly seed: number
  readonly layout: ImageLayout
  /** Batches of similar aspect, without mosaic and shuffling (`--rect`). */
  readonly rect?: boolean
  /** Images of a mosaic, 4 unless told otherwise. (v7.0 has the code for nine, but no way to it.) */
  readonly mosaicTiles?: MosaicTiles
  /** Total number of epochs, so that nothing is prepared beyond the last one. */
  readonly epochs?: number
  /** The order of an epoch, instead of the shuffle by seed: data set indices. */
  readonly order?: (epoch: number) => readonly number[]
  /**
   * Weights of the images in an epoch, asked for when it begins: as many images as there are are drawn by them
   * (`--image-weights`). Not with `rect`.
   */
  readonly imageWeights?: (epoch: number) => ArrayLike<number>
  /** Every full batch is scaled, its longer side to one of these, drawn by chance (`--multi-scale`). */
  readonly sizes?: readonly number[]
}

export interface ValLoaderOptions extends LoaderOptions {
  /** Batches of similar aspect (default), or square ones. */
  readonly rect?: boolean
  /** Border of rectangular batches in strides, 0.5 as v7.0's validation. */
  readonly pad?: number
  /** Finished batches up to this many bytes stay in memory for the next pass; 512 MiB by default. */
  readonly keepBytes?: number
}
