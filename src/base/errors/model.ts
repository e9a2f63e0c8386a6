// Errors of model files, hyperparameter files and weights.
import { HypevolveError } from './base.ts'

/** A yaml named on the command line is neither in the current folder nor among the packaged files. */
export class FileNotResolvedError extends HypevolveError {
  override readonly code = 'FILE_NOT_RESOLVED'

  constructor(
    readonly kind: 'model' | 'hyp' | 'data',
    readonly file: string,
    readonly searched: readonly string[],
    readonly packaged: readonly string[],
  ) {
    const what = { model: 'model file', hyp: 'hyperparameter file', data: 'data set file' }[kind]
    const where = searched.map((place) => `\n  ${place}`).join('')
    const own = packaged.length > 0 ? ` or one of the packaged ones (${packaged.join(', ')})` : ''
    super(`No ${what} "${file}". Looked for:${where}\nGive the path of an existing file${own}.`)
  }
}

/** The model yaml as a whole cannot be used. */
export class ModelFileInvalidError extends HypevolveError {
  override readonly code = 'MODEL_FILE_INVALID'

  constructor(
    readonly file: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file} is no usable model file: ${problem}`, options)
  }
}

/** One row `[from, number, module, args]` of a model yaml is wrong. */
export class ModelRowInvalidError extends HypevolveError {
  override readonly code: string = 'MODEL_ROW_INVALID'

  /** @param row - index of the row counted through backbone and head, as `from` counts */
  constructor(
    readonly file: string,
    readonly section: 'backbone' | 'head',
    readonly row: number,
    readonly text: string,
    readonly problem: string,
  ) {
    super(`${file}, ${section} row ${row}, ${text}: ${problem}`)
  }
}

/** A row names a module that this program does not have. */
export class ModelModuleUnknownError extends ModelRowInvalidError {
  override readonly code = 'MODEL_MODULE_UNKNOWN'

  constructor(
    file: string,
    section: 'backbone' | 'head',
    row: number,
    text: string,
    readonly module: string,
    readonly known: readonly string[],
    suggestion: string | undefined,
  ) {
    const hint = suggestion === undefined ? '' : ` Did you mean "${suggestion}"?`
    super(file, section, row, text, `there is no module "${module}".${hint} Known modules: ${known.join(', ')}.`)
  }
}

/** A hyperparameter file cannot be read as `key: number` lines. */
export class HypFileInvalidError extends HypevolveError {
  override readonly code = 'HYP_FILE_INVALID'

  constructor(
    readonly file: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file} is no hyperparameter file: ${problem} It should hold lines like "lr0: 0.01".`, options)
  }
}

/** A hyperparameter file has a key that the trainer does not read: most often a typing error. */
export class HypKeyUnknownError extends HypevolveError {
  override readonly code = 'HYP_KEY_UNKNOWN'

  constructor(
    readonly file: string,
    readonly key: string,
    readonly suggestion: string | undefined,
    readonly known: readonly string[],
  ) {
    const hint = suggestion === undefined ? `Known keys: ${known.join(', ')}.` : `Did you mean "${suggestion}"?`
    super(`${file}: the trainer has no hyperparameter "${key}". ${hint}`)
  }
}

/** A hyperparameter is not a number, or lies outside the range in which training means anything. */
export class HypValueInvalidError extends HypevolveError {
  override readonly code = 'HYP_VALUE_INVALID'

  constructor(
    readonly file: string,
    readonly key: string,
    readonly value: unknown,
    readonly low: number,
    readonly high: number,
  ) {
    const shown = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
    super(`${file}: "${key}: ${shown}" is not possible, ${key} must be a number from ${low} to ${high}.`)
  }
}

/** A preset was made for another trainer, with other loss terms. */
export class HypPresetUnsupportedError extends HypevolveError {
  override readonly code = 'HYP_PRESET_UNSUPPORTED'

  constructor(
    readonly preset: string,
    readonly reason: string,
  ) {
    super(`The hyperparameters "${preset}" are not supported by this trainer because ${reason}`)
  }
}

/** A batch matched more anchor cells than the session's graph has rows for. Choose a bigger session; drop nothing. */
export class MatchCapacityError extends HypevolveError {
  override readonly code = 'MATCH_CAPACITY'

  constructor(
    readonly matches: number,
    readonly capacity: number,
  ) {
    super(
      `This batch matches ${matches} anchor cells on one level, the training graph holds ${capacity}. ` +
        'The training step must be run in a session with a larger match capacity.',
    )
  }
}
