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
