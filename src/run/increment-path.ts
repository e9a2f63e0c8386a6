// Names of run folders: runs/evolve/exp, runs/evolve/exp2, runs/evolve/exp3, …
import { mkdir, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const withoutSlash = (path: string) => join(dirname(path), basename(path))

/**
 * Creates the next free folder: the one named, else with a number behind its name, from 2. The number is one above the
 * highest that exists (v7.0 takes the first free one; then the highest is not always the latest). Two processes that ask
 * at the same time get different folders.
 *
 * @param existOk - take the folder itself even if it exists (`--exist-ok`)
 * @returns the folder, which exists now
 */
export async function incrementPath(folder: string, { existOk = false } = {}): Promise<string> {
  const path = withoutSlash(folder)
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

/**
 * The folder that `incrementPath` made last: of the one named and those with a number behind its name, the one with the
 * highest number. `undefined` if there is none. This is what `--resume` goes on with.
 */
export async function latestPath(folder: string): Promise<string | undefined> {
  const path = withoutSlash(folder)
  const numbers = await takenNumbers(path)
  if (numbers.length === 0) return undefined
  const highest = Math.max(...numbers)
  return highest === 1 ? path : `${path}${highest}`
}

/** Numbers in use; `path` without a number counts as 1. */
async function takenNumbers(path: string): Promise<number[]> {
  const prefix = basename(path)
  const names = await readdir(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]
    throw error
  })
  return names.flatMap((name) => {
    if (name === prefix) return [1]
    const number = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    return /^([2-9]|[1-9]\d+)$/.test(number) ? [Number(number)] : []
  })
}
