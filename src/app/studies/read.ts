// Reads the trials of a study for showing them.
import { type CompleteTrial, History, type Trial } from '../../search/index.ts'
import type { AttemptRecord, Storage, StudyRecord } from '../../study/index.ts'
import { type TrialRow, toTrialRow } from './trial-row.ts'

/** Trials by number. */
export async function readTrials(storage: Storage, study: StudyRecord): Promise<Trial[]> {
  const { trials } = await storage.changes(study.id, 0)
  return trials.map(({ trial }) => trial).sort((a, b) => a.number - b.number)
}

/** Attempts by number of the trial, each list in order. */
export async function readAttempts(storage: Storage, study: StudyRecord): Promise<Map<number, AttemptRecord[]>> {
  const found = new Map<number, AttemptRecord[]>()
  for (const attempt of await storage.attempts(study.id)) {
    const list = found.get(attempt.trial)
    if (list) list.push(attempt)
    else found.set(attempt.trial, [attempt])
  }
  return found
}

export async function readRows(storage: Storage, study: StudyRecord): Promise<TrialRow[]> {
  const [trials, attempts] = [await readTrials(storage, study), await readAttempts(storage, study)]
  return trials.map((trial) => toTrialRow(trial, attempts.get(trial.number) ?? []))
}

/** The fittest complete trial, repeats left out, those that break a constraint last; of equals the lowest number. */
export const fittest = (trials: readonly Trial[]): CompleteTrial | undefined => new History(trials).fittest(1)[0]
