// Errors of Darknet's files.
import { HypevolveError } from './base.ts'

/** A Darknet `.cfg` cannot be used. */
export class CfgInvalidError extends HypevolveError {
  override readonly code = 'CFG_INVALID'

  /** @param line - counted from 1; undefined if it concerns the file as a whole */
  constructor(
    readonly file: string,
    readonly line: number | undefined,
    readonly problem: string,
  ) {
    super(`${file}${line === undefined ? '' : `, line ${line}`}: ${problem}`)
  }
}

/** A Darknet `.weights` file is damaged, or not of the model it is read for. */
export class DarknetWeightsError extends HypevolveError {
  override readonly code = 'DARKNET_WEIGHTS'

  constructor(
    readonly file: string,
    readonly problem: string,
  ) {
    super(`${file}: ${problem}`)
  }
}

/** Hyperparameters of one loss are given to a model that is trained with another. */
export class HypFamilyError extends HypevolveError {
  override readonly code = 'HYP_FAMILY'

  constructor(
    readonly model: string,
    readonly family: string,
    readonly missing: readonly string[],
    readonly suggestion: string,
  ) {
    super(
      `${model} is trained with the loss of ${family}; its hyperparameters lack ${missing.join(', ')}. ` +
        `Give a set of ${family}, as --hyp ${suggestion}.`,
    )
  }
}
