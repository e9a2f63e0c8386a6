// Which hyperparameters matter: how much of the differences between the trials of a study each of them explains, which
// two act in concert, and what a value means on average. Start reading at `importance`; docs/importance.md tells people
// what it means and how it was measured.
import { type Random, randomFor } from '../base/index.ts'
import type { Hyp, HypValue } from './hyp.ts'
import {
  addProduct,
  type BinnedSample,
  binned,
  type Decomposition,
  effect,
  emptyDecomposition,
  growTree,
  predict,
  type Tree,
} from './importance-forest.ts'
import { axisKernels, divergence } from './importance-ped.ts'
import { type Axis, unitCube } from './samplers/unit-cube.ts'
import type { SearchSpace } from './space.ts'
import type { Trial } from './trial.ts'

/** Fewer trials than this tell nothing. */
export const leastTrials = 20

/** A trial as the importance sees it. */
export interface ScoredHyp {
  readonly number: number
  readonly hyp: Hyp
  /** Larger is better. */
  readonly score: number
}

export interface ChosenTrials {
  readonly trials: readonly ScoredHyp[]
  /** Epochs that all of them were trained; `undefined`: they are full trainings. */
  readonly epochs: number | undefined
  /** How many of each length there are with a score. */
  readonly full: number
  readonly shorter: ReadonlyMap<number, number>
}

/**
 * The trials that can be compared: full trainings; where there are fewer than {@link leastTrials} of them, those of the
 * length that most trials have, if that are enough. Never of two lengths, and no repeats.
 *
 * @param score - larger is better; not finite: the trial is left out. Default: the fitness
 */
export function comparableTrials(
  trials: Iterable<Trial>,
  score: (trial: Extract<Trial, { metrics: unknown }>) => number = ({ fitness }) => fitness ?? Number.NaN,
): ChosenTrials {
  const full: ScoredHyp[] = []
  const shorter = new Map<number, ScoredHyp[]>()
  for (const trial of trials) {
    if (trial.repeats !== undefined || (trial.state !== 'complete' && trial.state !== 'pruned')) continue
    const scored = { number: trial.number, hyp: trial.hyp, score: score(trial) }
    if (!Number.isFinite(scored.score)) continue
    if (trial.state === 'complete') full.push(scored)
    else shorter.set(trial.epochs, [...(shorter.get(trial.epochs) ?? []), scored])
  }
  let [chosen, epochs]: [ScoredHyp[], number | undefined] = [full, undefined]
  if (full.length < leastTrials)
    for (const [length, group] of [...shorter].sort(([a], [b]) => b - a)) // of equally many the longest
      if (group.length >= leastTrials && group.length > chosen.length) [chosen, epochs] = [group, length]
  return {
    trials: [...chosen].sort((a, b) => a.number - b.number),
    epochs,
    full: full.length,
    shorter: new Map([...shorter].map(([length, group]) => [length, group.length])),
  }
}

/** What a value means: the mean of the score over all values of the others, as the trials let it be estimated. */
export interface EffectPoint {
  readonly value: HypValue
  readonly mean: number
  /** The mean lies between these with a probability of about 90 %. */
  readonly low: number
  readonly high: number
}

export interface KeyImportance {
  readonly key: string
  /**
   * In [0, 1]. fANOVA: the share of the variance that it explains alone. PED-ANOVA: its share of what sets the best
   * quarter apart; all sum to 1.
   */
  readonly importance: number
  /** About 90 % of the time it lies between these. */
  readonly low: number
  readonly high: number
  /** fANOVA: the share that would be gone if it were fixed, that in concert with others included. Else as `importance`. */
  readonly total: number
  /** False: a hyperparameter without any effect could look the same. */
  readonly distinguishable: boolean
  /** In how many of the trials it has a value. */
  readonly trials: number
  /** In the order of its values. */
  readonly effect: readonly EffectPoint[]
}

export interface PairImportance {
  readonly keys: readonly [string, string]
  /** Share of the variance that both explain together, beyond what each explains alone. */
  readonly importance: number
  readonly low: number
  readonly high: number
  /** False: two hyperparameters whose effects just add up could look the same. */
  readonly distinguishable: boolean
}

export const importanceMethods = ['fanova', 'ped-anova'] as const
export type ImportanceMethod = (typeof importanceMethods)[number]

