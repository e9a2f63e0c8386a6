// Files of studies that have ended: a process that is killed between its last trial and the writing leaves old ones, and
// nobody goes on with such a study.
import { HypevolveError } from '../../base/index.ts'
import type { Storage, StudyOverview, StudyRecord } from '../../study/index.ts'
import { Study } from '../../study/index.ts'
import { studyState } from '../studies/progress.ts'
import { formatOf, rankingOf, settingsOf } from '../studies/settings.ts'
import { EvolveFiles } from './files.ts'

/**
 * Brings table, hyp file and picture of a study that was begun in this folder up to date.
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
  if (settings.words === undefined) return undefined // imported, or made by a library: those have no files
  const study = await Study.open(storage, record)
  const files = new EvolveFiles({
    study,
    folder: record.name,
    format: formatOf(settings),
    ranking: rankingOf(settings),
    imported: settings.imported ?? 0,
    warn: () => {}, // a picture that cannot be drawn is no reason to stop
  })
  return (await files.repair({ missing })) ? files.paths : undefined
}

/**
 * The same for the latest of some studies, if it has ended and was begun in this folder. What hinders it is told and
 * hinders nothing else.
 */
export async function repairLatest(
  storage: Storage,
  studies: readonly StudyOverview[],
  warn: (text: string) => void,
): Promise<void> {
  const latest = studies.at(-1)
  if (!latest || studyState(latest) !== 'finished' || settingsOf(latest.definition).cwd !== process.cwd()) return
  await repairFiles(storage, latest, { missing: false }).catch((error: unknown) => {
    if (!(error instanceof HypevolveError)) throw error
    warn(`The files of ${latest.name} are not up to date: ${error.message}`)
  })
}

/** Studies of a --project and --name. */
export const familyOf = (studies: readonly StudyOverview[], base: string): readonly StudyOverview[] =>
  studies.filter(({ name }) => name.startsWith(base) && /^\d*$/.test(name.slice(base.length)))
