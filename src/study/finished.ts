// When a study has done what it was to do. Pure; the same for every storage.
import type { StudyOverview, TrialCounts } from './storage.ts'

export const endedCount = ({ complete, pruned, failed }: TrialCounts): number => complete + pruned + failed

/**
 * Whether all of a study's target is done: as many trials have ended; with a schedule, all have ended and nothing more
 * fits into the target.
 */
export function isFinished({
  definition,
  target,
  finishedTarget,
  counts,
}: Pick<StudyOverview, 'definition' | 'target' | 'finishedTarget' | 'counts'>): boolean {
  if (target === undefined) return false
  if (!definition.schedule) return endedCount(counts) >= target
  return finishedTarget === target && counts.waiting + counts.running === 0
}
