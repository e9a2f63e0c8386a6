// What happens to the arguments before commander reads them: other spellings are replaced, and flags of the originals
// that Hypevolve does not have are answered with the reason.
import { UsageError } from '../../base/index.ts'
import type { CliCommand } from './command.ts'

/**
 * Replaces aliases, turns the program after `--` into values of `--program`, and refuses flags that are known not to be supported.
 *
 * @param words - arguments after the command's name
 * @throws {@link UsageError} for a flag of {@link CliCommand.unsupported}
 */
export function prepareArguments(words: readonly string[], command: CliCommand): string[] {
  const aliases = { ...command.aliases, ...command.renamed }
  const unsupported = command.unsupported ?? {}
  const end = words.indexOf('--')
  const flags = end >= 0 && command.takesProgram ? words.slice(0, end) : words
  const program = words.slice(flags.length + 1).map((word) => `--program=${word}`)
  const prepared = flags.map((word, index) => {
    if (!word.startsWith('--') || word === '--' || (end >= 0 && index > end)) return word
    const equals = word.indexOf('=')
    const flag = equals < 0 ? word : word.slice(0, equals)
    if (Object.hasOwn(unsupported, flag)) throw new UsageError(`${flag} is not supported because ${unsupported[flag]}`)
    const target = Object.hasOwn(aliases, flag) ? aliases[flag]! : flag
    return equals < 0 || target === '' ? target : target + word.slice(equals)
  })
  const dropped = prepared.filter((word, index) => word !== '' || flags[index] === '')
  return [...(command.rewrite?.(dropped) ?? dropped), ...program]
}

/** A line for each flag of an older release that was replaced. */
export function renamedFlags(words: readonly string[], { renamed = {} }: CliCommand): string[] {
  const end = words.indexOf('--')
  const flags = (end < 0 ? words : words.slice(0, end)).map((word) => word.replace(/=.*/s, ''))
  return [...new Set(flags)]
    .filter((flag) => Object.hasOwn(renamed, flag))
    .map((flag) =>
      renamed[flag] === '' ? `${flag}: so it is anyway.` : `${flag} is read as ${renamed[flag]!.replace('=', ' ')}.`,
    )
}
