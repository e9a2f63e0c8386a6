// The median rule.
import { z } from 'zod'
import { definePruner, type VerdictContext } from '../pruner.ts'
import { onRungs, promotion } from './on-rungs.ts'

const options = z.object({
  /** So many others must have come as far before anything is stopped. */
  startupTrials: z.int().min(1).max(10_000).default(5),
  /** Nothing is stopped earlier. Default: the lowest rung. */
  warmupEpochs: z.int().min(0).optional(),
})

/**
 * Stops a training whose best so far is below the median of the others' means up to the same epoch. Where a rung is a
 * training of its own nothing can be stopped: there the better half of a rung goes on.
 *
 * Golovin et al., "Google Vizier" (KDD 2017), 3.2; start-up and warm-up as in Optuna. Unlike there, whoever came to the
 * epoch counts among the others, also if it was stopped or runs on: a bar of the survivors alone would only rise.
 */
export const median = definePruner({
  name: 'median',
  summary: 'gives up what is worse than half of the others at the same epoch',
  options,
  grant(context, { startupTrials }) {
    const { rungs } = context
    const next = promotion(onRungs(context), rungs.length, 1 / 2, startupTrials)
    return next ? { epochs: rungs[next.rung], promote: next.promote } : { epochs: rungs[0] }
  },
  verdict({ rungs, number, epoch, curve, others }, { startupTrials, warmupEpochs = 0 }) {
    if (number === 0 || epoch < Math.max(rungs[0], warmupEpochs) || epoch >= rungs.at(-1)!) return 'continue'
    if (curve[epoch] === undefined) return 'continue'
    const means = [...others.values()].flatMap((other) => meanTo(other, epoch) ?? [])
    if (means.length < startupTrials) return 'continue'
    return bestTo(curve, epoch) < middle(means) ? 'stop' : 'continue'
  },
})

type Curve = VerdictContext['curve']

/** Of what was measured up to an epoch; `undefined` if it did not come there. */
function meanTo(curve: Curve, epoch: number): number | undefined {
  if (curve.findLastIndex((value) => value !== undefined) < epoch) return undefined
  const values = curve.slice(0, epoch + 1).filter((value) => value !== undefined)
  const sum = values.reduce((total, value) => total + (Number.isNaN(value) ? -Infinity : value), 0)
  return values.length === 0 ? undefined : sum / values.length
}

const bestTo = (curve: Curve, epoch: number): number =>
  curve
    .slice(0, epoch + 1)
    .reduce<number>((best, value) => (value !== undefined && value > best ? value : best), -Infinity)

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
