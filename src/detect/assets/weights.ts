// Weights that are known by name are fetched when they are wanted and not here.
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AssetWriteError } from '../../base/index.ts'
import { resolveWeights } from '../resolve.ts'
import { type AssetHooks, fetchAsset, teller, waiter } from './fetch.ts'
import { type AssetRecord, assetsFolder, cachedWeights } from './folder.ts'
import { knownWeights, weightsLicence } from './known.ts'
import { withLock } from './lock.ts'

const maxBytes = 2 ** 31

/**
 * Makes sure that `resolveWeights` finds a file: known names (`yolov5s.pt`) that are neither in the current folder nor
 * packaged nor fetched before are fetched into the user's cache folder, once even if several processes ask.
 *
 * @returns path of the file; of a name that is neither there nor known, the path where it should be
 * @throws AssetUnavailableError, AssetOfflineError, AssetDamagedError, AssetWriteError, AssetAddressError
 */
export async function ensureWeights(name: string, hooks: AssetHooks = {}): Promise<string> {
  const path = resolveWeights(name)
  const known = knownWeights(name)
  if (!known || existsSync(path)) return path
  const folder = assetsFolder()
  const file = join(folder, name)
  const { signal } = hooks
  await mkdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new AssetWriteError(folder, cause)
  })
  return withLock(`${file}.lock`, { signal, onWait: waiter(name, () => file, hooks) }, async () => {
    if (cachedWeights(name) !== undefined) return file // by another process meanwhile
    const place = `put it into the current folder, or at ${file}`
    const { address, sha256: published } = known
    const found = await fetchAsset(
      { asset: name, address, file, place, maxBytes, sha256: published, hash: true },
      hooks,
    )
    const { bytes, sha256, etag } = found
    const record: AssetRecord = { address: found.address, bytes, sha256, etag, fetched: new Date().toISOString() }
    await writeFile(`${file}.json`, `${JSON.stringify(record, undefined, 2)}\n`).catch((cause) => {
      throw new AssetWriteError(`${file}.json`, cause as NodeJS.ErrnoException)
    })
    teller(hooks)('info', weightsLicence)
    return file
  })
}
