// From the text of --storage to a storage. Database drivers are loaded here, when one is wanted.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StorageMissingError, StorageUrlError } from '../base/index.ts'
import { fileSystemType, isNetworkType } from './file-system.ts'
import { MemoryStorage } from './memory-storage.ts'
import type { Storage } from './storage.ts'

/** Where the studies of a folder are, unless `--storage` says otherwise. */
export const defaultStorage = 'runs/hypevolve.db'

export interface OpenStorageOptions {
  /** Makes no database where there is none. */
  readonly mustExist?: boolean
  /** What the default place and relative paths start at. Default the current folder. */
  readonly folder?: string
  /** Type of the file system under a path, as /proc/mounts names it. */
  readonly typeOf?: (path: string) => string | undefined
  /** Milliseconds; default the system's clock, on a server the server's. */
  readonly clock?: () => number
}

/**
 * Opens a storage, and makes it if need be.
 *
 * @param url - path of a file, `file:` or `postgres:` URL, or `memory`; default {@link defaultStorage}, or a local folder
 *   of the user if that would stand on a network file system (a note says so)
 * @throws {@link StorageUrlError}, {@link StorageMissingError}, {@link StoragePermissionError},
 *   {@link StorageInvalidError}, {@link StorageNewerError}, {@link StorageLockedError}, {@link StorageFullError},
 *   {@link StorageUnreachableError}
 */
export async function openStorage(url?: string, options: OpenStorageOptions = {}): Promise<Storage> {
  const { mustExist = false, folder = process.cwd(), typeOf = fileSystemType, clock } = options
  if (url === 'memory' || url === ':memory:') return new MemoryStorage(clock ? { clock } : {})
  if (url !== undefined && /^postgres(ql)?:\/\//.test(url)) {
    const { openPostgres } = await import('./sql/index.ts')
    return openPostgres(url, clock)
  }
  const { path, notes } = url === undefined ? defaultPlace(folder, typeOf) : { path: toPath(url, folder), notes: [] }
  if (mustExist && !existsSync(path)) throw new StorageMissingError(shown(path, folder))
  const { openSqlite } = await import('./sql/index.ts')
  return openSqlite(path, clock ?? Date.now, notes)
}

function toPath(url: string, folder: string): string {
  if (url.trim() === '') throw new StorageUrlError(url)
  if (/^file:\/\//.test(url)) return fileURLToPath(url)
  const text = url.replace(/^(sqlite:(\/\/)?|file:)/, '')
  if (/^[a-z][a-z0-9+.-]+:/i.test(text) && !/^[a-z]:[\\/]/i.test(text)) throw new StorageUrlError(url)
  return resolve(folder, text)
}

const shown = (path: string, folder: string) => (path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path)

function defaultPlace(folder: string, typeOf: (path: string) => string | undefined) {
  const path = resolve(folder, defaultStorage)
  const type = typeOf(path)
  if (type === undefined || !isNetworkType(type)) return { path, notes: [] }
  const data = process.env.XDG_DATA_HOME || join(homedir(), '.local/share')
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  const isLocal = (place: string) => !isNetworkType(typeOf(place) ?? 'local')
  const local = [
    join(data, 'hypevolve'),
    join('/var/tmp', `hypevolve-${userName()}`),
    join(tmpdir(), 'hypevolve'),
  ].find(isLocal)
  if (local === undefined)
    return {
      path,
      notes: [`${shown(path, folder)} stands on a network file system (${type}): do not use it from two machines.`],
    }
  const moved = join(local, name, 'hypevolve.db')
  const note = `The studies of this folder are kept in ${moved}, because ${folder} is on a network file system (${type}), where a database can be damaged. --storage names another place.`
  return { path: moved, notes: [note] }
}

const userName = () => (process.getuid ? String(process.getuid()) : 'user')
