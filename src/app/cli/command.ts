// What a command of the CLI is. Each lives in a file of its own that loads nothing heavy: the work behind it is imported
// when the command runs, so that `hypevolve --help` answers at once.
import type { Command } from 'commander'

/** One command: `configure` adds flags, help text and an action to a fresh commander command. */
export interface CliCommand {
  readonly name: string
  /** One line for `hypevolve --help`. */
  readonly summary: string
  /** Other spellings of its flags, replaced before parsing: `--batch` for `--batch-size`. */
  readonly aliases?: Readonly<Record<string, string>>
  /** Flags of older releases that another one replaces, as `--notest` by `--noval`; '' leaves them out. */
  readonly renamed?: Readonly<Record<string, string>>
  /** Flags of YOLOv3 and YOLOv5 that we do not have: flag to the reason, which completes "not supported because …". */
  readonly unsupported?: Readonly<Record<string, string>>
  /** Words after `--` are a program to run: they become values of the hidden flag `--program`. */
  readonly takesProgram?: true
  /** Changes the words further, after other spellings were replaced. */
  readonly rewrite?: (words: readonly string[]) => string[]
  configure(command: Command): void
}

/** Declares a command. */
export const defineCommand = (command: CliCommand): CliCommand => command
