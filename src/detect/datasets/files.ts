// Paths and pieces of work that the files of this folder share.
import { statSync } from 'node:fs'
import { basename, dirname, extname, relative, sep } from 'node:path'
import { listFiles, type Split } from '../data/index.ts'

/** File name without its extension. */
export const stemOf = (path: string): string => basename(path, extname(path))

/** Path seen from a folder, with forward slashes. */
export const seenFrom = (folder: string, path: string): string => relative(folder, path).split(sep).join('/')

/** Whether a path lies in a folder, or is it. */
export const isInside = (folder: string, path: string): boolean => {
  const way = seenFrom(folder, path)
  return way !== '..' && !way.startsWith('../') && !/^(\/|[a-z]:)/i.test(way)
}

export const isFolder = (path: string): boolean => look(path)?.isDirectory() ?? false
export const isFile = (path: string): boolean => look(path)?.isFile() ?? false

/** Paths may come out of a file: what cannot be looked at (too long, below a file, not a path at all) is not there. */
function look(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Files of an extension: the file itself, or all below a folder, sorted. */
export function filesOf(place: string, extension: string): string[] {
  if (!isFolder(place)) return [place]
  return listFiles(place, (path) => path.toLowerCase().endsWith(extension)).sort()
}

/** The folder of a source that may be a file. */
export const folderOf = (place: string): string => (isFolder(place) ? place : dirname(place))

const splitWords: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  test: 'test',
  testing: 'test',
}

/** The split that a folder of a path is named after (`images/train/a.jpg`, `valid/images/a.jpg`), seen from a root. */
export function splitOfPath(path: string): Split | undefined {
  const folders = path.toLowerCase().split('/').slice(0, -1)
  for (const folder of folders.reverse()) {
    const word = folder.replace(/[-_ ]?\d{4}$/, '')
    if (Object.hasOwn(splitWords, word)) return splitWords[word]
  }
  return undefined
}

/** Lists of items by a key, in the order in which the keys appear. */
export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const list = groups.get(key)
    if (list) list.push(item)
    else groups.set(key, [item])
  }
  return groups
}

/**
 * Calls `work` for every item, several at a time, and keeps the order of the results.
 *
 * @param onProgress - told now and then, and at the end
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  onProgress: (done: number, total: number) => void = () => {},
  lanes = 8,
): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  let done = 0
  const lane = async () => {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index], index)
      done++
      if (done % 16 === 0 || done === items.length) onProgress(done, items.length)
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane))
  return results
}
