// No training is begun on a disk that is nearly full: what is there stays whole, and the study can say so.
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { DiskSpaceError } from '../base/index.ts'
import { largeFolders, trialFolder, trialsFolder } from './trial-folder.ts'

/** Room for a checkpoint of a large model and its successor, logs, and the database. */
const defaultMinFreeBytes = 256 * 2 ** 20
/** As many of the largest folders are named. */
const named = 5

/**
 * Looks whether there is room for a training.
 *
 * @param folder - of the study; it exists
 * @throws {@link DiskSpaceError} if not
 */
export async function checkDiskSpace(folder: string, minFreeBytes = defaultMinFreeBytes): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const freeBytes = bavail * bsize
  if (freeBytes < minFreeBytes) throw new DiskSpaceError(folder, freeBytes, minFreeBytes, await largestFolders(folder))
}

/** What trials kept, largest first. */
async function largestFolders(folder: string): Promise<{ path: string; bytes: number }[]> {
  const found: { path: string; bytes: number }[] = []
  for (const number of await readdir(trialsFolder(folder)).catch(() => []))
    for (const name of largeFolders) {
      const path = join(trialFolder(folder, Number(number)), name)
      const bytes = await sizeOf(path)
      if (bytes > 0) found.push({ path, bytes })
    }
  return found.sort((a, b) => b.bytes - a.bytes).slice(0, named)
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  let bytes = 0
  for (const entry of entries)
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size
  return bytes
}
