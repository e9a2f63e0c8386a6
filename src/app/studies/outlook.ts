// When a study ends, from the trials that it has done.
import type { AttemptRecord } from '../../study/index.ts'

/** Trials that count for the time that one takes: the last so many. */
const recent = 20

/**
 * Mean seconds of the last full trainings that came to their end; `undefined` before the first.
 *
 * @param worth - of a trial in full trainings, where they differ in length: shorter ones count for their part
 */
export function secondsPerTrial(
  attempts: readonly AttemptRecord[],
  worth: (trial: number) => number = () => 1,
): number | undefined {
  const last = attempts
    .filter(({ trial, ending, endedAt }) => endedAt !== undefined && counts(ending, worth(trial)))
    .sort((a, b) => (a.endedAt! < b.endedAt! ? -1 : 1))
    .slice(-recent)
  if (last.length === 0) return undefined
  const seconds = last.map(({ startedAt, endedAt }) => (Date.parse(endedAt!) - Date.parse(startedAt)) / 1000)
  return sum(seconds) / sum(last.map(({ trial }) => worth(trial)))
}

/** Short trainings end as pruned ones; without lengths what was pruned tells nothing. */
const counts = (ending: AttemptRecord['ending'], worth: number) =>
  ending === 'complete' || (ending === 'pruned' && worth > 0 && worth < 1)

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

/**
 * Seconds until the last trial has ended.
 *
 * @param left - trials, or full trainings' worth, that have not ended, running ones included
 * @param atOnce - trials in training at the same time
 * @param runningSeconds - how long each running one has been in training
 */
export function secondsLeft(
  perTrial: number,
  { left, atOnce, runningSeconds }: { left: number; atOnce: number; runningSeconds: readonly number[] },
): number {
  if (left <= 0) return 0
  // What running trials have done already is work that is not left.
  const done = runningSeconds.reduce((sum, seconds) => sum + Math.min(seconds, perTrial), 0)
  const longest = runningSeconds.length === 0 ? perTrial : Math.max(0, perTrial - Math.min(...runningSeconds))
  return Math.max(longest, (left * perTrial - done) / Math.max(1, atOnce))
}
