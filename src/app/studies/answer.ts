// What a study answers: the hyp that was confirmed, where that was done, else the fittest of its complete trials.
import {
  type CompleteTrial,
  type Confirmation,
  confirmationOf,
  History,
  SearchSpace,
  type Trial,
} from '../../search/index.ts'
import type { StudyDefinition } from '../../study/index.ts'
import { settingsOf } from './settings.ts'

export interface Answer {
  /** The trial that found the hyp. */
  readonly trial: CompleteTrial
  /** Set if something was trained again. */
  readonly confirmation: Confirmation | undefined
}

/** @returns `undefined` as long as no trial is complete */
export function answerOf(
  trials: History | readonly Trial[],
  definition: Pick<StudyDefinition, 'settings' | 'second' | 'space'>,
): Answer | undefined {
  const history = trials instanceof History ? trials : new History(trials)
  const [fittest] = history.fittest(1)
  if (!fittest) return undefined
  // The front of two objectives has no single winner.
  if (history.repeats.length === 0 || definition.second) return { trial: fittest, confirmation: undefined }
  const { seeded = true } = settingsOf(definition as StudyDefinition)
  const { start } = SearchSpace.fromJSON(definition.space)
  const confirmation = confirmationOf(history, { seedsControlled: seeded, start })
  const winner = confirmation.winner && history.get(confirmation.winner.number)
  return { trial: winner?.state === 'complete' ? winner : fittest, confirmation }
}
