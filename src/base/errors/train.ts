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
    const time = silenceMs < 120_000 ? `${Math.round(silenceMs / 1000)} s` : `${Math.round(silenceMs / 60_000)} minutes`
    super(
      `The training process said nothing for ${time} and was stopped. ` +
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
    options?: ErrorOptions,
  ) {
    super(`${path} cannot be used as a checkpoint: ${problem}`, options)
  }
}

/** A checkpoint could not be written; the one before is still there. */
export class CheckpointWriteError extends HypevolveError {
  override readonly code = 'CHECKPOINT_WRITE'

  constructor(
    readonly path: string,
    cause: Error & { readonly code?: string | undefined },
  ) {
    const why =
      cause.code === 'ENOSPC' ? 'the disk is full. Free some space' : `${cause.message}. Make the folder writable`
    super(`${path} could not be written: ${why} and go on with --resume; the checkpoint before it is whole.`, { cause })
  }
}

/** Weights were asked for without saying which model they belong to, or no model at all. */
export class ModelNotGivenError extends HypevolveError {
  override readonly code = 'MODEL_NOT_GIVEN'

  constructor(readonly weights: string) {
    super(
      weights === ''
        ? "There is no model to train: give --cfg (as yolov5n.yaml) with --weights '', or --weights of a trained detector."
        : `${weights} does not say which model its weights belong to: add --cfg, as --cfg yolov5n.yaml.`,
    )
  }
}