export interface Importance {
  readonly method: ImportanceMethod
  /** How many trials it is made from. */
  readonly trials: number
  /**
   * How much of the differences between trials that it has not seen the model predicts (R²): 1 all, 0 or less nothing.
   * Where it is small nothing below means much.
   */
  readonly explained: number
  /** What matters most first. Hyperparameters that can move and took more than one value. */
  readonly keys: readonly KeyImportance[]
  /** Strongest first, at most {@link shownPairs}; empty for PED-ANOVA, which sees one at a time. */
  readonly pairs: readonly PairImportance[]
  /** Could move, but had one value in all of these trials. */
  readonly constant: readonly string[]
  /** Scores lower than this count as this; -Infinity: none was. A few ruined trainings would outshine all else. */
  readonly floor: number
}

export interface ImportanceOptions {
  /** Default: `fanova`. */
  readonly method?: ImportanceMethod
  /** Default 0. The same seed and trials give the same numbers. */
  readonly seed?: number
}

export const shownPairs = 15

/** Constants of the estimate, by what docs/importance.md says was measured. */
const forestTrees = 48
const nullTrees = 24
/** Every tree is multiplied with so many others. */
const partners = 3
const halves = 16
const treesPerHalf = 4
const leastShadows = 40
const additiveRounds = 4
const curvePoints = 21
/** Of a normal distribution: 90 % lie within so many standard deviations. */
const ninety = 1.645

/**
 * How much each hyperparameter matters.
 *
 * `fanova`: a random forest in the unit cube of the space, and the variance of its mean over the whole space divided up
 * exactly (Hutter, Hoos and Leyton-Brown, ICML 2014). Unlike there it is the variance of the forest and not the mean of
 * the trees' own: products of different trees, in which the noise of each falls out. Intervals come from forests of half
 * the trials (the delete-half jackknife). What cannot be told from nothing is found out with shadows: copies of all
 * hyperparameters that are moved on by some trials, which explain nothing.
 *
 * `ped-anova`: how the best quarter differs in density from all trials (arXiv 2304.10255), less what a random quarter
 * would differ; intervals from trials drawn with replacement.
 *
 * @param trials - of equal length; at least a few, {@link leastTrials} to mean something
 */
export function importance(
  space: SearchSpace,
  trials: readonly ScoredHyp[],
  { method = 'fanova', seed = 0 }: ImportanceOptions = {},
): Importance {
  const cube = unitCube(space)
  const positions = trials.map(({ hyp }) => cube.toPositions(hyp))
  const columns = cube.axes.map((_, a) => Float64Array.from(positions, (each) => each[a]))
  const moved = cube.axes.map((_, a) => a).filter((a) => new Set(columns[a].filter((x) => !Number.isNaN(x))).size > 1)
  const constant = cube.axes.filter((_, a) => !moved.includes(a)).map(({ key }) => key)
  const floor = floorOf(trials)
  const targets = Float64Array.from(trials, ({ score }) => Math.max(score, floor))
  const axes = moved.map((a) => cube.axes[a])
  const sample = { axes, columns: moved.map((a) => columns[a]), targets }

  const rng = randomFor(seed, 0)
  const estimate = forestEstimate(binned(sample), rng)
  const present = sample.columns.map((column) => column.filter((x) => !Number.isNaN(x)).length)
  const shares =
    method === 'fanova' ? forestShares(sample, estimate, rng) : densityShares(sample, present, randomFor(seed, 1))
  const keys = axes.map(({ key }, a): KeyImportance => ({ key, ...shares[a], trials: present[a], effect: curve(a) }))
  return {
    method,
    trials: trials.length,
    explained: estimate.explained,
    keys: keys.sort((p, q) => q.total - p.total || q.importance - p.importance),
    pairs: method === 'fanova' ? pairShares(sample, estimate, rng) : [],
    constant,
    floor: trials.some(({ score }) => score < floor) ? floor : -Infinity,
  }

  function curve(a: number): EffectPoint[] {
    const { at, mean, spread } = estimate.effects[a]
    return at.map((position, i) => {
      const axis = axes[a]
      const value = axis.kind === 'choice' ? axis.choices[position] : axis.fromUnit(position)
      return { value, mean: mean[i], low: mean[i] - ninety * spread[i], high: mean[i] + ninety * spread[i] }
    })
  }
}

