// How far a study is, in numbers and in words; shared by studies, status and the start of an evolution.
import type { StudyOverview, TrialCounts } from '../../study/index.ts'
import { counted } from '../console/text.ts'

/** `finished`: all trials have ended. `stopped`: trials are left and nobody works on them. */
export type StudyState = 'running' | 'stopping' | 'finished' | 'stopped'

export const endedCount = ({ complete, pruned, failed }: TrialCounts) => complete + pruned + failed

export function studyState({ counts, target, workers, stopping }: StudyOverview): StudyState {
  if (workers.length > 0) return stopping ? 'stopping' : 'running'
  return target !== undefined && endedCount(counts) >= target ? 'finished' : 'stopped'
}

/** '3 of 300', or '3' of a study without an end. */
export const doneText = ({ counts, target }: Pick<StudyOverview, 'counts' | 'target'>) =>
  target === undefined ? String(endedCount(counts)) : `${endedCount(counts)} of ${target}`

/** 'running, 2 processes'. */
export function stateText(study: StudyOverview): string {
  const state = studyState(study)
  return study.workers.length > 0 ? `${state}, ${counted(study.workers.length, 'process', 'processes')}` : state
}
