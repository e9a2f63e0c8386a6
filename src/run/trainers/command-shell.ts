// `--shell`: the command as one line for the shell. Values never become shell text: they go through the environment, and
// the line only names the variables, quoted as the place in the line needs it.
import { UsageError } from '../../base/index.ts'
import type { Hyp } from '../../search/index.ts'
import { type CommandFacts, fillCommand } from './command-line.ts'

/** What is started for a command line. */
export interface ShellCommand {
  readonly words: readonly string[]
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>
}

/** @param line - with placeholders, which may stand in quotes or not: each is one word or a part of one */
export const shellCommand = (line: string, facts: CommandFacts, hyp: Hyp, platform = process.platform): ShellCommand =>
  platform === 'win32' ? windowsCommand(line, facts, hyp) : posixCommand(line, facts, hyp)

function posixCommand(line: string, facts: CommandFacts, hyp: Hyp): ShellCommand {
  const env: Record<string, string> = {}
  const text = replaceInShell(line, (token, quotes) => {
    const [value] = fillCommand([token], facts, hyp)
    if (token.startsWith('{{')) return value!
    const name = `HYPEVOLVE_VALUE_${Object.keys(env).length + 1}`
    env[name] = value!
    if (quotes === 'double') return `\${${name}}`
    return quotes === 'single' ? `'"\${${name}}"'` : `"\${${name}}"`
  })
  return { words: ['/bin/sh', '-c', text], env }
}

const token = /\{\{[\w./-]*\}\}|\{[A-Za-z][\w./-]*\}/y

/**
 * Replaces placeholders of a line, told in which quotes they stand. `$(…)` begins anew inside of quotes. Were a strange
 * line misread, a value could fall apart into words, but never be run.
 */
function replaceInShell(
  line: string,
  replace: (token: string, quotes: 'none' | 'single' | 'double') => string,
): string {
  const nesting: ('none' | 'single' | 'double')[] = ['none']
  let text = ''
  for (let i = 0; i < line.length; i++) {
    const quotes = nesting.at(-1)!
    const sign = line[i]!
    token.lastIndex = i
    const [found] = token.exec(line) ?? []
    if (found !== undefined && line[i - 1] !== '$') {
      text += replace(found, quotes)
      i += found.length - 1
      continue
    }
    if (sign === '#' && quotes === 'none' && /^$|[\s;&|(]/.test(line[i - 1] ?? '')) {
      const end = line.indexOf('\n', i)
      const comment = line.slice(i, end < 0 ? undefined : end)
      text += comment
      i += comment.length - 1
      continue
    }
    text += sign
    if (quotes === 'single') {
      if (sign === "'") nesting.pop()
    } else if (sign === '\\') text += line[++i] ?? ''
    else if (sign === '"') quotes === 'double' ? nesting.pop() : nesting.push('double')
    else if (sign === "'" && quotes === 'none') nesting.push('single')
    else if (sign === '(' && (quotes === 'none' || line[i - 1] === '$')) nesting.push('none')
    else if (sign === ')' && quotes === 'none' && nesting.length > 1) nesting.pop()
  }
  return text
}

/**
 * cmd has no quoting that is safe for every value.
 *
 * @throws UsageError for a text that cmd could read as a command
 */
function windowsCommand(line: string, facts: CommandFacts, hyp: Hyp): ShellCommand {
  for (const [key, value] of Object.entries(hyp))
    if (typeof value === 'string' && /["%&|<>^!\r\n]/.test(value) && line.includes(`{hyp.${key}}`))
      throw new UsageError(
        `--shell cannot give cmd the value ${JSON.stringify(value)} of ${key}: read it from HYPEVOLVE_HYP_JSON, or leave --shell out.`,
      )
  const [text] = fillCommand([line], facts, hyp)
  return { words: ['cmd.exe', '/d', '/s', '/c', `"${text}"`], env: {} }
}
