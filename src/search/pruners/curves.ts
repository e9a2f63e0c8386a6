// What the validations of a training that runs say about it.
import type { VerdictContext } from '../pruner.ts'

export type Curve = VerdictContext['curve']

/** So many validations count, the last ones. */
const averaged = 3

/** What was measured after an epoch; a value that is no number is as bad as can be. */
const valueAt = (curve: Curve, epoch: number): number | undefined => {
  const value = curve[epoch]
  return Number.isNaN(value) ? -Infinity : value
}

/** Whether something was measured at an epoch or after it. */
export const cameTo = (curve: Curve, epoch: number): boolean =>
  curve.findLastIndex((value) => value !== undefined) >= epoch

/**
 * What a training is worth at an epoch: the mean of its last three validations, none of them further back than a
 * quarter of the epochs so far. (The best of a noisy curve is too good to be true; the mean of a curve that rises is
 * too low, but for all alike.)
 *
 * @returns `undefined` if it did not come there, or nothing was measured there
 */
export function scoreAt(curve: Curve, epoch: number): number | undefined {
  if (!cameTo(curve, epoch)) return undefined
  let sum = 0
  let count = 0
  const first = epoch - Math.max(1, Math.ceil(epoch / 4))
  for (let e = epoch; e > first && count < averaged; e--) {
    const value = valueAt(curve, e)
    if (value === undefined) continue
    sum += value
    count++
  }
  return count === 0 ? undefined : sum / count
}
