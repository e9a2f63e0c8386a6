// Where fetched weights are kept, and which are there.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { defaultCacheFolder } from '../data/cache-folder.ts'
import { knownWeights } from './known.ts'

/** `assets` in the user's cache folder (HYPEVOLVE_CACHE, XDG_CACHE_HOME, LOCALAPPDATA, ~/.cache/hypevolve). */
export const assetsFolder = (): string => join(defaultCacheFolder(), 'assets')

/** What is noted about a fetched file, in `<file>.json` beside it. */
export interface AssetRecord {
  readonly address: string
  readonly bytes: number
  readonly sha256: string | undefined
  readonly etag: string | undefined
  /** ISO 8601. */
  readonly fetched: string
}

/** A file of that name that was fetched earlier, or put there by hand. */
export function cachedWeights(name: string): string | undefined {
  if (!knownWeights(name)) return undefined
  const file = join(assetsFolder(), name)
  const stat = statSync(file, { throwIfNoEntry: false })
  if (!stat?.isFile()) return undefined
  const bytes = recordedBytes(file)
  return bytes === undefined || bytes === stat.size ? file : undefined
}

function recordedBytes(file: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(`${file}.json`, 'utf8')) as AssetRecord).bytes
  } catch {
    return undefined // put there by hand
  }
}
