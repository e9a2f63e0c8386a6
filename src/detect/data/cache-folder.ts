// Where label and image caches live. They can always be deleted: they are made again when needed.
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** HYPEVOLVE_CACHE, or the user's cache folder, or (where that cannot be written) a folder for temporary files. */
export function defaultCacheFolder(): string {
  if (process.env.HYPEVOLVE_CACHE) return process.env.HYPEVOLVE_CACHE
  const base =
    process.env.XDG_CACHE_HOME ||
    (process.platform === 'win32' && process.env.LOCALAPPDATA) ||
    join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache')
  const folder = join(base, 'hypevolve')
  try {
    mkdirSync(folder, { recursive: true })
    return folder
  } catch {
    return join(tmpdir(), `hypevolve-cache-${process.getuid?.() ?? 'user'}`)
  }
}

const UNUSED_MS = 30 * 24 * 3600 * 1000

/** Removes caches of this kind that nobody has used for 30 days, and what broken-off builds have left. */
export function removeOldCaches(folder: string, extension: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const file = join(folder, name)
      if (!name.includes(extension)) continue
      const age = Date.now() - statSync(file).mtimeMs
      if (age > (name.endsWith(extension) ? UNUSED_MS : 24 * 3600 * 1000)) rmSync(file, { force: true })
    }
  } catch {
    // Tidying up is not worth an error: another process may be at it too.
  }
}

/** Removes a file that may not be there, or not be removable: whatever led here is what the user must hear. */
export function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // See above.
  }
}
