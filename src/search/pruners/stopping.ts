// When a training that runs is stopped: for trainers that cannot be asked for another length.
import type { VerdictContext } from '../pruner.ts'
import { eta } from '../schedule.ts'

type Curve = VerdictContext['curve']

/** So many validations count, the last ones. */
const averaged = 3

/** What was measured after an epoch; a value that is no number is as bad as can be. */
const valueAt = (curve: Curve, epoch: number): number | undefined => {
  const value = curve[epoch]
  return Number.isNaN(value) ? -Infinity : value
}

/**
 * What a training is worth at an epoch: the mean of its last three validations, none of them further back than a
 * quarter of the epochs so far. (The best of a noisy curve is too good to be true; the mean of a curve that rises is
 * too low, but for all alike.)
 *
 * @returns `undefined` if nothing was measured there
 */
export function scoreAt(curve: Curve, epoch: number): number | undefined {
  let sum = 0
  let count = 0
  const first = epoch - Math.max(1, Math.ceil(epoch / 4))
  for (let e = Math.min(epoch, curve.length - 1); e > first && count < averaged; e--) {
    const value = valueAt(curve, e)
    if (value === undefined) continue
    sum += value
    count++
  }
  return count === 0 ? undefined : sum / count
}

/**
 * Stops a training that came to a rung and is not among the best third of those that came there, itself included; from
 * three on. The first validation at a rung or after it decides. The start is trained to the end.
 *
 * The stopping form of asynchronous successive halving: Li et al. (arXiv 1810.05934); Klein et al. (arXiv 2003.10865).
 *
 * @param first - rungs before this one are passed
 */
export function rungVerdict(
  { rungs, number, epoch, curve, others }: VerdictContext,
  first: number,
): 'continue' | 'stop' {
  if (number === 0 || epoch >= rungs.at(-1)! || curve[epoch] === undefined) return 'continue'
  const rung = rungs.findLastIndex((epochs) => epochs <= epoch)
  if (rung < first) return 'continue'
  for (let e = rungs[rung]; e < epoch; e++) if (curve[e] !== undefined) return 'continue' // it was decided there
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
