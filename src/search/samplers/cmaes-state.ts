// The search distribution of CMA-ES and how a generation of trials changes it. Knows positions only: no trials, no hyps.
import type { Random } from '../../base/index.ts'
import { clip } from '../parameter.ts'
import { eigen } from './cmaes-eigen.ts'
import { normalCdf, normalQuantile, truncatedNormal } from './normal.ts'
import type { ChoiceAxis, NumberAxis, UnitCube } from './unit-cube.ts'

/** Numbers that depend on the dimension and the size of a generation alone (Hansen's tutorial, arXiv 1604.00772). */
interface Constants {
  readonly numbers: readonly NumberAxis[]
  readonly choices: readonly ChoiceAxis[]
  /** Place of each of `numbers`, then of each of `choices`, among the axes of the cube. */
  readonly columns: readonly number[]
  /** λ: trials in a generation. */
  readonly populationSize: number
  /** μ: how many of them the mean is made of. */
  readonly parents: number
  /** Best first; the first μ are positive and sum to 1. */
  readonly weights: Float64Array
  readonly muEff: number
  readonly c1: number
  readonly cMu: number
  readonly cSigma: number
  readonly dSigma: number
  readonly cC: number
  /** Expected length of a standard normal vector. */
  readonly chi: number
  /** Least probability of the values beside a whole number's most probable one. */
  readonly margin: number
  /** Least probability of each choice. */
  readonly leastShare: readonly number[]
}

/** Normal over the numbers, a table of probabilities for each choice. Never changed: a generation makes another one. */
export interface CmaesState {
  readonly constants: Constants
  readonly generation: number
  readonly mean: Float64Array
  readonly sigma: number
  /** d × d by rows. */
  readonly covariance: Float64Array
  /** Square roots of its eigenvalues, and its eigenvectors by rows. */
  readonly lengths: Float64Array
  readonly vectors: Float64Array
  /** A: how much further than the covariance says steps on this axis go, so that whole numbers keep their margin. */
  readonly stretch: Float64Array
  readonly pathSigma: Float64Array
  readonly pathC: Float64Array
  /** Probability of each choice of each axis. */
  readonly shares: readonly Float64Array[]
}

/** A trial as the distribution sees it. */
export interface Told {
  /** Trial number: where inside its cell a whole number is taken to lie depends on it. */
  readonly number: number
  /** In the order of the cube's axes; NaN where the hyp has no value. */
  readonly positions: Float64Array
}

/** Around the start. */
export function initialState(cube: UnitCube, sigma: number, populationSize: number | undefined): CmaesState {
  const constants = constantsOf(cube, populationSize)
  const { numbers, choices, leastShare } = constants
  const d = numbers.length
  const identity = Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0))
  return {
    constants,
    generation: 0,
    mean: Float64Array.from(numbers, ({ start }) => start),
    sigma,
    covariance: identity,
    lengths: new Float64Array(d).fill(1),
    vectors: identity,
    stretch: new Float64Array(d).fill(1),
    pathSigma: new Float64Array(d),
    pathC: new Float64Array(d),
    // half for the start, half even
    shares: choices.map(({ choices: { length }, start }, k) =>
      withLeast(
        Float64Array.from({ length }, (_, i) => 0.5 / length + (i === start ? 0.5 : 0)),
        leastShare[k],
      ),
    ),
  }
}

/**
 * Half of the usual 4 + 3 ln d: with at most a few hundred trainings more generations are worth more than larger ones
 * (measured on 7- and 25-dimensional functions: ahead at 20 to 200 trials, equal at 300).
 */
const defaultPopulationSize = (dimension: number) => Math.max(6, 4 + Math.floor(Math.log(Math.max(dimension, 1))))

