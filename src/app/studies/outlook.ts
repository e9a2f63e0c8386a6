// When a study ends, from the trials that it has done.
import type { AttemptRecord } from '../../study/index.ts'

/** Trials that count for the time that one takes: the last so many. */
const recent = 20

/** Mean seconds of the last complete trainings; `undefined` before the first. */
export function secondsPerTrial(attempts: readonly AttemptRecord[]): number | undefined {
  const seconds = attempts
    .filter(({ ending, endedAt }) => ending === 'complete' && endedAt !== undefined)
    .sort((a, b) => (a.endedAt! < b.endedAt! ? -1 : 1))
    .slice(-recent)
    .map(({ startedAt, endedAt }) => (Date.parse(endedAt!) - Date.parse(startedAt)) / 1000)
  return seconds.length === 0 ? undefined : seconds.reduce((a, b) => a + b, 0) / seconds.length
}

/**
 * Seconds until the last trial has ended.
 *
 * @param left - trials that have not ended, running ones included
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