type Sample = Parameters<typeof binned>[0]
type Share = Pick<KeyImportance, 'importance' | 'low' | 'high' | 'total' | 'distinguishable'>

/** Three times the middle half's width below it: far outliers (Tukey, Exploratory Data Analysis, 1977). */
function floorOf(trials: readonly ScoredHyp[]): number {
  const sorted = trials.map(({ score }) => score).sort((a, b) => a - b)
  const [q1, q3] = [quantile(sorted, 0.25), quantile(sorted, 0.75)]
  return q3 > q1 ? q1 - 3 * (q3 - q1) : -Infinity
}

/** Of sorted numbers, with straight lines between them. */
function quantile(sorted: readonly number[], p: number): number {
  const at = p * (sorted.length - 1)
  const below = Math.floor(at)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (at - below) * (sorted[above] - sorted[below])
}

const leastRowsOf = (rows: number) => Math.max(3, Math.ceil(rows / 100))

interface AxisEffect {
  /** Positions, or places of a choice. */
  readonly at: readonly number[]
  readonly mean: readonly number[]
  /** Standard error. */
  readonly spread: readonly number[]
}

interface ForestEstimate {
  readonly parts: Decomposition
  /** The same of forests of half the trials. */
  readonly ofHalves: readonly Decomposition[]
  readonly effects: readonly AxisEffect[]
  readonly explained: number
}

function forestEstimate(sample: BinnedSample, rng: Random): ForestEstimate {
  const { axes, targets } = sample
  const all = Uint32Array.from(targets.keys())
  const drawn: Uint32Array[] = []
  const trees = forest(sample, all, forestTrees, rng, drawn)
  const grids = axes.map(gridOf)
  const curves = (of: readonly Tree[]) => grids.map((at, a) => meanEffect(of, a, at))
  const mean = curves(trees)
  const ofHalves: Decomposition[] = []
  const halfCurves: number[][][] = []
  for (let i = 0; i < halves; i += 2) {
    const order = Uint32Array.from(rng.numpy.permutation(all.length))
    for (const half of [order.slice(0, all.length >> 1), order.slice(all.length >> 1)]) {
      const own = forest(sample, half, treesPerHalf, rng)
      ofHalves.push(products(own, axes.length))
      halfCurves.push(curves(own))
    }
  }
  const effects = grids.map((at, a) => ({
    at,
    mean: mean[a],
    // Of the curve's form: how high all of it lies is another question.
    spread: at.map((_, i) => deviation(halfCurves.map((each) => each[a][i] - average(each[a])))),
  }))
  return { parts: products(trees, axes.length), ofHalves, effects, explained: explainedOf(trees, drawn, sample) }
}

/** Each tree is grown from as many rows, drawn with replacement. */
function forest(
  sample: BinnedSample,
  rows: Uint32Array,
  trees: number,
  rng: Random,
  drawn: Uint32Array[] = [],
): Tree[] {
  const options = { leastRows: leastRowsOf(rows.length) }
  return Array.from({ length: trees }, () => {
    const own = rows.map(() => rows[Math.floor(rng.numpy.random() * rows.length)])
    drawn.push(own)
    return growTree(sample, own, rng, options)
  })
}

function products(trees: readonly Tree[], axes: number): Decomposition {
  const parts = emptyDecomposition(axes)
  const apart = Math.min(partners, Math.max(1, Math.floor((trees.length - 1) / 2)))
  trees.forEach((tree, i) => {
    for (let k = 1; k <= apart; k++) addProduct(parts, tree, trees[(i + k) % trees.length])
  })
  return parts
}

/** R² of the predictions for rows by the trees that were not grown from them. */
function explainedOf(trees: readonly Tree[], drawn: readonly Uint32Array[], { columns, targets }: Sample): number {
  const sums = new Float64Array(targets.length)
  const counts = new Float64Array(targets.length)
  trees.forEach((tree, t) => {
    const own = new Set(drawn[t])
    for (let row = 0; row < targets.length; row++) {
      if (own.has(row)) continue
      sums[row] += predict(tree, columns, row)
      counts[row]++
    }
  })
  const rows = [...targets.keys()].filter((row) => counts[row] > 0)
  const mean = average(rows.map((row) => targets[row]))
  const variance = average(rows.map((row) => (targets[row] - mean) ** 2))
  const error = average(rows.map((row) => (targets[row] - sums[row] / counts[row]) ** 2))
  return variance > 0 ? 1 - error / variance : 0
}

