/** Base of all errors that a user can meet. The CLI prints `message` and exits 1 (2 for {@link UsageError}). */
export abstract class HypevolveError extends Error {
  /** Stable, upper snake case; documented in docs/errors.md. */
  abstract readonly code: string

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** The command line is wrong: an unknown flag, a value outside its range. The CLI exits 2. */
export class UsageError extends HypevolveError {
  override readonly code = 'USAGE'
}
