// Why a process that trained ended without results: from its exit code, the signal that ended it, and what it said.
import { constants } from 'node:os'
import { stripVTControlCharacters } from 'node:util'
import type { FailureClass } from '../../search/index.ts'
import { consequenceMessages, type FailureMessage, failureMessages } from './failure-messages.ts'
import type { Exit } from './group.ts'

/** Why a training failed, and a sentence for people. */
export interface Explanation {
  readonly failure: FailureClass
  readonly reason: string
}

/** With exit code 2, argparse and its kin. */
const usagePattern = /^usage:|error: (unrecognized arguments|argument |the following arguments are required)/im
/** A warning is what the program lived on with. */
const warning = /\bwarn(?:ing)?\b/i

/**
 * The class of an exit that nobody here caused, and what to do.
 *
 * @param output - last lines that it wrote
 */
export function explainExit(exit: Exit, output: readonly string[]): Explanation {
  const { code, signal } = exit
  const lines = clean(output)
  const said = find(failureMessages, lines)
  if (said) return said
  // Nobody but the system (or a person) sends SIGKILL, and the system does it when memory is used up. 137 = 128 + 9 comes
  // from a shell in between.
  if (signal === 'SIGKILL' || code === 137) return { failure: 'out-of-memory', reason: describeExit(exit) }
  const consequence = find(consequenceMessages, lines)
  if (consequence) return consequence
  // 126 and 127: a shell could not run the program.
  if (code === 126 || code === 127) return { failure: 'bad-configuration', reason: describeExit(exit) }
  if (code === 2 && usagePattern.test(lines.join('\n')))
    return { failure: 'bad-configuration', reason: 'It does not take these arguments: its own words say which.' }
  return { failure: 'crash', reason: describeExit(exit) }
}

/** What the output alone says, whatever the exit code: behind a pipe a crash ends with 0. */
export function explainOutput(output: readonly string[]): Explanation | undefined {
  const lines = clean(output)
  return find(failureMessages, lines) ?? find(consequenceMessages, lines)
}

/** The class alone. */
export const classifyExit = (exit: Exit, output: readonly string[]): FailureClass => explainExit(exit, output).failure

/** How it ended, in a sentence. */
export function describeExit({ code, signal }: Exit): string {
  if (signal === 'SIGKILL' || code === 137)
    return 'It was killed from outside (SIGKILL): the system does that when memory is used up.'
  if (signal) return `It was ended by ${signal}.`
  if (code === 127) return 'Exit code 127: the program, or one that it needs, was not found.'
  if (code === 126) return 'Exit code 126: the program may not be run.'
  const name = Object.entries(constants.signals).find(([, number]) => code === 128 + number)?.[0]
  return name === undefined ? `Exit code ${code}.` : `Exit code ${code}: a part of it was ended by ${name}.`
}

const clean = (output: readonly string[]) => output.map((line) => stripVTControlCharacters(line).trim())

function find(groups: readonly (readonly FailureMessage[])[], lines: readonly string[]): Explanation | undefined {
  for (const messages of groups)
    for (const line of lines.toReversed()) {
      if (warning.test(line)) continue
      for (const { pattern, failure, reason } of messages) {
        const found = pattern.exec(line)
        if (found) return { failure, reason: reason(...found.slice(1)) }
      }
    }
  return undefined
}
