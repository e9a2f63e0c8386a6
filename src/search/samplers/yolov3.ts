// The evolution of yolov3 before it became YOLOv5's: the hill climb of 2019 (v6), January 2020, v7 and v8.
import { z } from 'zod'
import { numpyPower, type Random, ReplayFaultError } from '../../base/index.ts'
import type { HypValue } from '../hyp.ts'
import { clip } from '../parameter.ts'
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
  weightedMean,
} from './mutation.ts'
import { tableOf } from './table.ts'
import { assertFinite, assertNumeric, candidates, modeSchema, nativeParent, replayFitnessSchema } from './yolov5.ts'

/** The version whose ways are followed. `2020-01` is commit 01dbdc45, which the tutorial shows; v7 does as `v8`. */
const releaseSchema = z.enum(['v8', '2020-01', 'v6'])

const options = z.object({
  /** `replay`: bit for bit what the release does. */
  mode: modeSchema,
  release: releaseSchema.default('v8'),
  /** `single`: a fit trial (v8: by chance among the pool; 2020-01: the best). `weighted`: the pool's weighted mean. */
  parent: z.enum(['single', 'weighted']).optional(),
  /** 1: one random factor for all. 2: one for each. 3: each with some probability, repeated until one moves. */
  method: z.union([z.literal(1), z.literal(2), z.literal(3)]).optional(),
  poolSize: z.int().min(1).max(1000).optional(),
  /** Of method 3. */
  mutationProbability: z.number().gt(0).max(1).optional(),
  sigma: z.number().positive().max(10).default(0.2),
  /** Replay only: by which weights the table is ranked. */
  fitness: replayFitnessSchema,
})

type Options = z.infer<typeof options>

/** What each version does if it is not told otherwise. */
const defaults = {
  v8: { parent: 'single', method: 3, poolSize: 5, mutationProbability: 0.9 },
  '2020-01': { parent: 'weighted', method: 2, poolSize: 10, mutationProbability: 0.1 },
  v6: { parent: 'single', method: 2, poolSize: 1, mutationProbability: 1 },
} as const

type Chosen = 'parent' | 'method' | 'poolSize' | 'mutationProbability'

export type Yolov3Settings = Omit<Options, Chosen> & { readonly [K in Chosen]: NonNullable<Options[K]> }

export function withDefaults(given: Options): Yolov3Settings {
  const usual = defaults[given.release]
  return {
    ...given,
    parent: given.parent ?? usual.parent,
    method: given.method ?? usual.method,
    poolSize: given.poolSize ?? usual.poolSize,
    mutationProbability: given.mutationProbability ?? usual.mutationProbability,
  }
}

/**
 * As `yolov5`, with the parents and factors of yolov3. The first trial is the start hyp. In native mode parents have full
 * precision, of equally fit trials the earlier one ranks higher, and nothing is proposed twice.
 *
 * Options keep the version's own defaults where they are left out: v8 single, method 3, the 5 fittest, probability 0.9;
 * 2020-01 weighted, method 2, the 10 fittest, probability 0.1; v6 knows none (it climbs from the best trial so far).
 */
export const yolov3 = defineSampler({
  name: 'yolov3',
  summary: 'mutates the fittest as yolov3 v6 to v8 do: methods 1, 2, 3, single or weighted parents',
  options,
  multiplies: true,
  original: true,

  propose(context, given): Proposal {
    const { space, number, history, rng } = context
    if (number === 0) return startProposal(space)
    const settings = withDefaults(given)
    if (settings.mode === 'replay') return replayed(context, settings)
    const best = settings.release === 'v6' || (settings.release === '2020-01' && settings.parent === 'single')
    const pool = candidates(history, space, best ? 1 : settings.poolSize)
    return freshProposal(context, yolov3, () => {
      const parent = nativeParent(pool, space, settings, rng)
      const factors = factorsOf(space.parameters.map(gainOf), settings, rng).map((v) => (v >= 0 ? v : 1))
      const values = moved(space, parent.values, factors, settings.mutationProbability, rng)
      const hyp = space.toHyp(settings.release === 'v6' ? normalised(space, values) : values)
      return { hyp, parents: parent.parents, mutated: movedKeys(space, hyp, parent) }
    })
  },
})

function replayed({ space, history, rng }: SearchContext, settings: Yolov3Settings): Proposal {
  assertNumeric(space, 'yolov3')
  const rows =
    settings.release === 'v6'
      ? firstBest(history.complete.map((trial) => toCandidate(trial, space)))
      : tableOf(history, space, { table: 'evolve.txt', fitness: settings.fitness })
  if (rows.length === 0) rows.push({ number: 0, values: space.toValues(space.start), fitness: 0 })
  const { parent, factors } = mutatedRow(rows, space, settings, rng)
  const values = space.keys.map((_, i) => Number(parent.values[i]) * factors[i])
  const hyp = space.toHyp(settings.release === 'v6' ? normalised(space, clipped(space, values)) : values)
  if (settings.release === 'v6' && Object.values(hyp).some((value) => Number.isNaN(value)))
    throw new ReplayFaultError('yolov3', 'a factor is a power of a negative number, which is NaN')
  assertFinite(hyp, settings)
  return {
    hyp,
    parents: history.complete.length === 0 ? [] : parent.parents,
    mutated: movedKeys(space, hyp, parent),
  }
}

