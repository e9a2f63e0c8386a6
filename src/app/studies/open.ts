// Finds the study that a command is about: by folder, last part of the folder, number, or the latest.
import { basename, relative, resolve } from 'node:path'
import { StudyNotFoundError, UsageError } from '../../base/index.ts'
import type { Storage, StudyOverview } from '../../study/index.ts'
import type { StorageFlags } from '../cli/study-flags.ts'

/**
 * Opens the storage, which must be there, for the time of `use`.
 *
 * @returns what `use` resolves to
 */
export async function withStorage<T>(flags: StorageFlags, use: (storage: Storage) => Promise<T>): Promise<T> {
  const { openStorage } = await import('../../study/index.ts')
  const storage = await openStorage(flags.storage, { mustExist: true })
  for (const text of storage.notes) console.error(text)
  try {
    return await use(storage)
  } finally {
    await storage.close()
  }
}

/** Opens the storage and finds the study. */
export const withStudy = <T>(
  name: string | undefined,
  flags: StorageFlags,
  use: (storage: Storage, study: StudyOverview) => Promise<T>,
): Promise<T> =>
  withStorage(flags, async (storage) => use(storage, findStudy(await storage.studies(), name, storage.location)))

/**
 * The study that a name means; of none given the latest.
 *
 * @param location - of the storage, for messages
 * @throws {@link StudyNotFoundError}; {@link UsageError} if several match
 */
export function findStudy(
  studies: readonly StudyOverview[],
  name: string | undefined,
  location: string,
  cwd = process.cwd(),
): StudyOverview {
  const known = studies.map((study) => study.name)
  if (name === undefined) {
    const latest = studies.at(-1)
    if (!latest) throw new StudyNotFoundError('yet', location, known)
    return latest
  }
  const path = relative(cwd, resolve(cwd, name))
  const exact = studies.find((study) => study.name === name || study.name === path)
  if (exact) return exact
  const folders = studies.filter((study) => resolve(cwd, study.name) === resolve(cwd, name))
  const alike = folders.length > 0 ? folders : studies.filter((study) => basename(study.name) === name)
  if (alike.length > 1)
    throw new UsageError(`"${name}" may be ${alike.map((study) => study.name).join(' or ')}. Give the whole name.`)
  if (alike[0]) return alike[0]
  const numbered = /^\d+$/.test(name) ? studies.find(({ id }) => id === Number(name)) : undefined
  if (numbered) return numbered
  throw new StudyNotFoundError(`"${name}"`, location, known)
}
