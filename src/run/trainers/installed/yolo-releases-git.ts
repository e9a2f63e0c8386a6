// What .git says about the commit that a clone is at, read from its files: no git program is needed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { inflateSync } from 'node:zlib'

export interface GitCommit {
  /** 40 hexadecimal digits. */
  readonly commit: string
  /** Tags of exactly this commit. */
  readonly tags: readonly string[]
}

/** @returns `undefined` if the folder is no clone, or its commit cannot be found out */
export function readGitCommit(folder: string): GitCommit | undefined {
  try {
    const own = gitFolder(folder)
    if (own === undefined) return undefined
    // A linked worktree has its HEAD for itself and shares the rest.
    const shared = existsSync(join(own, 'commondir'))
      ? resolve(own, readFileSync(join(own, 'commondir'), 'utf8').trim())
      : own
    const packed = packedRefs(shared)
    const head = readFileSync(join(own, 'HEAD'), 'utf8').trim()
    const commit = head.startsWith('ref: ') ? refCommit(head.slice(5).trim(), [own, shared], packed) : head
    if (commit === undefined || !isCommit(commit)) return undefined
    return { commit, tags: tagsOf(commit, shared, packed) }
  } catch {
    return undefined // whatever is there, it is not what git writes
  }
}

const isCommit = (text: string) => /^[0-9a-f]{40,64}$/.test(text)

function gitFolder(folder: string): string | undefined {
  const path = join(folder, '.git')
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) return undefined
  if (found.isDirectory()) return path
  const target = /^gitdir: (.+)$/m.exec(readFileSync(path, 'utf8'))?.[1]
  return target === undefined ? undefined : resolve(folder, target.trim())
}

/** Name of a ref to its object, and to the commit of an annotated tag where the file says it. */
function packedRefs(git: string): ReadonlyMap<string, string> {
  const refs = new Map<string, string>()
  const path = join(git, 'packed-refs')
  if (!existsSync(path)) return refs
  let last = ''
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line.startsWith('^')) refs.set(last, line.slice(1).trim())
    const [, object, name] = /^([0-9a-f]{40,64}) (\S+)$/.exec(line.trim()) ?? []
    if (object !== undefined) refs.set((last = name!), object)
  }
  return refs
}

function refCommit(name: string, folders: readonly string[], packed: ReadonlyMap<string, string>): string | undefined {
  for (const folder of folders) {
    const path = join(folder, name)
    if (existsSync(path)) return readFileSync(path, 'utf8').trim()
  }
  return packed.get(name)
}

function tagsOf(commit: string, git: string, packed: ReadonlyMap<string, string>): string[] {
  const folder = join(git, 'refs/tags')
  const loose = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile()) : []
  const tags = new Map([...packed].filter(([name]) => name.startsWith('refs/tags/')).map(([n, c]) => [n.slice(10), c]))
  for (const { name } of loose) tags.set(name, peel(readFileSync(join(folder, name), 'utf8').trim(), git))
  return [...tags].filter(([, target]) => target === commit).map(([name]) => name)
}

/** The commit of an annotated tag whose object lies alone; else what was given. */
function peel(object: string, git: string): string {
  const path = join(git, 'objects', object.slice(0, 2), object.slice(2))
  if (!isCommit(object) || !existsSync(path)) return object
  const text = inflateSync(readFileSync(path), { maxOutputLength: 2 ** 20 }).toString('latin1')
  return /^tag \d+\0object ([0-9a-f]{40,64})\n/.exec(text)?.[1] ?? object
}
