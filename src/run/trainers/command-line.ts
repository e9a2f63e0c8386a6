// The command of a command trainer: words with placeholders, checked before anything runs, filled in for each trial.
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CommandNotFoundError, CommandPlaceholderError, UsageError } from '../../base/index.ts'
import type { Hyp } from '../../search/index.ts'

/** What a command is told about its trial. */
export interface CommandFacts {
  /** File with the hyperparameters, `key: value` lines. */
  readonly hyp: string
  readonly epochs: number
  /** Folder for what it writes. */
  readonly out: string
  /** `cpu`, `0`, `0,1`; '' if nothing was asked for. */
  readonly device: string
  readonly seed: number
  readonly trial: number
  readonly attempt: number
  readonly imgsz: number
  readonly threads: number
  /** {@link out} if an earlier attempt left something there, else ''. */
  readonly resume: string
}

/** As documented in docs/trainers.md. */
export const placeholders = [
  'hyp',
  'epochs',
  'out',
  'device',
  'seed',
  'trial',
  'attempt',
  'imgsz',
  'threads',
  'resume',
] as const satisfies readonly (keyof CommandFacts)[]

const placeholder = /\{\{([\w./-]*)\}\}|\{([A-Za-z][\w./-]*)\}/g

/**
 * Looks at a command before anything runs.
 *
 * @param hypKeys - keys that may stand in `{hyp.<key>}`
 * @throws {@link CommandPlaceholderError} for a placeholder that means nothing
 * @throws {@link CommandNotFoundError} if there is no such program
 */
export function checkCommand(words: readonly string[], hypKeys: readonly string[], path = process.env['PATH']): void {
  checkPlaceholders(words, hypKeys)
  findProgram(words[0] ?? '', path ?? '')
}

/**
 * Looks at a command line for the shell before anything runs.
 *
 * @throws UsageError if it is not one word
 * @throws {@link CommandPlaceholderError} for a placeholder that means nothing
 */
export function checkShellCommand(words: readonly string[], hypKeys: readonly string[]): void {
  if (words.length !== 1 || words[0]!.trim() === '')
    throw new UsageError(
      '--shell takes one word after "--", the whole command line in quotes: ' +
        `--shell -- 'python prepare.py && python train.py --hyp {hyp}'. There ${words.length === 1 ? 'is an empty one' : `are ${words.length}`}.`,
    )
  // ${NAME} is a variable of the shell.
  checkPlaceholders([words[0]!.replace(/\$\{[^}]*\}/g, '')], hypKeys)
}

function checkPlaceholders(words: readonly string[], hypKeys: readonly string[]): void {
  const known = [...placeholders, ...hypKeys.map((key) => `hyp.${key}`)]
  for (const word of words)
    for (const [, , name] of word.matchAll(placeholder))
      if (name !== undefined && !known.includes(name)) throw new CommandPlaceholderError(name, word, known)
}

/** The words for one trial. `{hyp.<key>}` of a key that this hyp lacks (a condition does not hold) becomes ''. */
export function fillCommand(words: readonly string[], facts: CommandFacts, hyp: Hyp): string[] {
  return words.map((word) =>
    word.replace(placeholder, (_, literal?: string, name?: string) =>
      name === undefined ? `{${literal}}` : textOf(name, facts, hyp),
    ),
  )
}

const textOf = (name: string, facts: CommandFacts, hyp: Hyp): string =>
  String(name.startsWith('hyp.') ? (hyp[name.slice('hyp.'.length)] ?? '') : facts[name as keyof CommandFacts])

export const usesPlaceholder = (words: readonly string[], name: keyof CommandFacts): boolean =>
  words.some((word) => [...word.matchAll(placeholder)].some(([, , found]) => found === name))

/** Scripts are small; whatever is larger is not looked at. */
const largestScript = 2 ** 20

/**
 * Whether a command takes a fact: by a placeholder, by its variable in a line for a shell, or in a script that the line
 * names. What a program reads of its environment besides cannot be seen.
 *
 * @param words - of the command; one line for the shell may be among them
 */
export function takesFact(words: readonly string[], name: keyof CommandFacts): boolean {
  const variable = new RegExp(`\\bHYPEVOLVE_${name.toUpperCase()}\\b`)
  return (
    usesPlaceholder(words, name) ||
    words.some((word) => variable.test(word)) ||
    words.flatMap((word) => word.split(/[\s'";&|<>()]+/)).some((file) => variable.test(scriptText(file)))
  )
}

/** The text of a file, if there is one that may be a script; else nothing. */
function scriptText(path: string): string {
  const file = path === '' ? undefined : statSync(path, { throwIfNoEntry: false })
  if (!file?.isFile() || file.size > largestScript) return ''
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** The same facts as environment variables: for scripts that read no arguments. */
export function commandEnvironment(facts: CommandFacts, hyp: Hyp): Record<string, string> {
  const entries = placeholders.map((name) => [`HYPEVOLVE_${name.toUpperCase()}`, String(facts[name])])
  return { ...Object.fromEntries(entries), HYPEVOLVE_HYP_JSON: JSON.stringify(hyp) }
}

function findProgram(program: string, path: string): void {
  if (program === '') throw new CommandNotFoundError(program, 'nothing is given')
  const places = program.includes('/')
    ? [program]
    : path.split(delimiter).map((folder) => join(folder === '' ? '.' : folder, program))
  const files = places.filter((place) => statSync(place, { throwIfNoEntry: false })?.isFile())
  if (files.length === 0)
    throw new CommandNotFoundError(program, program.includes('/') ? 'there is no such file' : 'it is not on PATH')
  if (!files.some(isExecutable)) throw new CommandNotFoundError(program, `${files[0]} is not executable (chmod +x)`)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
