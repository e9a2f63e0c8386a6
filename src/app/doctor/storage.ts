// Where studies are remembered, and whether that works.
import { bytesText, counted } from '../console/text.ts'
import { type Check, note, ok, problem } from './finding.ts'

/** Loads the database driver, and looks into the storage of this folder if there is one. */
export const studyStorage: Check = async () => {
  const { openStorage } = await import('../../study/index.ts')
  const { StorageMissingError } = await import('../../base/index.ts')
  try {
    await tryDriver()
  } catch (error) {
    return [problem('Studies', `the database does not work: ${reason(error)}. Install again with npm ci.`)]
  }
  try {
    const storage = await openStorage(undefined, { mustExist: true })
    try {
      const studies = await storage.studies()
      const running = studies.filter(({ workers }) => workers.length > 0).length
      const text = `${counted(studies.length, 'study', 'studies')} in ${storage.location}${await sizeText(storage.location)}${running > 0 ? `, ${running} running` : ''}`
      return storage.notes.length > 0 ? [note('Studies', `${text}. ${storage.notes.join(' ')}`)] : [ok('Studies', text)]
    } finally {
      await storage.close()
    }
  } catch (error) {
    if (error instanceof StorageMissingError) return [ok('Studies', 'none in this folder yet')]
    return [problem('Studies', reason(error))]
  }
}

/** A database of its own shows that the driver loads and writes on this machine. */
async function tryDriver(): Promise<void> {
  const { mkdtemp, rm } = await import('node:fs/promises')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const { openStorage } = await import('../../study/index.ts')
  const folder = await mkdtemp(join(tmpdir(), 'hypevolve-doctor-'))
  try {
    await (await openStorage(join(folder, 'try.db'))).close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function sizeText(location: string): Promise<string> {
  const { stat } = await import('node:fs/promises')
  const size = await stat(location).catch(() => undefined)
  return size ? `, ${bytesText(size.size)}` : ''
}

const reason = (error: unknown) => (error instanceof Error ? error.message.split('\n')[0]! : String(error))