function constantsOf(cube: UnitCube, given: number | undefined): Constants {
  const places = cube.axes.map((axis, column) => ({ axis, column }))
  const ofNumbers = places.filter(({ axis }) => axis.kind === 'number')
  const ofChoices = places.filter(({ axis }) => axis.kind === 'choice')
  const d = Math.max(ofNumbers.length, 1)
  const populationSize = given ?? defaultPopulationSize(cube.axes.length)
  const parents = Math.floor(populationSize / 2)

  const raw = Array.from({ length: populationSize }, (_, i) => Math.log((populationSize + 1) / 2) - Math.log(i + 1))
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const effective = (values: readonly number[]) => sum(values) ** 2 / sum(values.map((value) => value * value))
  const [positive, rest] = [raw.slice(0, parents), raw.slice(parents)]
  const muEff = effective(positive)
  const c1 = 2 / ((d + 1.3) ** 2 + muEff)
  const cMu = Math.min(1 - c1 - 1e-8, (2 * (muEff - 2 + 1 / muEff)) / ((d + 2) ** 2 + muEff))
  const negative = Math.min(1 + c1 / cMu, 1 + (2 * effective(rest)) / (muEff + 2), (1 - c1 - cMu) / (d * cMu))
  const cSigma = (muEff + 2) / (d + muEff + 5)
  return {
    numbers: ofNumbers.map(({ axis }) => axis as NumberAxis),
    choices: ofChoices.map(({ axis }) => axis as ChoiceAxis),
    columns: [...ofNumbers, ...ofChoices].map(({ column }) => column),
    populationSize,
    parents,
    weights: Float64Array.from(raw, (w, i) =>
      i < parents ? w / sum(positive) : (negative * w) / sum(rest.map(Math.abs)),
    ),
    muEff,
    c1,
    cMu,
    cSigma,
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (d + 1)) - 1) + cSigma,
    cC: (4 + muEff / d) / (d + 4 + (2 * muEff) / d),
    chi: Math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d)),
    margin: 1 / (d * populationSize),
    // CatCMA (arXiv 2405.09962), section 3.3: a sample has the best of all choices with probability 0.73 at least
    leastShare: ofChoices.map(
      ({ axis }) => (1 - 0.73 ** (1 / ofChoices.length)) / ((axis as ChoiceAxis).choices.length - 1),
    ),
  }
}

const mostRedraws = 100

/** Positions drawn from the distribution, in the order of the cube's axes. */
export function drawnFrom(state: CmaesState, { numpy }: Random): Float64Array {
  const { numbers, choices, columns } = state.constants
  const d = numbers.length
  let at = new Float64Array(d)
  for (let attempt = 0; attempt < mostRedraws; attempt++) {
    const z = Float64Array.from({ length: d }, () => numpy.normal())
    at = steps(state, z).map((y, j) => state.mean[j] + state.sigma * state.stretch[j] * y)
    if (at.every((u, j) => isWithin(numbers[j], u))) break
  }
  const positions = new Float64Array(columns.length)
  for (let j = 0; j < d; j++) positions[columns[j]] = clip(at[j], 0, 1)
  for (let k = 0; k < choices.length; k++) {
    let rest = numpy.random()
    const place = state.shares[k].findIndex((share) => (rest -= share) < 0)
    positions[columns[d + k]] = place < 0 ? choices[k].start : place
  }
  return positions
}

/** A whole number's outermost cells, and the zero of what can be switched off, have no end outside. */
const isWithin = (axis: NumberAxis, u: number) => (u >= 0 && u <= 1) || axis.cell(clip(u, 0, 1)) !== undefined

/** y = B D z */
function steps({ lengths, vectors }: CmaesState, z: Float64Array): Float64Array {
  const d = z.length
  const y = new Float64Array(d)
  for (let i = 0; i < d; i++) for (let k = 0; k < d; k++) y[i] += vectors[i * d + k] * lengths[k] * z[k]
  return y
}

/** C^(-1/2) y = B D⁻¹ Bᵀ y */
function whitened({ lengths, vectors }: CmaesState, y: Float64Array): Float64Array {
  const d = y.length
  const inner = new Float64Array(d)
  for (let i = 0; i < d; i++) for (let k = 0; k < d; k++) inner[k] += vectors[i * d + k] * y[i]
  const out = new Float64Array(d)
  for (let i = 0; i < d; i++) for (let k = 0; k < d; k++) out[i] += (vectors[i * d + k] * inner[k]) / lengths[k]
  return out
}

