// `hypevolve resume`: goes on with a study as the command that began it would.
import { NothingToResumeError } from '../../base/index.ts'
import type { Storage, StudyOverview, StudyRecord } from '../../study/index.ts'
import type { StorageFlags } from '../cli/study-flags.ts'
import { Terminal } from '../console/terminal.ts'
import { repairFiles, repairLatest } from '../evolve/repair.ts'
import { studyFlags } from './command-line.ts'
import { enterStudyFolder } from './folder.ts'
import { findStudy, withStorage } from './open.ts'
import { doneText, studyState } from './progress.ts'
import { settingsOf } from './settings.ts'

/** @returns the exit code */
export async function runResume(name: string | undefined, flags: StorageFlags): Promise<number> {
  const study = await withStorage(flags, async (storage): Promise<StudyRecord | undefined> => {
    const studies = await storage.studies()
    const found = name === undefined ? latestUnfinished(studies) : findStudy(studies, name, storage.location)
    if (!found) {
      await repairLatest(storage, studies, (text) => console.error(text))
      throw new NothingToResumeError(`study in ${storage.location} that is not done`, 'hypevolve studies lists them.')
    }
    if (studyState(found) !== 'finished') return found
    await tellFinished(storage, found, flags)
    return undefined
  })
  if (!study) return 0
  const { flags: begun, words } = studyFlags(study)
  enterStudyFolder(study, flags)
  const terminal = new Terminal()
  terminal.line(`${terminal.prefix('resume')}hypevolve train ${words.join(' ')}`)
  await warnOfChanges(study, begun.data, terminal)
  const { runEvolve } = await import('../evolve/index.ts')
  const storage = flags.storage ?? begun.storage
  return runEvolve({
    flags: { ...begun, ...(storage === undefined ? {} : { storage }) },
    words,
    terminal,
    resume: study,
  })
}

/** A finished study has nothing to go on with, but its files may be older than its last trial. */
async function tellFinished(storage: Storage, study: StudyOverview, flags: StorageFlags): Promise<void> {
  enterStudyFolder(study, flags)
  const written = await repairFiles(storage, study, { missing: true })
  console.log(
    `${study.name} is finished (${doneText(study)}). To extend it, repeat its command with a larger --evolve.`,
  )
  console.log(written ? `Written again: ${written.join(', ')}` : 'Its files are up to date.')
}

/** The latest that is not done; one that others work on already only if there is no other. */
function latestUnfinished(studies: readonly StudyOverview[]): StudyOverview | undefined {
  const unfinished = studies.filter(
    (study) => studyState(study) !== 'finished' && settingsOf(study.definition).words !== undefined,
  )
  return unfinished.findLast((study) => studyState(study) === 'stopped') ?? unfinished.at(-1)
}

/** What was changed since, deliberately or not, is worth a line: trials before and after may not compare. */
async function warnOfChanges(study: StudyRecord, data: string | undefined, terminal: Terminal): Promise<void> {
  const { dataHash } = settingsOf(study.definition)
  if (dataHash === undefined || data === undefined) return
  const { datasetHash } = await import('../../detect/index.ts')
  if ((await datasetHash(data)) === dataHash) return
  terminal.warn(
    `The files of ${data} have changed since ${study.name} began; its earlier trials were trained on other data. --new begins a new study.`,
  )
}
