// File name patterns: `*` and `?` within a name, `[abc]`, and `**` for any folders between. Written here because Node has
// them only from 22 on.
import { readdirSync, statSync } from 'node:fs'
import { join, parse, resolve, sep } from 'node:path'

export const isPattern = (text: string) => /[*?[]/.test(text)

/** Files that match, absolute, in no order. As in a shell, `*` does not match a leading dot. */
export function glob(pattern: string, cwd = process.cwd()): string[] {
  const whole = resolve(cwd, pattern)
  const { root } = parse(whole)
  const found = new Set<string>()
  descend(root, whole.slice(root.length).split(sep), found)
  return [...found]
}

function descend(folder: string, [part, ...rest]: readonly string[], found: Set<string>): void {
  if (part === undefined) return
  if (part === '**') {
    descend(folder, rest, found)
    for (const name of foldersIn(folder)) descend(join(folder, name), [part, ...rest], found)
    return
  }
  const names = isPattern(part) ? namesIn(folder).filter(matcher(part)) : [part]
  for (const name of names) {
    const path = join(folder, name)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (!stat) continue
    if (rest.length > 0) descend(path, rest, found)
    else if (stat.isFile()) found.add(path)
  }
}

/** Names of a folder; of what is none, or may not be read, no names. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Links to folders are left out: they may lead back. */
function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name)
  } catch {
    return []
  }
}

function matcher(part: string): (name: string) => boolean {
  let text = part.startsWith('.') ? '' : '(?!\\.)'
  for (let i = 0; i < part.length; i++) {
    const character = part[i]!
    const close = character === '[' ? part.indexOf(']', i + 2) : -1
    if (close > 0) {
      const set = part.slice(i + 1, close)
      text += `[${set.replace(/^!/, '^').replace(/[\\[\]]/g, '\\$&')}]`
      i = close
    } else if (character === '*') text += '[^/]*'
    else if (character === '?') text += '[^/]'
    else text += character.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  }
  try {
    const pattern = new RegExp(`^${text}$`, 'su')
    return (name) => pattern.test(name)
  } catch {
    return (name) => name === part // a set that is none, as [z-a]
  }
}
