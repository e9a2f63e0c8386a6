// Errors of the command line beyond wrong usage.
import { HypevolveError } from './base.ts'

/** `--resume` found no checkpoint. */
export class NothingToResumeError extends HypevolveError {
  override readonly code = 'NOTHING_TO_RESUME'

  /** @param looked - path or pattern that was looked for */
  constructor(readonly looked: string) {
    super(
      `There is nothing to resume: no ${looked}. Give the checkpoint or the folder of the run: --resume runs/train/exp.`,
    )
  }
}

/** A detector is measured on a data set with another number of classes. */
export class DatasetClassesMismatchError extends HypevolveError {
  override readonly code = 'DATASET_CLASSES_MISMATCH'

  constructor(
    readonly data: string,
    readonly classes: number,
    readonly weights: string,
    readonly detectorClasses: number,
  ) {
    super(
      `${data} has ${classes} classes, the detector in ${weights} was trained for ${detectorClasses}. ` +
        'Use the data set it was trained on, or --single-cls for a detector trained with it.',
    )
  }
}

/** A file that the user asked for cannot be written. */
export class FileWriteError extends HypevolveError {
  override readonly code = 'FILE_WRITE'

  constructor(
    readonly path: string,
    cause: NodeJS.ErrnoException,
  ) {
    const full = cause.code === 'ENOSPC' || cause.code === 'EDQUOT'
    super(
      `${path} cannot be written: ${full ? 'the disk is full' : cause.message}. Choose another place or make room.`,
      {
        cause,
      },
    )
  }
}
