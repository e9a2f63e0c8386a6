// Errors of the command line beyond wrong usage.
import { HypevolveError } from './base.ts'

/** `--resume` found no checkpoint. */
export class NothingToResumeError extends HypevolveError {
  override readonly code = 'NOTHING_TO_RESUME'

  /** @param looked - path or pattern that was looked for */
  constructor(
    readonly looked: string,
    advice = 'Give the checkpoint or the folder of the run: --resume runs/train/exp.',
  ) {
    super(`There is nothing to resume: no ${looked}. ${advice}`)
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
    cause: Error & { readonly code?: string | undefined },
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

/** A study has no trial of this number. */
export class TrialNotFoundError extends HypevolveError {
  override readonly code = 'TRIAL_NOT_FOUND'

  constructor(
    readonly trial: number,
    readonly study: string,
    /** How many trials the study has. */
    readonly trials: number,
  ) {
    super(
      trials === 0
        ? `${study} has no trials yet.`
        : `${study} has no trial ${trial}: its trials are 0 to ${trials - 1}. hypevolve trials ${study} lists them.`,
    )
  }
}

/** A file that was named cannot be read. */
export class FileReadError extends HypevolveError {
  override readonly code = 'FILE_READ'

  constructor(
    readonly path: string,
    cause: Error & { readonly code?: string | undefined },
  ) {
    const problem = cause.code === 'ENOENT' ? 'there is no such file' : cause.message
    super(`${path} cannot be read: ${problem}. Check the path; relative ones start at the current folder.`, { cause })
  }
}

/** The best of a study is asked for, but no training has come to its end. */
export class NothingCompleteError extends HypevolveError {
  override readonly code = 'NOTHING_COMPLETE'

  constructor(readonly study: string) {
    super(
      `${study} has no complete trial yet, so there is no best one. hypevolve status ${study} tells how it is doing.`,
    )
  }
}
