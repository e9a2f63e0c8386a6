// A search space as a Gaussian process sees it: hyps as points, and where the next one should lie.
import type { Random } from '../../base/index.ts'
import type { Hyp } from '../hyp.ts'
import { type LogImprovement, logImprovement } from './gp-log-ei.ts'
import { minimise } from './gp-minimise.ts'
import type { GaussianProcess, Prediction } from './gp-model.ts'
import { truncatedNormal } from './normal.ts'
import type { UnitCube } from './unit-cube.ts'

/** Whole numbers with up to so many values are gone through; beyond that they count as continuous. */
const mostListed = 16

/** What a process sees of a cube. */
export interface GpCube {
  readonly cube: UnitCube
  readonly isChoice: readonly boolean[]
  /** Of each dimension, the positions that are gone through: choices, few whole numbers, the zero of a switch. */
  readonly listed: readonly (readonly number[])[]
  /** Where all of a dimension is listed: no gradient is followed. */
  readonly isDiscrete: readonly boolean[]
  readonly conditional: boolean
  /**
   * The point of the hyp that these positions mean: whole numbers in the middle of their stretch. What a hyp does not
   * have lies in the middle, a choice on a place of its own: that the hyp is another kind, the choice that the condition
   * asks for says already. All distances are those of some Euclidean space, so all kernels are sound.
   */
  settle(positions: ArrayLike<number>, point: Float64Array): void
  pointOf(hyp: Hyp): Float64Array
}

const cubes = new WeakMap<UnitCube, GpCube>()

export function gpCube(cube: UnitCube): GpCube {
  const known = cubes.get(cube)
  if (known) return known
  const made = makeCube(cube)
  cubes.set(cube, made)
  return made
}

function makeCube(cube: UnitCube): GpCube {
  const { axes } = cube
  const conditional = cube.groups.length > 1
  const listed = axes.map((axis) => {
    if (axis.kind === 'choice') return axis.choices.map((_, place) => place)
    const places: number[] = []
    for (let u = 0; u < 1 && places.length <= mostListed; ) {
      const cell = axis.cell(u)
      if (cell === undefined) break
      places.push((cell[0] + cell[1]) / 2)
      u = cell[1] + 1e-9
    }
    return places.length > mostListed ? [] : places
  })
  const isDiscrete = axes.map(
    (axis, j) => axis.kind === 'choice' || (axis.cell(0.999999) !== undefined && listed[j].length > 0),
  )
  const absent = axes.map((axis) => (axis.kind === 'choice' ? axis.choices.length : 0.5))
  const fill = (positions: ArrayLike<number>, point: Float64Array) => {
    for (let j = 0; j < axes.length; j++) {
      const axis = axes[j]
      const u = positions[j]
      if (Number.isNaN(u)) point[j] = absent[j]
      else if (axis.kind === 'choice') point[j] = u
      else {
        const cell = axis.cell(u)
        point[j] = cell ? (cell[0] + cell[1]) / 2 : u
      }
    }
  }
  return {
    cube,
    isChoice: axes.map(({ kind }) => kind === 'choice'),
    listed,
    isDiscrete,
    conditional,
    settle(positions, point) {
      fill(positions, point)
      if (!conditional) return
      for (let j = 0; j < axes.length; j++) if (!cube.has(j, positions)) point[j] = absent[j]
    },
    pointOf(hyp) {
      const point = new Float64Array(axes.length)
      fill(cube.toPositions(hyp), point)
      return point
    },
  }
}

/** Log expected improvement of full trainings, averaged over the fantasies. */
export class Acquisition {
  readonly process: GaussianProcess
  /** What is to be improved on, for each fantasy. */
  readonly #thresholds: ArrayLike<number>
  readonly #prediction: Prediction
  readonly #logs: Float64Array
  readonly #part: LogImprovement = { value: 0, cdf: 0, density: 0 }
  readonly #ofMeans: Float64Array
  readonly #ofDeviations: Float64Array

