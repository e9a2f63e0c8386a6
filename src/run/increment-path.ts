// Names of run folders: runs/evolve/exp, runs/evolve/exp2, runs/evolve/exp3, …
import { mkdir, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Creates the next free folder: `path` itself, else `path2`, `path3`, … One above the highest number that exists, as
 * the originals count; two processes that ask at the same time get different folders.
 *
 * @param existOk - take `path` itself even if it exists (`--exist-ok`)
 * @returns the folder, which exists now
 */
export async function incrementPath(path: string, { existOk = false } = {}): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  if (existOk) {
    await mkdir(path, { recursive: true })
    return path
  }
  for (;;) {
    const numbers = await takenNumbers(path)
    const candidate = numbers.length === 0 ? path : `${path}${Math.max(...numbers) + 1}`
    try {
      await mkdir(candidate)
      return candidate
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** The existing one of `path`, `path2`, `path3`, … with the highest number, if there is any (what `--resume` means). */
export async function latestPath(path: string): Promise<string | undefined> {
  const numbers = await takenNumbers(path)
  if (numbers.length === 0) return undefined
  const highest = Math.max(...numbers)
  return highest === 1 ? path : `${path}${highest}`
}

/** Numbers in use; `path` without a number counts as 1. */
async function takenNumbers(path: string): Promise<number[]> {
  const prefix = basename(path)
  const names = await readdir(dirname(join(path))).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]
    throw error
  })
  return names.flatMap((name) => {
    if (name === prefix) return [1]
    const number = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    return /^([2-9]|[1-9]\d+)$/.test(number) ? [Number(number)] : []
  })
}
