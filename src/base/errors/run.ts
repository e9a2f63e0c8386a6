// Errors of running trials: slots, outside programs, disks.
import { HypevolveError } from './base.ts'

/** What to try when trainings keep failing, by failure class. */
const remedies: Readonly<Record<string, string>> = {
  'out-of-memory': 'Try a smaller --batch-size or --imgsz, or fewer trainings at once (--jobs).',
  diverged:
    'The loss or a metric is no number, or a metric that the fitness needs is missing: lower lr0 or the loss gains in ' +
    'the hyp that the search starts from, or look at --fitness.',
  crash: 'Run one training by itself with the same flags (without --evolve) to see more.',
  hang: 'Find out what it waits for; if it only works silently for long, raise --hang-timeout.',
  'time-out': 'Raise --trial-timeout, or give a training less to do (--epochs, --imgsz).',
  'bad-configuration': 'Correct what the training complains about.',
}

/** The trainings of a search fail one after the other, in the same way. */
export class RepeatedFailureError extends HypevolveError {
  override readonly code = 'REPEATED_FAILURE'

  /**
   * @param failures - how many in a row
   * @param failure - their failure class
   * @param output - last lines of the last one
   */
  constructor(
    readonly failures: number,
    readonly failure: string,
    readonly output: readonly string[],
  ) {
    super(
      `${failures} trainings in a row failed in the same way (${failure}), so the search stops. ` +
        `${remedies[failure] ?? ''} Then go on with "hypevolve resume". What the last one said:\n${output.join('\n')}`,
    )
  }
}

/** The disk is nearly full; no other training is begun. */
export class DiskSpaceError extends HypevolveError {
  override readonly code = 'DISK_SPACE'

  /**
   * @param folder - of the study
   * @param freeBytes - what is left on its disk
   * @param neededBytes - what must be left for a training to begin
   * @param removable - what could be deleted, largest first
   */
  constructor(
    readonly folder: string,
    readonly freeBytes: number,
    readonly neededBytes: number,
    readonly removable: readonly { readonly path: string; readonly bytes: number }[],
  ) {
    const list = removable.map(({ path, bytes }) => `\n  ${path} (${megabytes(bytes)})`).join('')
    super(
      `The disk of ${folder} has only ${megabytes(freeBytes)} left; below ${megabytes(neededBytes)} no training is begun, ` +
        'so that what is there stays whole. Make room and go on with "hypevolve resume". ' +
        (list === ''
          ? 'The search itself has no large files there: look elsewhere on that disk.'
          : `Weights that the search kept (fewer are kept with --keep best:1 or none):${list}`),
    )
  }
}

/** The command of a command trainer has a placeholder that means nothing. */
export class CommandPlaceholderError extends HypevolveError {
  override readonly code = 'COMMAND_PLACEHOLDER'

  constructor(
    readonly placeholder: string,
    readonly word: string,
    readonly known: readonly string[],
  ) {
    super(
      `The command has {${placeholder}} in "${word}", which stands for nothing. ` +
        `Known are ${known.map((name) => `{${name}}`).join(', ')}; write {{${placeholder}}} for a literal {${placeholder}}.`,
    )
  }
}

/** The program of a command trainer cannot be started. */
export class CommandNotFoundError extends HypevolveError {
  override readonly code = 'COMMAND_NOT_FOUND'

  constructor(
    readonly program: string,
    readonly problem: string,
  ) {
    super(
      program === ''
        ? 'There is no command to run: give one after "--", as in --trainer command -- python train.py --hyp {hyp}.'
        : `${program} cannot be started: ${problem}. Give the path of a program, or the name of one on PATH.`,
    )
  }
}

/** The process of a slot took nearly all memory and was killed before the system had to choose whom to kill. */
export class SlotMemoryError extends HypevolveError {
  override readonly code = 'SLOT_MEMORY'

  constructor(
    readonly bytes: number,
    readonly output: readonly string[],
  ) {
    const said = output.length > 0 ? ` Its last output:\n${output.join('\n')}` : ''
    super(
      `The training process grew to ${megabytes(bytes)}, more than it may take, and was stopped. ` +
        `Use a smaller --batch-size or --imgsz, or fewer trainings at once (--jobs).${said}`,
    )
  }
}

const megabytes = (bytes: number) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`)

/** A trainer that should be on this machine is not there, or cannot be used. */
export class TrainerNotFoundError extends HypevolveError {
  override readonly code = 'TRAINER_NOT_FOUND'

  /**
   * @param trainer - as `yolov5`
   * @param found - what is wrong, a sentence: where it was looked for, what is there instead
   * @param remedy - what to do, a sentence
   */
  constructor(
    readonly trainer: string,
    readonly found: string,
    readonly remedy: string,
  ) {
    super(`--trainer ${trainer}: ${found} ${remedy}`)
  }
}

/** The one epoch before the first trial failed: no trial was begun. */
export class SmokeTestError extends HypevolveError {
  override readonly code = 'SMOKE_TEST'

  /**
   * @param failure - failure class
   * @param output - last lines of the training
   * @param log - file with all that it said
   */
  constructor(
    readonly failure: string,
    readonly output: readonly string[],
    readonly log: string,
  ) {
    const reason = output.at(-1) ?? 'It said nothing.'
    const before = output.slice(-13, -1)
    super(
      `A training of one epoch failed (${failure}), so no trial was begun. ${reason} All that it said is in ${log}` +
        (before.length > 0 ? `; the last lines:\n${before.join('\n')}` : '.'),
    )
  }
}