/** The hill climb takes a trial that is fitter than all before it, in the order in which they ended. */
const firstBest = (rows: readonly Candidate[]): Candidate[] =>
  rows.length === 0 ? [] : [rows.reduce((best, row) => (row.fitness > best.fitness ? row : best))]

const toCandidate = (
  { number, fitness, metrics, hyp }: { number: number; fitness: number; metrics: { mAP50?: number }; hyp: object },
  space: SearchSpace,
): Candidate => ({
  number,
  fitness: metrics.mAP50 ?? fitness,
  values: space.toValues(hyp as Record<string, HypValue>),
})

/** One step of the original, from the rows of its table in the order of the file. */
export function mutatedRow(
  rows: readonly Candidate[],
  space: SearchSpace,
  settings: Yolov3Settings,
  rng: Random,
): { parent: Parent; factors: number[] } {
  const parent = parentOf(rows, settings, rng)
  return { parent, factors: factorsOf(space.parameters.map(gainOf), settings, rng) }
}

function parentOf(rows: readonly Candidate[], settings: Yolov3Settings, rng: Random): Parent {
  const { release, parent, poolSize } = settings
  if (release === 'v6') return { values: rows[0].values, parents: [rows[0].number] }
  if (release === 'v8') return parentFrom(fittestOf(rows, poolSize), { parent, poolSize, guard: 0 }, rng)
  if (parent === 'single' || rows.length === 1) {
    const [best] = firstBest(rows)
    return { values: best.values, parents: [best.number] }
  }
  const pool = fittestOf(rows, poolSize)
  const worst = Math.min(...pool.map(({ fitness }) => fitness))
  return weightedMean(
    pool,
    pool.map(({ fitness }) => fitness - worst),
  )
}

/**
 * Factors. v6: (1 + n·σ)^1.1 with a σ for each. Methods 1 and 2: (1 + n·u·gain·σ)², u shared or one for each. Method 3:
 * as YOLOv5's in v8; in 2020-01 (1 + gain·σ·[u < p]·n)², repeated until one is not 1.
 *
 * Order of draws: v6 n; methods 1 and 2 all n, then u; method 3 all u, then all n.
 */
function factorsOf(gains: readonly number[], settings: Yolov3Settings, rng: Random): number[] {
  const { release, method, mutationProbability: p, sigma } = settings
  const { numpy } = rng
  if (release === 'v6') return gains.map((gain) => numpyPower(numpy.normal() * gain + 1, 1.1))
  if (method === 3 && release === 'v8') return mutationFactors(gains, p, sigma, rng)
  if (method === 3) return rareFactors(gains, p, sigma, rng)
  const n = gains.map(() => numpy.normal())
  const shared = method === 1 ? numpy.random() : 0
  const u = gains.map(() => (method === 1 ? shared : numpy.random()))
  return gains.map((gain, i) => (n[i] * u[i] * gain * sigma + 1) ** 2)
}

function rareFactors(gains: readonly number[], p: number, sigma: number, { numpy }: Random): number[] {
  if (gains.every((gain) => gain === 0)) return gains.map(() => 1)
  for (let loop = 0; loop < 10_000; loop++) {
    const u = gains.map(() => numpy.random())
    const n = gains.map(() => numpy.normal())
    const v = gains.map((gain, i) => (gain * sigma * (Number(u[i] < p) * n[i]) + 1) ** 2)
    if (v.some((factor) => factor !== 1)) return v
  }
  return gains.map(() => 1)
}

const clipped = (space: SearchSpace, values: readonly number[]): number[] =>
  values.map((value, i) => {
    const parameter = space.parameters[i]
    return parameter.kind === 'range' ? clip(value, parameter.lower, parameter.upper) : value
  })

/** v6 divides the four loss gains xy, wh, cls and conf by their sum, where all four are there and may move. */
function normalised(space: SearchSpace, values: readonly HypValue[]): HypValue[] {
  const four = ['xy', 'wh', 'cls', 'conf']
  const places = space.keys.flatMap((key, i) => (four.includes(key) && gainOf(space.parameters[i]) > 0 ? [i] : []))
  const sum = places.reduce((total, i) => total + Number(values[i]), 0)
  if (places.length < four.length || sum === 0) return [...values]
  return values.map((value, i) => (places.includes(i) ? Number(value) / sum : value))
}
