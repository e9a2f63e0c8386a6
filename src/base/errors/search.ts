// Errors of hyps, search spaces, studies and their files.
import { HypevolveError } from './base.ts'

/** A hyperparameter is not a finite number. */
export class HypNotNumberError extends HypevolveError {
  override readonly code = 'HYP_NOT_NUMBER'

  constructor(
    readonly source: string,
    readonly key: string,
    readonly value: string,
  ) {
    super(
      `${source} gives "${key}" the value ${value}, which is not a finite number. Write a number, as in "${key}: 0.5".`,
    )
  }
}

/** A hyperparameter that the search space has is missing. */
export class HypKeyMissingError extends HypevolveError {
  override readonly code = 'HYP_KEY_MISSING'

  constructor(
    readonly source: string,
    readonly key: string,
    readonly similar?: string,
  ) {
    const hint = similar === undefined ? '' : ` (it has "${similar}": a typing error?)`
    super(`${source} has no "${key}", which this search evolves${hint}. Add a line "${key}: <number>" to it.`)
  }
}

/** A hyperparameter is named that the search space does not have. */
export class HypKeyNotInSpaceError extends HypevolveError {
  override readonly code = 'HYP_KEY_NOT_IN_SPACE'

  constructor(
    readonly source: string,
    readonly key: string,
    readonly known: readonly string[],
    readonly similar?: string,
  ) {
    const hint = similar === undefined ? '' : ` Did you mean "${similar}"?`
    super(`${source} names "${key}", which this search does not know.${hint} Known are: ${known.join(', ')}.`)
  }
}

/** Nothing is left to search: every gain is 0. */
export class SearchSpaceFrozenError extends HypevolveError {
  override readonly code = 'SEARCH_SPACE_FROZEN'

  constructor(readonly keys: readonly string[]) {
    super(
      `All ${keys.length} hyperparameters are fixed (mutation gain 0), so every trial would be the same. ` +
        'Leave at least one of them free.',
    )
  }
}

/** A search space contradicts itself, or a file or flag that describes one does not read as such. */
export class SearchSpaceInvalidError extends HypevolveError {
  override readonly code = 'SEARCH_SPACE_INVALID'

  constructor(
    /** The file or flag. */
    readonly source: string,
    /** The hyperparameter or entry. */
    readonly key: string,
    readonly problem: string,
    /** Line in the file, from 1. */
    readonly line?: number,
    options?: ErrorOptions,
  ) {
    const place = line === undefined ? source : `${source}, line ${line}`
    super(`${place}: "${key}" ${problem}. How spaces are written is in docs/space.md.`, options)
  }
}

/** Every hyp that the space allows has been tried, or so many that no new one was found. */
export class SearchSpaceExhaustedError extends HypevolveError {
  override readonly code = 'SEARCH_SPACE_EXHAUSTED'

  constructor(
    readonly sampler: string,
    readonly trials: number,
  ) {
    super(
      `The ${sampler} sampler found no hyperparameters that were not tried before (${trials} trials). ` +
        'The space holds no more, or what may still move in it rounds to the same values: widen it, or stop here.',
    )
  }
}

/** In replay a release is followed exactly, and here it fails or makes a hyp that nothing can be trained with. */
export class ReplayFaultError extends HypevolveError {
  override readonly code = 'REPLAY_FAULT'

  constructor(
    readonly sampler: string,
    readonly fault: string,
  ) {
    super(
      `The release that is replayed goes wrong here: ${fault}. Continue without replay (native mode has a way around ` +
        'each such fault; docs/differences.md lists them).',
    )
  }
}

/** No release of that name evolves hyperparameters. */
export class ReleaseUnknownError extends HypevolveError {
  override readonly code = 'RELEASE_UNKNOWN'

  constructor(
    readonly release: string,
    readonly known: readonly string[],
    readonly similar?: string,
  ) {
    const hint = similar === undefined ? '' : ` Did you mean ${similar}?`
    super(`There is no release "${release}".${hint} Known are: ${known.join(', ')}.`)
  }
}

/** A fitness expression does not read as one. */
export class FitnessInvalidError extends HypevolveError {
  override readonly code = 'FITNESS_INVALID'

