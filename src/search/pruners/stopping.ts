// When a training that runs is stopped: for trainers that cannot be asked for another length.
import type { VerdictContext } from '../pruner.ts'
import { usableRungsOfCurves } from '../rung-quality.ts'
import { eta } from '../schedule.ts'
import { scoreAt } from './curves.ts'

/**
 * Stops a training that came to a rung and is not among the best third of those that came there, itself included; from
 * three on. The first validation at a rung or after it decides. The start is trained to the end.
 *
 * The stopping form of asynchronous successive halving: Li et al. (arXiv 1810.05934); Klein et al. (arXiv 2003.10865).
 *
 * @param first - so many of the rungs that predict something are passed
 */
export function rungVerdict(
  { rungs, number, epoch, curve, others }: VerdictContext,
  first: number,
): 'continue' | 'stop' {
  if (number === 0 || epoch >= rungs.at(-1)! || curve[epoch] === undefined) return 'continue'
  if (!isAtRung(curve, epoch, rungs)) return 'continue'
  const usable = usableRungsOfCurves(others, rungs)
  if (!isAtRung(curve, epoch, usable.slice(first))) return 'continue'
  const own = scoreAt(curve, epoch)!
  let came = 1
  let better = 0
  for (const other of others.values()) {
    const score = scoreAt(other, epoch)
    if (score === undefined) continue
    came++
    if (score > own) better++
  }
  return came >= eta && better >= Math.floor(came / eta) ? 'stop' : 'continue'
}

/** Whether this is the first validation at a rung or after it. */
function isAtRung(curve: VerdictContext['curve'], epoch: number, rungs: readonly number[]): boolean {
  const rung = rungs.findLast((epochs) => epochs <= epoch)
  return rung !== undefined && curve.findIndex((value, e) => e >= rung && value !== undefined) === epoch
}
