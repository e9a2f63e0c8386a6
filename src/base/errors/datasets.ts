// Errors of making, converting and splitting data sets.
import { HypevolveError } from './base.ts'

/** A file of annotations cannot be read as what it should be. */
export class AnnotationFileError extends HypevolveError {
  override readonly code = 'ANNOTATION_FILE'

  constructor(
    readonly file: string,
    /** The format that was expected, as 'COCO'. */
    readonly format: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `${file} cannot be read as ${format}: ${problem}. Export it again, or name another format with --from.`,
      options,
    )
  }
}

/** A folder or file has nothing that can be converted. */
export class AnnotationSourceError extends HypevolveError {
  override readonly code = 'ANNOTATION_SOURCE'

  constructor(
    readonly source: string,
    readonly problem: string,
  ) {
    super(`Nothing can be converted from ${source}: ${problem}`)
  }
}

/** A data set cannot be divided as asked. */
export class DataSplitError extends HypevolveError {
  override readonly code = 'DATA_SPLIT'

  constructor(readonly problem: string) {
    super(`The images cannot be divided like this: ${problem}`)
  }
}

/** A file that exists would be replaced, or a folder that is not empty written into. */
export class FileExistsError extends HypevolveError {
  override readonly code = 'FILE_EXISTS'

  constructor(
    readonly path: string,
    advice = 'Add --force to replace it.',
  ) {
    super(`${path} exists already. ${advice}`)
  }
}
