// The command line that began a study, read again: to go on with it, to train its best, to repeat one of its trainings.
import { Command, type Option } from 'commander'
import { UsageError } from '../../base/index.ts'
import type { StudyRecord } from '../../study/index.ts'
import { prepareArguments } from '../cli/arguments.ts'
import { train } from '../cli/train.ts'
import { addTrainFlags, evolveOnlyFlags, flagsOf, type TrainFlags } from '../cli/train-flags.ts'
import { settingsOf } from './settings.ts'

/**
 * The flags of the command that began a study.
 *
 * @throws {@link UsageError} if no command did: it was imported, or made by a library
 */
export function studyFlags(study: StudyRecord): { readonly flags: TrainFlags; readonly words: readonly string[] } {
  const { words } = settingsOf(study.definition)
  if (words === undefined)
    throw new UsageError(
      `${study.name} was not begun by hypevolve train, so its command line is not known. ` +
        `Train with its hyperparameters by hypevolve train --hyp …; hypevolve best ${study.name} --format yolov5 prints them.`,
    )
  return { flags: flagsOf(parse(words)), words }
}

function parse(words: readonly string[]): Command {
  const command = new Command('train').exitOverride().configureOutput({ writeErr: () => {} })
  addTrainFlags(command)
  return command.parse(prepareArguments(words, train), { from: 'user' })
}

/** Flags of an evolution that a single training does not repeat. */
const leftOut: readonly string[] = [
  ...evolveOnlyFlags,
  ...['evolve', 'resume', 'yes', 'project', 'name', 'existOk', 'device', 'hyp'],
  ...['nosave', 'noval', 'noplots', 'patience', 'savePeriod'],
]

/** The words of `hypevolve train` for one training of the study, without `--hyp` and without those that only say what is written. */
export function trainingWords(words: readonly string[], drop: readonly string[] = []): string[] {
  const command = parse(words)
  return command.options.flatMap((option) => {
    const key = option.attributeName()
    if (leftOut.includes(key) || drop.includes(key) || command.getOptionValueSource(key) !== 'cli') return []
    return optionWords(option, command.getOptionValue(key))
  })
}

function optionWords({ long }: Option, value: unknown): string[] {
  if (value === true) return [long!]
  if (Array.isArray(value)) return [long!, ...value.map(String)]
  return [long!, String(value)]
}

/** A word for a POSIX shell. */
export const shellWord = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/** A command line for a POSIX shell. */
export const shellLine = (words: readonly string[]) => words.map(shellWord).join(' ')

/** A word for PowerShell: in single quotes everything is literal, and a quote is doubled. */
export const powershellWord = (word: string) =>
  /^[\w+=:./\\-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`

/** Which shell a command line is for. */
export type Shell = 'posix' | 'powershell'

/** A program with variables of its environment, as one line for a shell. */
export function programText(words: readonly string[], env: Readonly<Record<string, string>>, shell: Shell): string {
  const variables = Object.entries(env)
  if (shell === 'posix')
    return [...variables.map(([name, value]) => `${name}=${shellWord(value)}`), shellLine(words)].join(' ')
  const set = variables.map(([name, value]) => `$env:${name} = '${value.replaceAll("'", "''")}'; `)
  return `${set.join('')}& ${words.map(powershellWord).join(' ')}`
}
