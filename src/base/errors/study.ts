// Errors of studies and of the places where they are stored.
import { HypevolveError } from './base.ts'

/** A study is named that the storage does not have (any more). */
export class StudyNotFoundError extends HypevolveError {
  override readonly code = 'STUDY_NOT_FOUND'

  constructor(
    readonly study: string,
    readonly location: string,
    readonly known: readonly string[],
  ) {
    const list = known.length === 0 ? '' : ` It has: ${known.join(', ')}.`
    super(`${location} has no study ${study}.${list}`)
  }
}

/** One thing in which a stored study and a request differ. */
export interface StudyDifference {
  /** `data`, `epochs`, `space`, `sampler` … */
  readonly what: string
  readonly stored: string
  readonly wanted: string
}

/** A study would be continued by a request for something else. */
export class StudyDiffersError extends HypevolveError {
  override readonly code = 'STUDY_DIFFERS'

  constructor(
    readonly study: string,
    /** How far it is, as in `3 of 300 done`; empty if that does not matter. */
    readonly progress: string,
    readonly differences: readonly StudyDifference[],
    advice: string,
  ) {
    const list = differences.map(({ what, stored, wanted }) => `\n  ${what}: ${stored} there, ${wanted} here`).join('')
    super(`The study ${study}${progress === '' ? '' : ` (${progress})`} is not the same search:${list}\n${advice}`)
  }
}

/** A study cannot be deleted while processes work on it. */
export class StudyInUseError extends HypevolveError {
  override readonly code = 'STUDY_IN_USE'

  constructor(
    readonly study: string,
    /** Processes as `1234 on host`. */
    readonly processes: readonly string[],
  ) {
    super(
      `The study ${study} is in use by ${processes.length === 1 ? 'process' : 'processes'} ${processes.join(', ')}. ` +
        'Stop it first (hypevolve stop, or Ctrl-C in its terminal).',
    )
  }
}

/** A trial gives values that cannot be stored. */
export class HypNotStorableError extends HypevolveError {
  override readonly code = 'HYP_NOT_STORABLE'

  constructor(
    readonly key: string,
    readonly value: string,
  ) {
    super(`The hyp has ${value} for "${key}"; a study stores finite numbers, text, true and false only.`)
  }
}

/** `--storage` is no place that Hypevolve knows. */
export class StorageUrlError extends HypevolveError {
  override readonly code = 'STORAGE_URL'

  constructor(readonly url: string) {
    super(
      `"${url}" is no place for studies. Give the path of a file (runs/hypevolve.db), a PostgreSQL address ` +
        '(postgres://user@host/database), or memory.',
    )
  }
}

/** Studies are to be read where none were made yet. */
export class StorageMissingError extends HypevolveError {
  override readonly code = 'STORAGE_MISSING'

  constructor(readonly location: string) {
    super(
      `There are no studies in ${location} yet. hypevolve train … --evolve begins one; --storage names another place.`,
    )
  }
}

/** The disk under a storage is full. */
export class StorageFullError extends HypevolveError {
  override readonly code = 'STORAGE_FULL'

  constructor(
    readonly location: string,
    options?: ErrorOptions,
  ) {
    super(
      `No space is left for ${location}. What it holds is whole; make room, then go on with the same command.`,
      options,
    )
  }
}

/** A storage may not be read or written. */
export class StoragePermissionError extends HypevolveError {
  override readonly code = 'STORAGE_PERMISSION'

  constructor(
    readonly location: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `${location} cannot be used: ${problem}. Check owner and rights of the file and of its folder, or name another ` +
        'place with --storage.',
      options,
    )
  }
}

/** A storage was made by a later release. */
export class StorageNewerError extends HypevolveError {
  override readonly code = 'STORAGE_NEWER'

  constructor(
    readonly location: string,
    readonly version: number,
    readonly known: number,
  ) {
    super(
      `${location} has version ${version}, this release of Hypevolve knows versions up to ${known}. ` +
        'Update Hypevolve, or name another place with --storage.',
    )
  }
}

/** A file or database is none of Hypevolve's, or is damaged. */
export class StorageInvalidError extends HypevolveError {
  override readonly code = 'STORAGE_INVALID'

  constructor(
    readonly location: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `${location} is no storage of Hypevolve that can be used: ${problem}. Name another place with --storage, or move ` +
        'the file away: a study can be made anew from its evolve.csv with hypevolve import.',
      options,
    )
  }
}

/** Another process keeps a storage locked. */
export class StorageLockedError extends HypevolveError {
  override readonly code = 'STORAGE_LOCKED'

  constructor(
    readonly location: string,
    readonly seconds: number,
    options?: ErrorOptions,
  ) {
    super(
      `${location} has been locked by another program for ${seconds} seconds. Close what has it open (a database ` +
        'browser, a backup, a process that was stopped with Ctrl-Z), then go on with the same command.',
      options,
    )
  }
}

/** A database server cannot be reached, or refuses the login. */
export class StorageUnreachableError extends HypevolveError {
  override readonly code = 'STORAGE_UNREACHABLE'

  constructor(
    readonly location: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `The database server at ${location} cannot be used: ${problem}. Check that it runs, and the address, user and ` +
        'password in the URL.',
      options,
    )
  }
}

/** A training has ended, but what it brought could not be stored. The message holds it. */
export class TrialNotStoredError extends HypevolveError {
  override readonly code = 'TRIAL_NOT_STORED'

  constructor(
    readonly trial: number,
    /** The result, as JSON. */
    readonly result: string,
    override readonly cause: HypevolveError,
  ) {
    super(`The result of trial ${trial} could not be stored. ${cause.message} Not stored was: ${result}`, { cause })
  }
}