/** Evenly along the axis; of what has few values each one, once. */
function gridOf(axis: Axis): number[] {
  if (axis.kind === 'choice') return axis.choices.map((_, place) => place)
  const found = new Map<HypValue, number>()
  for (let i = 0; i < 4 * curvePoints; i++) {
    const u = (i + 0.5) / (4 * curvePoints)
    const cell = axis.cell(u)
    const at = cell ? (cell[0] + cell[1]) / 2 : u
    found.set(axis.fromUnit(at), at)
  }
  const all = [...found.values()].sort((a, b) => a - b)
  if (all.length <= curvePoints) return all
  return Array.from({ length: curvePoints }, (_, i) => all[Math.round((i * (all.length - 1)) / (curvePoints - 1))])
}

function meanEffect(trees: readonly Tree[], a: number, at: readonly number[]): number[] {
  const curves = trees.map((tree) => effect(tree, a, at))
  return at.map((_, i) => average(curves.map((curve) => curve[i])))
}

const shareOf = (part: number, whole: number) => (whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0)

/**
 * A share with its interval. The variance over random halves is that of the whole (Shao and Wu, 1989); it is taken around
 * the share itself, so that what no half finds is uncertain too.
 */
function withInterval(part: (of: Decomposition) => number, { parts, ofHalves }: ForestEstimate) {
  const importance = shareOf(part(parts), parts.whole)
  const spread = ninety * deviation(sharesOfHalves(part, ofHalves), importance)
  return { importance, low: Math.max(0, importance - spread), high: Math.min(1, importance + spread) }
}

/** A half whose forest found hardly anything says nothing about shares: its whole counts as at least half of the usual. */
function sharesOfHalves(part: (of: Decomposition) => number, ofHalves: readonly Decomposition[]): number[] {
  const wholes = ofHalves.map(({ whole }) => whole).sort((a, b) => a - b)
  const least = quantile(wholes, 0.5) / 2
  return ofHalves.map((each) => shareOf(part(each), Math.max(each.whole, least)))
}

function forestShares(sample: Sample, estimate: ForestEstimate, rng: Random): Share[] {
  const size = sample.axes.length
  const [single, total] = shadowLimits(sample, rng)
  return sample.axes.map((_, a) => {
    const share = withInterval((of) => of.single[a], estimate)
    const whole = shareOf(estimate.parts.total[a], estimate.parts.whole)
    const distinguishable = size > 0 && (share.importance > single || whole > total)
    return { ...share, total: Math.max(whole, share.importance), distinguishable }
  })
}

/**
 * The largest shares of shadows, alone and with others: forests of these beside the real hyperparameters. A shadow has the
 * values of a hyperparameter so many trials later, round the end: shuffled ones would lack what a search does to the real
 * ones, which drift and gather while the scores get better, and with `tpe` a third of those without effect looked real.
 */
function shadowLimits(sample: Sample, rng: Random): [single: number, total: number] {
  const { axes, columns, targets } = sample
  const size = axes.length
  const all = Uint32Array.from(targets.keys())
  const rounds = Math.max(2, Math.ceil(leastShadows / Math.max(1, size)))
  let [single, total] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const shadows = columns.map((column) => {
      const shift = 1 + Math.floor(rng.numpy.random() * (column.length - 1))
      return column.map((_, row) => column[(row + shift) % column.length])
    })
    const both = binned({ axes: [...axes, ...axes], columns: [...columns, ...shadows], targets })
    const parts = products(forest(both, all, nullTrees, rng), 2 * size)
    for (let a = size; a < 2 * size; a++) {
      single = Math.max(single, shareOf(parts.single[a], parts.whole))
      total = Math.max(total, shareOf(parts.total[a], parts.whole))
    }
  }
  return [single, total]
}

/**
 * The strongest pairs. Trees make effects that only add up look a little like an interaction, so a pair is told from
 * none by forests of what would have been measured without interactions: the sum of all single effects, and what is
 * left in a random order.
 */
