import { HypevolveError } from './base.ts'

/** A results file lacks a column that is wanted from it. */
export class ResultsColumnMissingError extends HypevolveError {
  override readonly code = 'RESULTS_COLUMN_MISSING'

  constructor(
    readonly column: string,
    readonly file: string,
    readonly found: readonly string[],
  ) {
    super(
      `${file} has no column "${column}". It has: ${found.join(', ') || 'none'}. ` +
        'Was it written by another program, or by a release whose columns have other names?',
    )
  }
}

/** A results file does not read as a table of numbers, or its columns are not those of this release. */
export class ResultsFileInvalidError extends HypevolveError {
  override readonly code = 'RESULTS_FILE_INVALID'

  constructor(
    readonly file: string,
    readonly line: number,
    readonly problem: string,
  ) {
    super(`${file}, line ${line}: ${problem}. Repair or remove the file.`)
  }
}

/** A row of results could not be written. What was in the file before is intact. */
export class ResultsWriteError extends HypevolveError {
  override readonly code = 'RESULTS_WRITE'

  constructor(
    readonly path: string,
    readonly row: string,
    cause: Error & { readonly code?: string | undefined },
  ) {
    const why = cause.code === 'ENOSPC' || cause.code === 'EDQUOT' ? 'the disk is full' : cause.message
    super(
      `Cannot write to ${path}: ${why}. What it held before is kept; free some space and continue with --resume. ` +
        `Not written was:\n${row.trimEnd()}`,
      { cause },
    )
  }
}

/** The built-in data set could not be made. */
export class DigitsWriteError extends HypevolveError {
  override readonly code = 'DIGITS_WRITE'

  constructor(
    readonly folder: string,
    cause: Error & { readonly code?: string | undefined },
  ) {
    const why = cause.code === 'ENOSPC' || cause.code === 'EDQUOT' ? 'the disk is full' : cause.message
    super(
      `The built-in data set "digits" cannot be made in ${folder}: ${why}. It takes about 10 MB; free some space, or ` +
        'name another cache folder with the environment variable HYPEVOLVE_CACHE.',
      { cause },
    )
  }
}
