// Errors of data sets: the yaml, image and label files, caches, loader threads.
import { HypevolveError } from './base.ts'

const list = (items: readonly string[], limit = 10) =>
  items
    .slice(0, limit)
    .map((item) => `\n  ${item}`)
    .join('') + (items.length > limit ? `\n  … and ${items.length - limit} more` : '')

/** The data set yaml cannot be read, or does not say what it must. */
export class DatasetFileInvalidError extends HypevolveError {
  override readonly code = 'DATASET_FILE_INVALID'

  constructor(
    readonly file: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file} is no usable data set file: ${problem}`, options)
  }
}

/** An entry of the data set yaml names a place that does not exist. */
export class DatasetPathMissingError extends HypevolveError {
  override readonly code = 'DATASET_PATH_MISSING'

  constructor(
    readonly file: string,
    readonly key: string,
    readonly value: string,
    readonly searched: readonly string[],
    hint = '',
  ) {
    super(
      `${file}: "${key}: ${value}" is not there. Looked for:${list(searched)}\n` +
        `Correct "${key}" (or "path", which relative entries start from), or put the images there.${hint === '' ? '' : ` ${hint}`}`,
    )
  }
}

/** The yaml has no such split. */
export class DatasetSplitMissingError extends HypevolveError {
  override readonly code = 'DATASET_SPLIT_MISSING'

  constructor(
    readonly file: string,
    readonly split: string,
  ) {
    super(`${file} has no "${split}:" entry. Add one with a folder of images, or choose another split.`)
  }
}

/** No image that can be used. */
export class DatasetEmptyError extends HypevolveError {
  override readonly code = 'DATASET_EMPTY'

  constructor(
    readonly places: readonly string[],
    readonly problem: string,
  ) {
    super(`No usable image in:${list(places)}\n${problem}`)
  }
}

/** A training split without a single label. */
export class DatasetUnlabelledError extends HypevolveError {
  override readonly code = 'DATASET_UNLABELLED'

  constructor(
    readonly images: number,
    readonly example: { readonly image: string; readonly label: string },
  ) {
    super(
      `None of the ${images} training images has a label, so there is nothing to learn. For ${example.image} the label file ` +
        `would be ${example.label} (the last /images/ of the path becomes /labels/, the extension .txt).`,
    )
  }
}

/** Labels with a class number that has no name. */
export class LabelClassOutOfRangeError extends HypevolveError {
  override readonly code = 'LABEL_CLASS_OUT_OF_RANGE'

  constructor(
    readonly names: number,
    readonly largest: number,
    readonly files: readonly string[],
  ) {
    super(
      `The data set has ${names} class names, so classes go from 0 to ${names - 1}, but ${files.length} label ` +
        `${files.length === 1 ? 'file has' : 'files have'} larger ones, up to ${largest}:${list(files)}\n` +
        'Correct these files, add the missing names to the data set file, or train with --single-cls.',
    )
  }
}

/** An image that was fine when the data set was scanned cannot be decoded now. */
export class ImageUnreadableError extends HypevolveError {
  override readonly code = 'IMAGE_UNREADABLE'

  constructor(
    readonly file: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `${file} cannot be decoded: ${problem}. If it was changed or moved, start again; otherwise repair or remove it.`,
      options,
    )
  }
}

/** The cache of decoded images could not be written (full disk, no permission). Nothing is left of it. */
export class ImageCacheWriteError extends HypevolveError {
  override readonly code = 'IMAGE_CACHE_WRITE'

  constructor(
    readonly folder: string,
    readonly bytes: number,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `The cache of decoded images (${(bytes / 1e6).toFixed(0)} MB) cannot be written to ${folder}: ${problem}. ` +
        'Free some space, name another folder with HYPEVOLVE_CACHE, or leave out --cache.',
      options,
    )
  }
}

/** A thread that prepares images ended by itself. */
export class DataWorkerError extends HypevolveError {
  override readonly code = 'DATA_WORKER'

  constructor(
    readonly problem: string,
    readonly file: string | undefined,
    options?: ErrorOptions,
  ) {
    super(
      `A thread that prepares images failed: ${problem}${file ? `. It was at ${file}` : ''}. ` +
        'If that file can be opened elsewhere, please report this; --workers 0 works without threads.',
      options,
    )
  }
}

/** What is to be looked at is no image, no video and no place of such. */
export class PredictSourceError extends HypevolveError {
  override readonly code = 'PREDICT_SOURCE'

  constructor(
    readonly source: string,
    readonly problem: string,
  ) {
    super(`${source} cannot be looked at: ${problem}`)
  }
}

/** A video cannot be read or written. */
export class VideoError extends HypevolveError {
  override readonly code = 'VIDEO'

  constructor(
    readonly file: string,
    readonly problem: string,
  ) {
    super(`The video ${file}: ${problem}`)
  }
}
