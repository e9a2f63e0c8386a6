// Files of studies that have ended: a process that is killed between its last trial and the writing leaves old ones, and
// nobody goes on with such a study.
import type { Storage, StudyRecord } from '../../study/index.ts'
import { Study } from '../../study/index.ts'
import { studyState } from '../studies/progress.ts'
import { formatOf, rankingOf, settingsOf, studyFolder } from '../studies/settings.ts'
import { EvolveFiles } from './files.ts'

/**
 * Brings table, hyp file and picture of a study up to date.
 *
 * @param missing - also where the table is not there at all
 * @returns the paths; `undefined` if nothing was to be done
 */
export async function repairFiles(
  storage: Storage,
  record: StudyRecord,
  { missing }: { readonly missing: boolean },
): Promise<readonly string[] | undefined> {
  const settings = settingsOf(record.definition)
  // Those that were imported or made by a library have no files.
  if (settings.words === undefined || settings.cwd !== process.cwd()) return undefined
  const study = await Study.open(storage, record)
  const files = new EvolveFiles({
    study,
    folder: studyFolder(record),
    format: formatOf(settings),
    ranking: rankingOf(settings),
    imported: settings.imported ?? 0,
    warn: () => {}, // a picture that cannot be drawn is no reason to stop
  })
  return (await files.repair({ missing })) ? files.paths : undefined
}

/** The same for the latest study of a --project and --name, if it has ended. */
export async function repairLatest(storage: Storage, base: string): Promise<void> {
  const family = (await storage.studies()).filter(
    ({ name }) => name.startsWith(base) && /^\d*$/.test(name.slice(base.length)),
  )
  const latest = family.at(-1)
  if (latest && studyState(latest) === 'finished') await repairFiles(storage, latest, { missing: false })
}
