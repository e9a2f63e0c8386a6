import { HypevolveError } from './base.ts'

/** A training in a child process ended with an error; code and message are those of that error. */
export class TrainingFailedError extends HypevolveError {
  override readonly code: string
  /** Stack in the child process, for bug reports. */
  readonly childStack: string | undefined

  constructor(failure: { readonly code?: string; readonly message: string; readonly stack?: string }) {
    super(failure.message)
    this.code = failure.code ?? 'TRAINING_FAILED'
    this.childStack = failure.stack
  }
}

/** The process of a slot died. */
export class SlotCrashedError extends HypevolveError {
  override readonly code = 'SLOT_CRASHED'

  constructor(
    readonly exitCode: number | null,
    readonly signal: string | null,
    readonly output: readonly string[],
  ) {
    const how = signal ? `was killed by ${signal}` : `exited with ${exitCode}`
    const hint =
      signal === 'SIGKILL'
        ? ' A process killed from outside has often run out of memory: try a smaller --batch-size or --imgsz.'
        : ''
    const said = output.length > 0 ? ` Its last output:\n${output.join('\n')}` : ''
    super(`The training process ${how}.${hint}${said}`)
  }
}

/** The process of a slot said nothing for too long and was killed. */
export class SlotHungError extends HypevolveError {
  override readonly code = 'SLOT_HUNG'

  constructor(
    readonly silenceMs: number,
    readonly output: readonly string[],
  ) {
    const said = output.length > 0 ? ` Its last output:\n${output.join('\n')}` : ''
    super(
      `The training process said nothing for ${Math.round(silenceMs / 60_000)} minutes and was stopped. ` +
        `If one batch can take that long here, use a smaller --batch-size or --imgsz.${said}`,
    )
  }
}

/** The loss is no longer a finite number. */
export class LossNotFiniteError extends HypevolveError {
  override readonly code = 'LOSS_NOT_FINITE'

  constructor(
    readonly epoch: number,
    readonly batch: number,
  ) {
    super(
      `The loss became NaN or infinite in epoch ${epoch}, batch ${batch}: these hyperparameters diverge. ` +
        'Lower lr0, warmup_bias_lr or the loss gains (box, cls, obj).',
    )
  }
}

/** A file that should be a checkpoint is none, or belongs to something else. */
export class CheckpointError extends HypevolveError {
  override readonly code = 'CHECKPOINT'

  constructor(
    readonly path: string,
    readonly problem: string,
  ) {
    super(`${path} cannot be used as a checkpoint: ${problem}`)
  }
}

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
    cause: NodeJS.ErrnoException,
  ) {
    const why = cause.code === 'ENOSPC' || cause.code === 'EDQUOT' ? 'the disk is full' : cause.message
    super(
      `Cannot write to ${path}: ${why}. What it held before is kept; free some space and continue with --resume. ` +
        `Not written was:\n${row.trimEnd()}`,
      { cause },
    )
  }
}
