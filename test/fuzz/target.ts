// What is fuzzed: a reader of a file format, valid files to begin with, and what the format is made of.

/** A part of a container, as a file of an archive or the header of a file of weights. */
export interface Part {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * How a file with lengths or checksums is taken apart and put together again, so that a change of what is inside is not
 * refused for them alone.
 */
export interface Container {
  /** @returns undefined if the file is too damaged to be one */
  open(bytes: Uint8Array): readonly Part[] | undefined
  close(parts: readonly Part[]): Uint8Array
}

/** A reader that must answer whatever it is given with a value or a `HypevolveError`, soon and in little memory. */
export interface FuzzTarget {
  /** As `--format` takes it. */
  readonly name: string
  /** Small valid inputs, the same each time. Each of them must be accepted. */
  seeds(): readonly Uint8Array[] | Promise<readonly Uint8Array[]>
  /** Words and numbers that mean something in the format. */
  readonly tokens?: readonly (string | Uint8Array)[]
  readonly container?: Container
  /** Reads the input as the program does. `folder` is a scratch folder that stays from one input to the next. */
  run(bytes: Uint8Array, folder: string): unknown
}

export const utf8 = (text: string): Uint8Array => Buffer.from(text)
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
