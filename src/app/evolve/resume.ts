// What `--evolve N --resume` goes on with, as in v7.0: the latest evolution of this --project and --name, or the one that
// is named. A folder that YOLOv5 itself made becomes a study first.
import { existsSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { NothingToResumeError } from '../../base/index.ts'
import type { EvolveFormat, Storage, StudyDefinition, StudyRecord } from '../../study/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import type { ChosenSearch } from '../search.ts'
import { importStudy, readTable } from '../studies/import-table.ts'
import { runFolder } from '../train-options.ts'
import { familyOf } from './repair.ts'

export type Continued = Pick<StudyRecord, 'id' | 'name'>

/** Folder of an evolution with these flags, before a number is added to it. */
export const evolutionFolder = (
  flags: Pick<TrainFlags, 'project' | 'name' | 'cfg'>,
  { folder }: EvolveFormat,
): string => runFolder(flags, folder)

/**
 * The study to go on with; `undefined` if `--resume` is not given, or there is nothing yet (v7.0 begins anew then).
 *
 * @throws {@link NothingToResumeError} if the one that is named does not exist
 */
export async function studyToContinue(
  storage: Storage,
  {
    flags,
    base,
    definition,
    search,
  }: {
    readonly flags: TrainFlags
    readonly base: string
    readonly definition: StudyDefinition
    readonly search: ChosenSearch
  },
): Promise<Continued | undefined> {
  if (flags.resume === false) return undefined
  const studies = await storage.studies()
  if (typeof flags.resume === 'string') {
    const name = relative(process.cwd(), resolve(flags.resume))
    const found = studies.find(
      (study) => study.name === name || study.name === flags.resume || basename(study.name) === flags.resume,
    )
    if (found) return found
    const imported = await importFolder(storage, name, definition, search)
    if (imported) return imported
    throw new NothingToResumeError(`evolution in ${flags.resume}`)
  }
  const { latestPath } = await import('../../run/index.ts')
  const family = familyOf(studies, base)
  const folder = await latestPath(base)
  const newest = family.at(-1)
  // A later folder that no study knows was made by YOLOv5.
  if (folder !== undefined && !family.some(({ name }) => name === folder)) {
    const imported = await importFolder(storage, folder, definition, search)
    if (imported) return imported
  }
  return newest
}

async function importFolder(
  storage: Storage,
  folder: string,
  definition: StudyDefinition,
  search: ChosenSearch,
): Promise<Continued | undefined> {
  const { evolveFormats } = await import('../../study/index.ts')
  const { table } = evolveFormats[search.format]
  const path = table.folder === 'current' ? table.name : join(folder, table.name)
  if (!existsSync(path)) return undefined
  const read = await readTable(path, { keys: search.space.keys, release: search.release })
  return importStudy(storage, { table: read, name: folder, definition })
}
