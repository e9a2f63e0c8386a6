// Errors of the tables that evolutions leave: evolve.csv, evolve.txt, tune_results.csv.
import { HypevolveError } from './base.ts'

/** A file is none of the tables of an evolution, or is damaged as a whole. */
export class EvolveFileInvalidError extends HypevolveError {
  override readonly code = 'EVOLVE_FILE_INVALID'

  constructor(
    readonly path: string,
    readonly problem: string,
  ) {
    super(
      `${path} cannot be read as a table of an evolution: ${problem}. ` +
        'Readable are evolve.csv (YOLOv5 v6.0 and later), evolve.txt (before) and tune_results.csv (Ultralytics).',
    )
  }
}

/**
 * The number of columns of an evolve.txt fits no release, several, or not the search that wants to go on with it. Such
 * a table has no titles: read with other hyperparameters, every value behind the first difference would be another's.
 */
export class EvolveTextColumnsError extends HypevolveError {
  override readonly code = 'EVOLVE_TEXT_COLUMNS'

  constructor(
    readonly path: string,
    /** Columns of the first row. */
    readonly columns: number,
    /** Releases that write as many columns. */
    readonly candidates: readonly string[],
    /** Hyperparameters of the search or release that was asked for, if one was, and its result columns. */
    readonly expected?: { readonly keys: readonly string[]; readonly results: number },
  ) {
    const found = `${path} has ${columns} columns`
    const written =
      candidates.length > 0 ? `so many are in those of ${candidates.join(', ')}` : 'no release writes so many'
    super(
      expected
        ? `${found}, but this search has ${expected.results + expected.keys.length} (${expected.results} results and ` +
            `${expected.keys.length} hyperparameters); ${written}. The table is a stale one, of another release or of a ` +
            'hyp file with other keys, and columns of an evolve.txt have no titles to tell them by. Continue with the ' +
            'hyp file and release of then, or move the table away and start anew.'
        : `${found}: ${written}. An evolve.txt has no titles to tell hyperparameters by: say which release made it` +
            `${candidates.length > 0 ? `, as in --release ${candidates.at(-1)}` : ', or give the hyp file that it was made with'}.`,
    )
  }
}

/** An evolve.txt holds numbers only; this study has another value. */
export class EvolveTextValueError extends HypevolveError {
  override readonly code = 'EVOLVE_TEXT_VALUE'

  constructor(
    /** Format that was asked for. */
    readonly format: string,
    readonly key: string,
    /** `undefined` if a trial has no such hyperparameter. */
    readonly value: string | undefined,
  ) {
    const what = value === undefined ? `a trial has no "${key}"` : `"${key}" is ${JSON.stringify(value)}`
    super(
      `The evolve.txt of ${format} holds one number per hyperparameter, but ${what}. ` +
        'Choose a release from v6.0 on, whose evolve.csv can hold it, or leave it out of the search.',
    )
  }
}

/**
 * A release writes its table where one lies already, and a new study cannot go on with it as that release would. It is
 * not replaced.
 */
export class EvolveTableForeignError extends HypevolveError {
  override readonly code = 'EVOLVE_TABLE_FOREIGN'

  constructor(
    readonly path: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `${path} is there already, and the new study cannot go on with it: ${problem}\n` +
        `Move it away or start in another folder; or add --new, which keeps it as ${path}.bak. ` +
        `(hypevolve import ${path} makes a study of its own of it.)`,
      options,
    )
  }
}

/** A way to print the best hyperparameters that does not exist. */
export class HypFormatUnknownError extends HypevolveError {
  override readonly code = 'HYP_FORMAT_UNKNOWN'

  constructor(
    readonly format: string,
    readonly known: readonly string[],
  ) {
    super(`There is no format "${format}" for hyperparameters. Known are: ${known.join(', ')}.`)
  }
}
