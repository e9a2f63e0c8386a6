// Flags and arguments of the commands that look at studies.
import { type Command, Option } from 'commander'
import { UsageError } from '../../base/index.ts'

export interface StorageFlags {
  /** File, `postgres://…`; undefined: runs/hypevolve.db. */
  readonly storage?: string
}

export const storageOption = () =>
  new Option('--storage <url>', 'where studies are remembered: a file or postgres://user@host/database').default(
    undefined,
    'runs/hypevolve.db',
  )

/** `[study] --storage`; for commands about one study. */
export function addStudyArgument(command: Command): Command {
  return command
    .argument('[study]', 'name, folder or number of the study; the latest if not given')
    .addOption(storageOption())
}

export const studyHelp = `
A study is named by its folder (runs/evolve/exp2), the last part of it (exp2), or its number in \`hypevolve studies\`.`

/** A trial as the command line names it. */
export interface TrialReference {
  /** Undefined: the latest study. */
  readonly study?: string
  readonly trial: number
}

/**
 * `17`, `exp2 17` and `17 exp2`.
 *
 * @throws {@link UsageError} if no word, or none of two, is a whole number
 */
export function trialReference(words: readonly string[]): TrialReference {
  const [first, second] = words
  if (first === undefined) throw new UsageError('Which trial? Give its number: hypevolve show 17.')
  if (second === undefined) return { trial: trialNumber(first) }
  if (isWhole(second)) return { study: first, trial: Number(second) }
  return { study: second, trial: trialNumber(first) }
}

export const isWhole = (text: string) => /^\d{1,9}$/.test(text)

function trialNumber(text: string): number {
  if (!isWhole(text)) throw new UsageError(`"${text}" is no trial number. Give a whole number from 0.`)
  return Number(text)
}