  constructor(process: GaussianProcess, thresholds: ArrayLike<number>) {
    this.process = process
    this.#thresholds = thresholds
    const count = process.fantasies
    this.#prediction = { means: new Float64Array(count), variance: 0 }
    this.#logs = new Float64Array(count)
    this.#ofMeans = new Float64Array(count)
    this.#ofDeviations = new Float64Array(count)
  }

  value(point: ArrayLike<number>): number {
    this.process.predict(point, this.#prediction)
    const { means, variance } = this.#prediction
    const deviation = Math.sqrt(variance)
    let largest = Number.NEGATIVE_INFINITY
    for (let m = 0; m < means.length; m++) {
      logImprovement((means[m] - this.#thresholds[m]) / deviation, this.#part)
      this.#logs[m] = this.#part.value
      this.#ofMeans[m] = this.#part.cdf / deviation
      this.#ofDeviations[m] = this.#part.density / deviation
      largest = Math.max(largest, this.#part.value)
    }
    let sum = 0
    for (let m = 0; m < means.length; m++) {
      this.#logs[m] = Math.exp(this.#logs[m] - largest)
      sum += this.#logs[m]
    }
    // shares of the fantasies in the mean
    for (let m = 0; m < means.length; m++) this.#logs[m] /= sum
    return largest + Math.log(sum / means.length) + Math.log(deviation)
  }

  valueWithGradient(point: ArrayLike<number>, gradient: Float64Array): number {
    const value = this.value(point)
    let ofDeviation = 0
    for (let m = 0; m < this.#logs.length; m++) {
      this.#ofMeans[m] *= this.#logs[m]
      ofDeviation += this.#logs[m] * this.#ofDeviations[m]
    }
    const deviation = Math.sqrt(this.#prediction.variance)
    this.process.differentiate(point, this.#ofMeans, ofDeviation / (2 * deviation), gradient)
    return value
  }
}

export interface MaximiseOptions {
  readonly candidates: number
  /** Candidates that are climbed from. */
  readonly ascents: number
  /** Steps of each, at most. */
  readonly steps: number
  /** Positions that are good: candidates are drawn around them too, and the first is climbed from. */
  readonly incumbents: readonly ArrayLike<number>[]
  readonly random: Random
}

/** Positions of the cube, the most promising first: where the ascents ended, then the candidates. */
export function promising(acquisition: Acquisition, space: GpCube, options: MaximiseOptions): Float64Array[] {
  const { candidates, ascents, steps, random } = options
  // what an incumbent does not have may be needed when a choice of it changes
  const incumbents = options.incumbents.map((positions) =>
    Float64Array.from(space.cube.axes, ({ start }, j) => (Number.isNaN(positions[j]) ? start : positions[j])),
  )
  const d = space.isChoice.length
  const point = new Float64Array(d)
  const measure = (positions: ArrayLike<number>) => {
    space.settle(positions, point)
    return acquisition.value(point)
  }
  const all = Array.from({ length: candidates }, (_, i) => {
    const isNear = i % 2 === 1 && incumbents.length > 0
    const positions = isNear
      ? drawNear(space, incumbents[(i >> 1) % incumbents.length], random)
      : drawEvenly(space, random)
    return { positions, value: measure(positions) }
  }).sort((a, b) => b.value - a.value)

  const starts = spread(all, ascents, random)
  for (const positions of incumbents.slice(0, 1)) starts.push({ positions, value: measure(positions) })
  const climbed = starts
    .map((start) => climb(acquisition, space, start, steps, measure))
    .sort((a, b) => b.value - a.value)
  return [...climbed, ...all].map(({ positions }) => positions)
}

interface Place {
  readonly positions: Float64Array
  readonly value: number
}

/** The best candidate, and others drawn with chances in proportion to their expected improvement. */
function spread(sorted: readonly Place[], count: number, { numpy }: Random): Place[] {
  const chosen = sorted.slice(0, 1)
  const rest = sorted.slice(1)
  while (chosen.length < count && rest.length > 0) {
    const chances = rest.map(({ value }) => Math.exp(value - sorted[0].value))
    let at = numpy.random() * chances.reduce((sum, each) => sum + each, 0)
    let i = 0
    for (; i < rest.length - 1 && at >= chances[i]; i++) at -= chances[i]
    chosen.push(...rest.splice(i, 1))
  }
  return chosen
}

function drawEvenly({ cube }: GpCube, { numpy }: Random): Float64Array {
  return Float64Array.from(cube.axes, (axis) => {
    const u = numpy.random()
    return axis.kind === 'choice' ? Math.floor(u * axis.choices.length) : u
  })
}

/** Some of the numbers moved a little, some of the choices drawn anew; at least one of all. */
function drawNear({ cube }: GpCube, center: ArrayLike<number>, { numpy }: Random): Float64Array {
  const d = cube.axes.length
  const share = Math.max(1 / d, Math.min(1, numpy.random()))
  const std = 0.2 * 10 ** (-1.5 * numpy.random())
  const surely = Math.floor(numpy.random() * d)
  return Float64Array.from(cube.axes, (axis, j) => {
    const [moves, u] = [numpy.random() < share, numpy.random()]
    const at = center[j]
    if (axis.kind === 'choice') return moves ? Math.floor(u * axis.choices.length) : at
    return moves || j === surely ? truncatedNormal(at, std, 0, 1, u) : at
  })
}

/** Gradients along the numbers and trial of all that is listed, in turns, as long as that helps. */
function climb(
  acquisition: Acquisition,
  space: GpCube,
  start: Place,
  steps: number,
  measure: (positions: ArrayLike<number>) => number,
): Place {
  let place = start
  for (let round = 0; round < 3; round++) {
    const ascended = ascend(acquisition, space, place, steps, measure)
    const better = goThrough(space, ascended, measure)
    const isDone = better === ascended || better.value <= place.value + 1e-4
    place = better
    if (isDone) break
  }
  return place
}

/** Whole numbers and zeros count as continuous on the way. */
function ascend(
  acquisition: Acquisition,
  space: GpCube,
  start: Place,
  steps: number,
  measure: (positions: ArrayLike<number>) => number,
): Place {
  const d = space.isChoice.length
  const point = new Float64Array(d)
  space.settle(start.positions, point)
  const free = [...point.keys()].filter((j) => !space.isDiscrete[j] && space.cube.has(j, start.positions))
  if (free.length === 0) return start
  for (const j of free) point[j] = start.positions[j]
  const gradient = new Float64Array(d)
  // steps in length scales: along each dimension the function is then about equally curved
  const scales = free.map((j) => 1 / Math.sqrt(acquisition.process.parameters.weights[j]))
  const objective = (x: Float64Array, g: Float64Array) => {
    for (let i = 0; i < free.length; i++) point[free[i]] = x[i] * scales[i]
    const value = acquisition.valueWithGradient(point, gradient)
    for (let i = 0; i < free.length; i++) g[i] = -gradient[free[i]] * scales[i]
    return -value
  }
  const { x } = minimise(
    objective,
    free.map((j, i) => start.positions[j] / scales[i]),
    {
      lower: scales.map(() => 0),
      upper: scales.map((scale) => 1 / scale),
      maxIterations: steps,
      tolerance: 1e-3,
    },
  )
  const positions = start.positions.slice()
  for (let i = 0; i < free.length; i++) positions[free[i]] = Math.min(x[i] * scales[i], 1)
  const value = measure(positions)
  return value > start.value ? { positions, value } : start
}

function goThrough({ cube, listed }: GpCube, start: Place, measure: (positions: ArrayLike<number>) => number): Place {
  let place = start
  for (let j = 0; j < listed.length; j++) {
    if (!cube.has(j, place.positions)) continue
    for (const each of listed[j]) {
      if (each === place.positions[j]) continue
      const positions = place.positions.slice()
      positions[j] = each
      const value = measure(positions)
      if (value > place.value) place = { positions, value }
    }
  }
  return place
}
