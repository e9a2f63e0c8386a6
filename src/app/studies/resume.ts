// `hypevolve resume`: goes on with a study as the command that began it would.
import { NothingToResumeError, UsageError } from '../../base/index.ts'
import type { StudyOverview, StudyRecord } from '../../study/index.ts'
import type { StorageFlags } from '../cli/study-flags.ts'
import { Terminal } from '../console/terminal.ts'
import { studyFlags } from './command-line.ts'
import { enterStudyFolder } from './folder.ts'
import { findStudy, withStorage } from './open.ts'
import { doneText, studyState } from './progress.ts'
import { settingsOf } from './settings.ts'

/** @returns the exit code */
export async function runResume(name: string | undefined, flags: StorageFlags): Promise<number> {
  const study = await withStorage(flags, async (storage): Promise<StudyRecord> => {
    const studies = await storage.studies()
    const found = name === undefined ? latestUnfinished(studies) : findStudy(studies, name, storage.location)
    if (!found)
      throw new NothingToResumeError(`study in ${storage.location} that is not done`, 'hypevolve studies lists them.')
    if (studyState(found) === 'finished')
      throw new UsageError(
        `${found.name} is finished (${doneText(found)}). To extend it, repeat its command with a larger --evolve.`,
      )
    return found
  })
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
