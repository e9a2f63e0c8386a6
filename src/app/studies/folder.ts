// Where a study was begun: its paths start there.
import { existsSync } from 'node:fs'
import type { StudyRecord } from '../../study/index.ts'
import type { StorageFlags } from '../cli/study-flags.ts'
import { settingsOf } from './settings.ts'

/**
 * Goes to the folder in which the study was begun, if it can be another one than this: the default storage lies in that
 * folder, so whoever found the study there is in it already, even if it has been moved since.
 */
export function enterStudyFolder(study: StudyRecord, flags: StorageFlags): void {
  const { cwd } = settingsOf(study.definition)
  if (flags.storage !== undefined && cwd !== undefined && existsSync(cwd)) process.chdir(cwd)
}
