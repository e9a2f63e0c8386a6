// The evolution of YOLOv5 (`train.py --evolve`, v1.0 to v7.0), and of yolov3 v9.0 and later.
import { z } from 'zod'
import { type Random, ReplayFaultError } from '../../base/index.ts'
import { fitnessPresets } from '../fitness.ts'
import type { History } from '../history.ts'
import { defineSampler, type Proposal, type SearchContext } from '../sampler.ts'
import type { SearchSpace } from '../space.ts'
import { freshProposal, startProposal } from './fresh.ts'
import {
  type Candidate,
  fittestOf,
  gainOf,
  moved,
  movedKeys,
  mutationFactors,
  type Parent,
  parentFrom,
  type Selection,
} from './mutation.ts'
import { tableOf } from './table.ts'

const presets = Object.keys(fitnessPresets) as [keyof typeof fitnessPresets, ...(keyof typeof fitnessPresets)[]]

export const modeSchema = z.enum(['native', 'replay']).default('native')
export const replayFitnessSchema = z.enum(['study', ...presets]).default('study')

const options = z.object({
  /** `replay`: bit for bit what the release does, from the table as its file holds it. */
  mode: modeSchema,
  parent: z.enum(['single', 'weighted']).default('single'),
  poolSize: z.int().min(1).max(1000).default(5),
  mutationProbability: z.number().gt(0).max(1).default(0.8),
  sigma: z.number().positive().max(10).default(0.2),
  /** Replay only: the file that parents are read from. evolve.txt: gains apply in the order of the release's table. */
  table: z.enum(['evolve.csv', 'evolve.txt']).default('evolve.csv'),
  /** Replay only: what is added to each parent's weight (1e-6 since v6.0, nothing before). */
  guard: z.number().min(0).default(1e-6),
  /** Replay only: by which weights the table is ranked. */
  fitness: replayFitnessSchema,
})

type Options = z.infer<typeof options>

/**
 * Takes a parent among the fittest trials, multiplies each hyperparameter by a random factor, and lets the space clip
 * and round the result. The first trial is the start hyp; as long as no trial is complete (several slots, or failed
 * trainings) that is the parent.
 *
 * In native mode parents have full precision, of equally fit trials the earlier one ranks higher, and a hyp that was
 * tried before is not proposed again: the draws go on. Draws are those of the originals for given random states; the
 * states come from study seed and trial number instead of the clock.
 */
export const yolov5 = defineSampler({
  name: 'yolov5',
  summary: 'mutates one of the fittest trials, as YOLOv5 v1.0 to v7.0 do',
  options,
  multiplies: true,
  original: true,

  propose(context, settings): Proposal {
    const { space, number, history, rng } = context
    if (number === 0) return startProposal(space)
    if (settings.mode === 'replay') return replayed(context, settings)
    const gains = space.parameters.map(gainOf)
    const pool = candidates(history, space, settings.poolSize)
    return freshProposal(context, yolov5, () => {
      const parent = nativeParent(pool, space, settings, rng)
      const factors = mutationFactors(gains, settings.mutationProbability, settings.sigma, rng)
      const hyp = space.toHyp(moved(space, parent.values, factors, settings.mutationProbability, rng))
      return { hyp, parents: parent.parents, mutated: movedKeys(space, hyp, parent) }
    })
  },
})

/** The fittest complete trials in full precision, best first. */
export const candidates = (history: History, space: SearchSpace, count: number): Candidate[] =>
  history.fittest(count).map(({ number, hyp, fitness }) => ({ number, fitness, values: space.toValues(hyp) }))

/** A parent from the pool, the start if that is empty. Never without weights: the guard is that of v6.0 and later. */
export function nativeParent(
  pool: readonly Candidate[],
  space: SearchSpace,
  selection: Omit<Selection, 'guard'>,
  rng: Random,
): Parent {
  if (pool.length === 0) return { values: space.toValues(space.start), parents: [] }
  const spread = pool[0].fitness - pool[pool.length - 1].fitness
  if (Number.isFinite(spread * pool.length)) return parentFrom(pool, { ...selection, guard: 1e-6 }, rng)
  return parentFrom(
    pool.map((each, i) => ({ ...each, fitness: pool.length - i })), // too far apart for their difference: by rank
    { ...selection, guard: 1e-6 },
    rng,
  )
}

function replayed({ space, history, rng }: SearchContext, settings: Options): Proposal {
  assertNumeric(space, 'yolov5')
  const rows = tableOf(history, space, settings)
  // the originals cannot meet this: there a training that fails ends the evolution
  if (rows.length === 0) rows.push({ number: 0, values: space.toValues(space.start), fitness: 0 })
  const { parent, factors } = mutatedRow(rows, space, settings, rng)
  const hyp = space.toHyp(space.keys.map((_, i) => Number(parent.values[i]) * factors[i]))
  assertFinite(hyp, settings)
  return {
    hyp,
    parents: history.complete.length === 0 ? [] : parent.parents,
    mutated: movedKeys(space, hyp, parent),
  }
}

/**
 * One step of the original, from the rows of its table in the order of the file.
 *
 * Up to v5.0 the gains are listed in the order of the release's table and applied in the order of the hyp: the same only
 * as long as both orders agree.
 */
export function mutatedRow(
  rows: readonly Candidate[],
  space: SearchSpace,
  settings: Omit<Options, 'mode' | 'fitness'>,
  rng: Random,
): { parent: Parent; factors: number[]; gains: number[] } {
  const parent = parentFrom(fittestOf(rows, settings.poolSize), settings, rng)
  const order =
    settings.table === 'evolve.csv' ? space.keys : space.gainOrder.filter((key) => space.get(key) !== undefined)
  const gains = order.map((key) => {
    const parameter = space.get(key)
    return parameter === undefined ? 0 : gainOf(parameter)
  })
  return { parent, gains, factors: mutationFactors(gains, settings.mutationProbability, settings.sigma, rng) }
}

/** @throws {@link ReplayFaultError} where the release makes NaN of parents without weight */
export function assertFinite(hyp: Readonly<Record<string, unknown>>, { poolSize }: { poolSize: number }): void {
  if (Object.values(hyp).some((value) => typeof value === 'number' && !Number.isFinite(value)))
    throw new ReplayFaultError(
      'yolov5',
      `the ${poolSize} fittest trials have equal fitness, so none has a weight and their weighted mean is NaN`,
    )
}

/** @throws {@link ReplayFaultError} if the space has hyperparameters that no YOLO release could evolve */
export function assertNumeric(space: SearchSpace, sampler: string): void {
  const other = space.keys.filter((_, i) => !['range', 'fixed'].includes(space.parameters[i].kind))
  if (other.length > 0)
    throw new ReplayFaultError(sampler, `YOLO tables have numbers with a gain only, not ${other.join(', ')}`)
}
