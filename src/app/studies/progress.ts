// How far a study is, in numbers and in words; shared by studies, status and the start of an evolution.
import { isFinished, type StudyOverview } from '../../study/index.ts'
import { counted } from '../console/text.ts'

/** `finished`: all of its target is done. `stopped`: something is left and nobody works on it. */
export type StudyState = 'running' | 'stopping' | 'finished' | 'stopped'

export function studyState(study: StudyOverview): StudyState {
  if (study.workers.length > 0) return study.stopping ? 'stopping' : 'running'
  return isFinished(study) ? 'finished' : 'stopped'
}

/** A number of trials, or of trainings' worth, with one decimal at most. */
export const amountText = (amount: number) => String(Math.round(amount * 10) / 10)

/** '3 of 300', or '3' of a study without an end; trainings' worth where it has a schedule. */
export const doneText = ({ spent, target }: Pick<StudyOverview, 'spent' | 'target'>) =>
  target === undefined ? amountText(spent) : `${amountText(spent)} of ${amountText(target)}`

/** 'running, 2 processes'. */
export function stateText(study: StudyOverview): string {
  const state = studyState(study)
  return study.workers.length > 0 ? `${state}, ${counted(study.workers.length, 'process', 'processes')}` : state
}