const norm = (vector: Float64Array) => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))

/**
 * The distribution after a generation.
 *
 * @param ranked - as many trials as a generation has, best first
 */
export function afterGeneration(state: CmaesState, ranked: readonly Told[]): CmaesState {
  return withMargin({ ...state, ...movedNumbers(state, ranked), shares: movedShares(state, ranked) })
}

function movedNumbers(state: CmaesState, ranked: readonly Told[]): Omit<CmaesState, 'constants' | 'shares'> {
  const { weights, parents, muEff, c1, cMu, cSigma, dSigma, cC, chi, numbers, columns } = state.constants
  const d = numbers.length
  const generation = state.generation + 1
  if (d === 0) return { ...state, generation }

  // Points that the distribution would hardly have drawn (imported ones, say) count as nearer ones in their direction:
  // Hansen, "Injecting external solutions into CMA-ES" (arXiv 1110.4181), eq. 4.
  const farthest = Math.sqrt(d) + (2 * d) / (d + 2)
  const ys = ranked.map((told) => {
    const y = stepOf(state, told)
    const length = norm(whitened(state, y))
    return { y: length > farthest ? y.map((x) => (x * farthest) / length) : y, length: Math.min(length, farthest) }
  })
  const yw = new Float64Array(d)
  for (let i = 0; i < parents; i++) for (let j = 0; j < d; j++) yw[j] += weights[i] * ys[i].y[j]
  // what a hyp does not have moves no mean: the steps that stand for it are drawn, and would let the mean wander
  const seen = new Float64Array(d)
  for (let i = 0; i < parents; i++)
    for (let j = 0; j < d; j++) if (!Number.isNaN(ranked[i].positions[columns[j]])) seen[j] += weights[i] * ys[i].y[j]
  const mean = state.mean.map((m, j) => m + state.sigma * state.stretch[j] * seen[j])

  const towards = whitened(state, yw)
  const fresh = Math.sqrt(cSigma * (2 - cSigma) * muEff)
  const pathSigma = state.pathSigma.map((p, j) => (1 - cSigma) * p + fresh * towards[j])
  const pathLength = norm(pathSigma)
  const sigma = Math.min(state.sigma * Math.exp((cSigma / dSigma) * (pathLength / chi - 1)), 1)
  const expected = Math.sqrt(1 - (1 - cSigma) ** (2 * (generation + 1)))
  const h = pathLength / expected < (1.4 + 2 / (d + 1)) * chi ? 1 : 0
  const pathC = state.pathC.map((p, j) => (1 - cC) * p + h * Math.sqrt(cC * (2 - cC) * muEff) * yw[j])

  const total = weights.reduce((sum, w) => sum + w, 0)
  const kept = 1 + c1 * (1 - h) * cC * (2 - cC) - c1 - cMu * total
  const covariance = state.covariance.map((c) => kept * c)
  addOuter(covariance, c1, pathC)
  for (const [i, { y, length }] of ys.entries())
    addOuter(covariance, cMu * weights[i] * (weights[i] < 0 ? d / Math.max(length * length, 1e-8) : 1), y)
  const { values, vectors } = eigen(covariance, d)
  const lengths = values.map((value) => Math.sqrt(Math.max(value, 1e-14)))
  return { generation, mean, sigma, covariance, lengths, vectors, pathSigma, pathC, stretch: state.stretch }
}

function addOuter(matrix: Float64Array, factor: number, v: Float64Array): void {
  const d = v.length
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) matrix[i * d + j] += factor * v[i] * v[j]
}

/**
 * (x - m) / (σ A) of a trial. Where a hyp does not say the position (whole numbers, the zero of what can be switched off,
 * what exists under another condition) it is drawn again from what the distribution gives its cell, so that selection
 * neither narrows nor moves what it cannot see.
 */
