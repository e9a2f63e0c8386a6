// The densities of TPE: a kernel around every trial, all hyperparameters at once, and a wide one over everything.
import type { Random } from '../../base/index.ts'
import { logNormalMass, normalCdf, truncatedNormal } from './normal.ts'
import type { Axis } from './unit-cube.ts'

const rootTwoPi = Math.sqrt(2 * Math.PI)

/**
 * A weighted mixture of products of kernels over some axes. Numbers have normal kernels cut off at 0 and 1, in whole
 * numbers and in the zero of what can be switched off their mass in the cell; choices have a probability per choice.
 *
 * Source: Watanabe, "Tree-Structured Parzen Estimator" (arXiv 2304.11127), section 3, in the form of Optuna: bandwidths
 * from neighbours, weights that ramp, and the prior as one more kernel.
 */
export class Mixture {
  readonly #axes: readonly Axis[]
  readonly #size: number
  readonly #cumulative: Float64Array
  readonly #kernels: readonly Kernels[]
  /** Of each component, what does not depend on the point. */
  readonly #constants: Float64Array

  /**
   * @param columns - of each axis, the positions of all trials, oldest first
   * @param count - number of trials
   */
  constructor(axes: readonly Axis[], columns: readonly Float64Array[], count: number) {
    this.#axes = axes
    this.#size = count + 1
    const weights = rampedWeights(count)
    const total = weights.reduce((sum, weight) => sum + weight)
    this.#cumulative = new Float64Array(this.#size)
    weights.reduce((sum, weight, k) => (this.#cumulative[k] = sum + weight / total), 0)
    this.#kernels = axes.map((axis, j) =>
      axis.kind === 'choice' ? new ChoiceKernels(columns[j], axis.choices.length) : new NumberKernels(columns[j], axis),
    )
    this.#constants = Float64Array.from(weights, (weight) => Math.log(weight / total))
    for (const { constants } of this.#kernels)
      if (constants) for (let k = 0; k < this.#size; k++) this.#constants[k] += constants[k]
  }

  /** A point drawn from it: one uniform number for the component, one for each axis. */
  draw({ numpy }: Random): Float64Array {
    const u = numpy.random()
    const found = this.#cumulative.findIndex((share) => u < share)
    const component = found < 0 ? this.#size - 1 : found
    return Float64Array.from(this.#axes, (_, j) => this.#kernels[j].draw(component, numpy.random()))
  }

  /** Logarithm of the density at a point (up to a term that is the same for every mixture over these axes). */
  logDensity(point: ArrayLike<number>): number {
    const logs = this.#constants.slice()
    for (const [j, kernels] of this.#kernels.entries()) kernels.add(logs, point[j])
    let largest = -Infinity
    for (let k = 0; k < logs.length; k++) if (logs[k] > largest) largest = logs[k]
    if (largest === -Infinity) return -Infinity
    let sum = 0
    for (let k = 0; k < logs.length; k++) {
      const below = logs[k] - largest
      if (below > -40) sum += Math.exp(below) // else it is lost in rounding
    }
    return largest + Math.log(sum)
  }
}

/** The newest 25 count in full, older ones less the older they are; the last weight is the prior's. */
export function rampedWeights(count: number): number[] {
  const full = 25
  const older = count - full
  const ramp = (k: number) => (older <= 1 ? 1 / count : 1 / count + (k / (older - 1)) * (1 - 1 / count))
  return [...Array.from({ length: count }, (_, k) => (k < older ? ramp(k) : 1)), 1]
}

/** The kernels of one axis, one for each component; the last is the prior's. */
interface Kernels {
  /** Of each component's log density, what does not depend on the point. */
  readonly constants: Float64Array | undefined
  /** Adds each component's log density at a position. */
  add(logs: Float64Array, position: number): void
  draw(component: number, u: number): number
}

class NumberKernels implements Kernels {
  /** Everything but the square: of points, or of cells, whose mass is a density times their width where they are narrow. */
  readonly constants: Float64Array
  readonly #means: Float64Array
  readonly #stds: Float64Array
  /** 1 / (√2 std) */
  readonly #scales: Float64Array
  readonly #logStds: Float64Array
  #narrowest: number
  readonly #cell: (u: number) => readonly [number, number] | undefined
  /** The masses of cells that were asked for: there are few of them, and many candidates. */
  readonly #ofCell = new Map<number, Float64Array>()

  constructor(observed: Float64Array, axis: Extract<Axis, { kind: 'number' }>) {
    const size = observed.length + 1
    this.#cell = (u) => axis.cell(u)
    this.#means = new Float64Array(size).fill(0.5)
    this.#means.set(observed)
    this.#stds = new Float64Array(size).fill(1)
    this.#stds.set(bandwidths(observed))
    this.#scales = new Float64Array(size)
    this.#logStds = new Float64Array(size)
    this.#narrowest = 1
    this.constants = new Float64Array(size)
    for (let k = 0; k < size; k++) {
      const mean = this.#means[k]
      const std = this.#stds[k]
      this.#scales[k] = Math.SQRT1_2 / std
      this.#logStds[k] = Math.log(std)
      if (std < this.#narrowest) this.#narrowest = std
      const cut = normalCdf(-mean / std) + normalCdf((mean - 1) / std) // what lies beyond the bounds
      this.constants[k] = -Math.log1p(-cut) - this.#logStds[k]
    }
  }

  add(logs: Float64Array, position: number): void {
    const cell = this.#cell(position)
    const width = cell === undefined ? 1 : cell[1] - cell[0]
    if (cell !== undefined && width > this.#narrowest / 4) {
      const masses = this.#masses(cell)
      for (let k = 0; k < logs.length; k++) logs[k] += masses[k]
      return
    }
    const factor = cell === undefined ? 0 : Math.log(width / rootTwoPi)
    const means = this.#means
    const scales = this.#scales
    for (let k = 0; k < logs.length; k++) {
      const z = (position - means[k]) * scales[k]
      logs[k] += factor - z * z
    }
  }

  draw(component: number, u: number): number {
    const position = truncatedNormal(this.#means[component], this.#stds[component], 0, 1, u)
    const cell = this.#cell(position)
    return cell === undefined ? position : (cell[0] + cell[1]) / 2
  }

  /** Logarithms of the masses, less the part of the constants that belongs to densities. */
  #masses([from, to]: readonly [number, number]): Float64Array {
    const known = this.#ofCell.get(from)
    if (known) return known
    const masses = new Float64Array(this.#means.length)
    for (let k = 0; k < masses.length; k++) {
      const mean = this.#means[k]
      const std = this.#stds[k]
      masses[k] = logNormalMass((from - mean) / std, (to - mean) / std) + this.#logStds[k]
    }
    this.#ofCell.set(from, masses)
    return masses
  }
}

/**
 * Standard deviations of the kernels: the larger distance to the two neighbours, the outermost ones' to their only
 * neighbour (a single one's to the farther bound), at least 1 / min(100, 2 + n). Equal ones are neighbours too.
 */
export function bandwidths(observed: Float64Array): Float64Array {
  const n = observed.length
  if (n === 1) return observed.map((u) => Math.max(u, 1 - u))
  const sorted = observed.slice().sort()
  const smallest = 1 / Math.min(100, 2 + n)
  const taken = new Int32Array(n)
  const stds = new Float64Array(n)
  for (let k = 0; k < n; k++) {
    const u = observed[k]
    const first = lowerBound(sorted, u)
    const place = first + taken[first]++
    const left = place > 0 ? u - sorted[place - 1] : 0
    const right = place < n - 1 ? sorted[place + 1] - u : 0
    stds[k] = Math.max(left, right, smallest)
  }
  return stds
}

/** The first place of a value that is in a sorted list. */
function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

class ChoiceKernels implements Kernels {
  readonly constants = undefined
  readonly #observed: Float64Array
  readonly #count: number
  readonly #chosen: number
  readonly #other: number

  constructor(observed: Float64Array, count: number) {
    this.#observed = observed
    this.#count = count
    const share = 1 / (observed.length + 1) // of the prior, on every choice
    this.#chosen = (1 + share) / (1 + count * share)
    this.#other = share / (1 + count * share)
  }

  add(logs: Float64Array, position: number): void {
    const [chosen, other] = [Math.log(this.#chosen), Math.log(this.#other)]
    for (let k = 0; k < this.#observed.length; k++) logs[k] += this.#observed[k] === position ? chosen : other
    logs[this.#observed.length] -= Math.log(this.#count)
  }

  draw(component: number, u: number): number {
    if (component === this.#observed.length) return Math.floor(u * this.#count)
    // the observed choice has the first part of [0, 1), the others share the rest
    const extra = this.#chosen - this.#other
    if (u < extra) return this.#observed[component]
    return Math.min(Math.floor((u - extra) / this.#other), this.#count - 1)
  }
}
