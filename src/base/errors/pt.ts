// Errors of PyTorch checkpoints (.pt): what is read of them and what is written.
import { HypevolveError } from './base.ts'

/** A file is no PyTorch file, is cut off, damaged, or made to harm its reader. Nothing of it was executed. */
export class PtFileError extends HypevolveError {
  override readonly code = 'PT_FILE'

  constructor(
    readonly file: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file} cannot be read as a PyTorch file: ${problem}`, options)
  }
}

/** A PyTorch file refers to a class or function that checkpoints of detectors do not need. Nothing was executed. */
export class PtGlobalRefusedError extends HypevolveError {
  override readonly code = 'PT_GLOBAL_REFUSED'

  constructor(
    readonly file: string,
    /** Dotted name, as 'os.system'. */
    readonly global: string,
  ) {
    super(
      `${file} refers to "${global}", which no checkpoint of a detector needs. The file was not read further, and nothing ` +
        'in it was executed. If you know where it comes from, save only its weights with Python: ' +
        "torch.save(ckpt['model'].float().state_dict(), 'weights.pt').",
    )
  }
}

/** A PyTorch file is whole, but its model has parts that Hypevolve does not build, or its form is another one. */
export class PtUnsupportedError extends HypevolveError {
  override readonly code = 'PT_UNSUPPORTED'

  constructor(
    readonly file: string,
    /** What is in the way, as 'torch.nn.modules.activation.Hardswish'. */
    readonly part: string,
    readonly problem: string,
  ) {
    super(`${file}: ${problem}`)
  }
}

/** A weight is too large for half precision. */
export class PtHalfRangeError extends HypevolveError {
  override readonly code = 'PT_HALF_RANGE'

  constructor(
    readonly weight: string,
    readonly value: number,
  ) {
    super(`"${weight}" holds ${value}, which half precision cannot. Write the checkpoint in float32.`)
  }
}