  constructor(
    readonly text: string,
    /** Where in the text, from 0. */
    readonly position: number,
    readonly problem: string,
  ) {
    const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text
    super(
      `The fitness "${shown}" cannot be used: at character ${position + 1}, ${problem}. ` +
        'Write a formula of metrics, as in 0.1*mAP50 + 0.9*mAP50to95, or the name of a preset.',
    )
  }
}

/** A constraint that cannot be read. */
export class ConstraintInvalidError extends HypevolveError {
  override readonly code = 'CONSTRAINT_INVALID'

  constructor(
    readonly text: string,
    readonly problem: string,
  ) {
    const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text
    super(
      `The constraint "${shown}" cannot be used: ${problem}. ` +
        'Write a metric and its limit, as in "latency_ms <= 10" or "precision >= 0.5".',
    )
  }
}

/** The columns of an evolve.csv are not those of this search. */
export class EvolveFileColumnsError extends HypevolveError {
  override readonly code = 'EVOLVE_FILE_COLUMNS'

  constructor(
    readonly path: string,
    readonly found: readonly string[],
    readonly expected: readonly string[],
  ) {
    const missing = expected.filter((title) => !found.includes(title))
    const extra = found.filter((title) => !expected.includes(title))
    const repeated = found.filter((title, i) => found.indexOf(title) !== i)
    const parts = [
      missing.length > 0 ? `it lacks ${missing.join(', ')}` : '',
      extra.length > 0 ? `it has ${extra.join(', ')} besides` : '',
      repeated.length > 0 ? `it has ${repeated.join(', ')} twice` : '',
    ].filter((part) => part !== '')
    super(
      `The columns of ${path} do not fit this search: ${parts.join('; ')}. It was made with other hyperparameters. ` +
        'Continue with the hyp file and flags of then, or start a new search without --resume. ' +
        `Columns found: ${found.join(', ')}. Columns of this search: ${expected.join(', ')}.`,
    )
  }
}

/** A row of an evolve.csv cannot be read. */
export class EvolveFileRowError extends HypevolveError {
  override readonly code = 'EVOLVE_FILE_ROW'

  constructor(
    readonly path: string,
    readonly line: number,
    readonly problem: string,
  ) {
    super(`${path}, line ${line}: ${problem}. Correct or delete this line.`)
  }
}

/** A result could not be written, as on a full disk. What was in the file before is intact. */
export class StudyWriteError extends HypevolveError {
  override readonly code = 'STUDY_WRITE'

  constructor(
    readonly path: string,
    /** What could not be written. */
    readonly content: string,
    cause: Error & { readonly code?: string | undefined },
  ) {
    const why = cause.code === 'ENOSPC' || cause.code === 'EDQUOT' ? 'the disk is full' : cause.message
    super(
      `Cannot write to ${path}: ${why}. What it held before is kept; free some space and continue with --resume. ` +
        `Not written was:\n${content.trimEnd()}`,
      { cause },
    )
  }
}

/** A trial was told or failed that is not in training. */
export class TrialNotRunningError extends HypevolveError {
  override readonly code = 'TRIAL_NOT_RUNNING'

  constructor(
    readonly number: number,
    readonly state: string,
  ) {
    super(`Trial ${number} is ${state}, not in training: only a trial that ask() gave out can be told, and only once.`)
  }
}

/** There are too few trainings to tell which hyperparameters matter. */
export class ImportanceTrialsError extends HypevolveError {
  override readonly code = 'IMPORTANCE_TRIALS'

  constructor(
    readonly study: string,
    /** Full trainings with a score. */
    readonly full: number,
    /** Shorter ones, by their epochs. */
    readonly shorter: ReadonlyMap<number, number>,
    readonly needed: number,
  ) {
    const rungs = [...shorter].sort(([a], [b]) => a - b).map(([epochs, count]) => `${count} of ${epochs} epochs`)
    const have = [`${full} full ${full === 1 ? 'training' : 'trainings'}`, ...rungs].join(', ')
    super(
      `Which hyperparameters matter cannot be told yet: ${study} has ${have} with a score, and ${needed} of one length are needed. ` +
        `Let it train more; hypevolve status ${study} tells how it is doing.`,
    )
  }
}

/** An earlier search has nothing that a new one could begin with. */
export class WarmStartEmptyError extends HypevolveError {
  override readonly code = 'WARM_START_EMPTY'

  constructor(
    readonly source: string,
    readonly problem: string,
  ) {
    super(`${source} has nothing to start from: ${problem}. Name another study or table, or leave out --warm-start.`)
  }
}