function pairShares(sample: Sample, estimate: ForestEstimate, rng: Random): PairImportance[] {
  const { axes, columns, targets } = sample
  const size = axes.length
  const { parts, effects } = estimate
  const centre = average([...targets])
  const additive = targets.map((_, row) =>
    columns.reduce((sum, column, a) => sum + at(effects[a], column[row]) - average(effects[a].mean), centre),
  )
  const limits = new Float64Array(size * size)
  const all = Uint32Array.from(targets.keys())
  for (let round = 0; round < additiveRounds; round++) {
    const order = rng.numpy.permutation(targets.length)
    const made = additive.map((y, row) => y + targets[order[row]] - additive[order[row]])
    const none = products(forest(binned({ axes, columns, targets: made }), all, nullTrees, rng), size)
    for (const [i, part] of none.pairs.entries()) limits[i] = Math.max(limits[i], shareOf(part, none.whole))
  }
  const largest = Math.max(...limits, 0)
  const pairs: PairImportance[] = []
  for (let a = 0; a < size; a++)
    for (let b = a + 1; b < size; b++) {
      const part = (of: Decomposition) => of.pairs[a * size + b]
      if (!(part(parts) > 0)) continue
      const share = withInterval(part, estimate)
      // A pair that was looked for among many has to exceed the largest of as many, and how much it varies among halves.
      const varies = ninety * deviation(sharesOfHalves(part, estimate.ofHalves))
      pairs.push({
        keys: [axes[a].key, axes[b].key],
        ...share,
        distinguishable: share.importance > Math.max(largest, varies),
      })
    }
  return pairs.sort((p, q) => q.importance - p.importance).slice(0, shownPairs)
}

/** Between two points of the grid along a straight line; the mean where there is no value. */
function at({ at, mean }: AxisEffect, position: number): number {
  if (Number.isNaN(position)) return average(mean)
  let i = at.findIndex((each) => each >= position)
  if (i < 0) i = at.length - 1
  if (i === 0 || at[i] === position) return mean[i]
  return mean[i - 1] + ((position - at[i - 1]) / (at[i] - at[i - 1])) * (mean[i] - mean[i - 1])
}

const goodShare = 0.25
const shuffles = 200
const draws = 48

function densityShares({ axes, columns, targets }: Sample, present: readonly number[], { numpy }: Random): Share[] {
  const rows = targets.length
  const once = new Float64Array(rows).fill(1)
  const byAxis = axes.map((axis, a) => {
    const kernels = axisKernels(axis, columns[a], Math.ceil(goodShare * present[a]))
    // Where it exists under a condition, the best of the trials that have it.
    const best = [...kernels.present].sort((p, q) => targets[q] - targets[p] || p - q)
    const isGood = new Uint8Array(rows)
    for (const row of best.slice(0, Math.ceil(goodShare * best.length))) isGood[row] = 1
    const weight = present[a] / rows
    const measured = divergence(kernels, once, isGood)
    const chance = Array.from({ length: shuffles }, () => {
      const order = numpy.permutation(best.length)
      const shuffled = new Uint8Array(rows)
      for (const [i, row] of best.entries()) shuffled[row] = isGood[best[order[i]]]
      return divergence(kernels, once, shuffled)
    }).sort((p, q) => p - q)
    const expected = average(chance)
    const part = (value: number) => weight * Math.max(0, value - expected)
    return { kernels, isGood, part, measured, distinguishable: measured > quantile(chance, 0.975) }
  })
  const sharesOf = (parts: readonly number[]) => {
    const sum = parts.reduce((a, b) => a + b, 0)
    return parts.map((part) => shareOf(part, sum))
  }
  const shares = sharesOf(byAxis.map(({ part, measured }) => part(measured)))
  const drawn = Array.from({ length: draws }, () => {
    const weights = new Float64Array(rows)
    for (let i = 0; i < rows; i++) weights[Math.floor(numpy.random() * rows)]++
    return sharesOf(byAxis.map(({ kernels, isGood, part }) => part(divergence(kernels, weights, isGood))))
  })
  return byAxis.map(({ distinguishable }, a) => {
    const spread = ninety * deviation(drawn.map((each) => each[a]))
    return {
      importance: shares[a],
      low: Math.max(0, shares[a] - spread),
      high: Math.min(1, shares[a] + spread),
      total: shares[a],
      distinguishable,
    }
  })
}

const average = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

const deviation = (values: readonly number[], from = average(values)): number =>
  Math.sqrt(average(values.map((value) => (value - from) ** 2)))