function stepOf(
  { constants, mean, sigma, stretch, covariance }: CmaesState,
  { number, positions }: Told,
): Float64Array {
  const d = constants.numbers.length
  return Float64Array.from(constants.numbers, (axis, j) => {
    const u = positions[constants.columns[j]]
    const scale = sigma * stretch[j]
    const std = scale * Math.sqrt(Math.max(covariance[j * d + j], 1e-14))
    if (Number.isNaN(u)) return (std * normalQuantile(fraction(number, j))) / scale
    const cell = axis.cell(u)
    if (cell === undefined) return (u - mean[j]) / scale
    const from = cell[0] <= 0 ? -Infinity : cell[0]
    const to = cell[1] >= 1 ? Infinity : cell[1]
    return (truncatedNormal(mean[j], std, from, to, fraction(number, j)) - mean[j]) / scale
  })
}

/** A number in (0, 1) that depends on two whole numbers as if by chance (the mixing steps of MurmurHash3). */
function fraction(a: number, b: number): number {
  let h = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca77)
  for (const factor of [0x85ebca6b, 0xc2b2ae35]) h = Math.imul(h ^ (h >>> 15), factor)
  return (((h ^ (h >>> 16)) >>> 0) + 0.5) / 2 ** 32
}

/** How far the probabilities of choices go towards those of the best trials in one generation. */
const shareRate = 0.3

function movedShares({ constants, shares }: CmaesState, ranked: readonly Told[]): Float64Array[] {
  const { weights, parents, columns, numbers, leastShare } = constants
  return shares.map((share, k) => {
    const next = share.slice()
    for (let i = 0; i < parents; i++) {
      const place = ranked[i].positions[columns[numbers.length + k]]
      if (Number.isNaN(place)) continue
      for (let c = 0; c < next.length; c++) next[c] += shareRate * weights[i] * ((c === place ? 1 : 0) - share[c])
    }
    return withLeast(next, leastShare[k])
  })
}

/** The same probabilities with none below `least`; the others give in proportion to what they have above it. */
function withLeast(shares: Float64Array, least: number): Float64Array {
  const raised = shares.map((share) => Math.max(share, least))
  const excess = raised.reduce((sum, share) => sum + share, 0) - 1
  const spare = raised.reduce((sum, share) => sum + share - least, 0)
  return excess <= 0 || spare <= 0 ? raised : raised.map((share) => share - (excess * (share - least)) / spare)
}

/**
 * Keeps the values beside a whole number's most probable one within reach, and the way out of a zero, by moving the mean
 * and stretching the axis. Source: CMA-ES with margin, Hamano et al. (arXiv 2205.13482), section 4.
 */
function withMargin(state: CmaesState): CmaesState {
  const { numbers, margin } = state.constants
  const d = numbers.length
  const [mean, stretch] = [state.mean.slice(), state.stretch.slice()]
  for (const [j, axis] of numbers.entries()) {
    const cell = axis.cell(clip(mean[j], 0, 1))
    if (cell === undefined) {
      mean[j] = clip(mean[j], 0, 1)
      continue
    }
    const [from, to] = cell
    const unstretched = state.sigma * Math.sqrt(Math.max(state.covariance[j * d + j], 1e-14))
    const std = unstretched * stretch[j]
    if (from <= 0 || to >= 1) {
      const reach = std * normalQuantile(1 - margin)
      mean[j] = from <= 0 ? Math.max(mean[j], to - reach) : Math.min(mean[j], from + reach)
      continue
    }
    const below = normalCdf((from - mean[j]) / std)
    const above = normalCdf((mean[j] - to) / std)
    if (below >= margin / 2 && above >= margin / 2) continue
    const inside = 1 - below - above
    const [low, high] = [Math.max(below, margin / 2), Math.max(above, margin / 2)]
    const given = (1 - low - high - inside) / (low + high + inside - (3 * margin) / 2)
    const zLow = normalQuantile(1 - (low + given * (low - margin / 2)))
    const zHigh = normalQuantile(1 - (high + given * (high - margin / 2)))
    mean[j] = (from * zHigh + to * zLow) / (zLow + zHigh)
    stretch[j] = (to - from) / (unstretched * (zLow + zHigh))
  }
  return { ...state, mean, stretch }
}
