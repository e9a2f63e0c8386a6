// A Gaussian process over points of the unit cube, observed at one or several rungs: what it says about a full training
// of any point, and the fit of its parameters.
import { cholesky, invert, solveLower, solveUpper } from './gp-linear.ts'
import { minimise } from './gp-minimise.ts'

/** What a process is made from. */
export interface GpData {
  /** How many points. */
  readonly size: number
  /** Of which kind each dimension is: two choices are equal or one apart, numbers as far as they are. */
  readonly isChoice: readonly boolean[]
  /** [size, dimensions], finite. */
  readonly points: Float64Array
  /** The rung of each point, from 0; the highest is a full training. */
  readonly rungs: Int32Array
  readonly rungCount: number
  /** About standardised; larger is better. */
  readonly scores: Float64Array
  /** Variance of what each score is less sure of than the others: 0 for most. */
  readonly doubts: Float64Array
}

export interface GpParameters {
  /** 1 / (length scale)² of each dimension. */
  readonly weights: Float64Array
  /** Variance of each rung. */
  readonly variances: Float64Array
  /** Correlation of each rung with the next one. */
  readonly correlations: Float64Array
  /** Variance of the noise. */
  readonly noise: number
}

/** Variance of the unknown mean of a rung: standardised scores lie about 0, but a few or chosen points mislead. */
const offset = 0.5

const leastNoise = 1e-6

/** Covariances of the rungs: √(v_i v_j) times all correlations on the way from i to j. [rungs, rungs] */
function rungCovariances({ variances, correlations }: GpParameters): Float64Array {
  const count = variances.length
  const b = new Float64Array(count * count)
  for (let i = 0; i < count; i++) {
    let along = 1
    for (let j = i; j < count; j++) {
      if (j > i) along *= correlations[j - 1]
      b[i * count + j] = b[j * count + i] = Math.sqrt(variances[i] * variances[j]) * along
    }
  }
  return b
}

/** A point as it is asked for, and what the process says there. */
export interface Prediction {
  /** One for each fantasy; one where there are none. */
  readonly means: Float64Array
  variance: number
}

/**
 * The process given its observations.
 *
 * k((x, i), (y, j)) = B_ij m(r) + c² [i = j], r² = Σ_d w_d (x_d - y_d)², m the Matérn kernel with ν = 5/2: rungs follow
 * one another as an autoregression does, all with the same length scales (Bonilla et al., "Multi-task Gaussian process
 * prediction", NIPS 2007; Kennedy and O'Hagan, Biometrika 87, 2000), and every rung has a mean of its own, unknown with
 * variance c².
 */
export class GaussianProcess {
  readonly data: GpData
  readonly parameters: GpParameters
  readonly #covariances: Float64Array
  /** Cholesky factor of the covariances of all observations. */
  readonly #factor: Float64Array
  /** L^-1 y */
  readonly #whitened: Float64Array
  /** One row for each fantasy. */
  readonly #alphas: readonly Float64Array[]
  /** Covariance with a full training of the same point, of each observation; and its offset. */
  readonly #amplitude: Float64Array
  readonly #offset: Float64Array
  readonly #k: Float64Array
  readonly #slope: Float64Array
  readonly #beta: Float64Array

  private constructor(
    data: GpData,
    parameters: GpParameters,
    factor: Float64Array,
    whitened: Float64Array,
    alphas: readonly Float64Array[],
  ) {
    const { size, rungCount } = data
    this.data = data
    this.parameters = parameters
    this.#covariances = rungCovariances(parameters)
    this.#factor = factor
    this.#whitened = whitened
    this.#alphas = alphas
    const top = rungCount - 1
    this.#amplitude = Float64Array.from(data.rungs, (rung) => this.#covariances[top * rungCount + rung])
    this.#offset = Float64Array.from(data.rungs, (rung) => (rung === top ? offset : 0))
    this.#k = new Float64Array(size)
    this.#slope = new Float64Array(size)
    this.#beta = new Float64Array(size)
  }

  /** @returns `undefined` where the points lie too close for these parameters */
  static of(data: GpData, parameters: GpParameters): GaussianProcess | undefined {
    const { size } = data
    const factor = new Float64Array(size * size)
    fillCovariances(data, parameters, factor, 0)
    if (!cholesky(factor, size)) return undefined
    const whitened = data.scores.slice()
    solveLower(factor, size, whitened)
    const alpha = whitened.slice()
    solveUpper(factor, size, alpha)
    return new GaussianProcess(data, parameters, factor, whitened, [alpha])
  }

  /** Prior variance of a full training. */
  get priorVariance(): number {
    return this.parameters.variances[this.data.rungCount - 1] + offset
  }

  /** What is said about a full training at `point`. */
  predict(point: ArrayLike<number>, out: Prediction): void {
    this.#covariancesWith(point)
    const size = this.data.size
    const [k, beta] = [this.#k, this.#beta]
    for (let m = 0; m < this.#alphas.length; m++) {
      const alpha = this.#alphas[m]
      let mean = 0
      for (let a = 0; a < size; a++) mean += k[a] * alpha[a]
      out.means[m] = mean
    }
    beta.set(k)
    solveLower(this.#factor, size, beta)
    let explained = 0
    for (let a = 0; a < size; a++) explained += beta[a] * beta[a]
    out.variance = Math.max(this.priorVariance - explained, 1e-12)
  }

  /**
   * The derivative of Σ_m ofMeans[m] means[m] + ofVariance variance at the point that was predicted last; 0 for choices.
   */
  differentiate(
    point: ArrayLike<number>,
    ofMeans: ArrayLike<number>,
    ofVariance: number,
    gradient: Float64Array,
  ): void {
    const { size, isChoice, points } = this.data
    const weights = this.parameters.weights
    const beta = this.#beta
    solveUpper(this.#factor, size, beta)
    const d = isChoice.length
    gradient.fill(0)
    for (let a = 0; a < size; a++) {
      let share = -2 * ofVariance * beta[a]
      for (let m = 0; m < this.#alphas.length; m++) share += ofMeans[m] * this.#alphas[m][a]
      const factor = 2 * share * this.#slope[a]
      const row = a * d
      for (let j = 0; j < d; j++) gradient[j] += factor * (point[j] - points[row + j])
    }
    for (let j = 0; j < d; j++) gradient[j] = isChoice[j] ? 0 : gradient[j] * weights[j]
  }

  /**
   * The process with trainings that run: each of `draws` makes a fantasy of what they will bring, from one standard
   * normal number for each of them (0: what is expected). The variance is that of a process that has seen them.
   *
   * @param points - [count, dimensions]
   * @returns the process, and what each fantasy brings for each point; `undefined` where points lie too close
   */
  withRunning(
    points: Float64Array,
    rungs: Int32Array,
    draws: readonly ArrayLike<number>[],
  ): { readonly process: GaussianProcess; readonly fantasies: readonly Float64Array[] } | undefined {
    const { data, parameters } = this
    const before = data.size
    const size = before + rungs.length
    const all: GpData = {
      ...data,
      size,
      points: joined(data.points, points),
      rungs: Int32Array.from([...data.rungs, ...rungs]),
      scores: joined(data.scores, new Float64Array(rungs.length)),
      doubts: joined(data.doubts, new Float64Array(rungs.length)),
    }
    const factor = new Float64Array(size * size)
    for (let i = 0; i < before; i++) factor.set(this.#factor.subarray(i * before, i * before + i + 1), i * size)
    fillCovariances(all, parameters, factor, before)
    if (!cholesky(factor, size, before)) return undefined
    const fantasies: Float64Array[] = []
    const alphas = draws.map((draw) => {
      const alpha = joined(this.#whitened, Float64Array.from(draw))
      const brought = new Float64Array(rungs.length)
      for (let i = before; i < size; i++)
        for (let k = 0; k <= i; k++) brought[i - before] += factor[i * size + k] * alpha[k]
      fantasies.push(brought)
      solveUpper(factor, size, alpha)
      return alpha
    })
    const whitened = joined(this.#whitened, new Float64Array(rungs.length))
    return { process: new GaussianProcess(all, parameters, factor, whitened, alphas), fantasies }
  }

  /** How many means a prediction has. */
  get fantasies(): number {
    return this.#alphas.length
  }

  /** k: covariances of a full training at `point` with all observations; slope: their derivative by r². */
  #covariancesWith(point: ArrayLike<number>): void {
    const { size, isChoice, points } = this.data
    const { weights } = this.parameters
    const d = isChoice.length
    for (let a = 0; a < size; a++) {
      const row = a * d
      let r2 = 0
      for (let j = 0; j < d; j++) {
        const difference = point[j] - points[row + j]
        r2 += weights[j] * (isChoice[j] ? (difference === 0 ? 0 : 1) : difference * difference)
      }
      const t = Math.sqrt(5 * r2)
      const e = this.#amplitude[a] * Math.exp(-t)
      this.#k[a] = e * (1 + t + (t * t) / 3) + this.#offset[a]
      this.#slope[a] = (-5 / 6) * e * (1 + t)
    }
  }
}

function joined(a: Float64Array, b: Float64Array): Float64Array {
  const all = new Float64Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

/** Covariances of the observations, noise included: the lower half, from row `from` on. */
function fillCovariances(data: GpData, parameters: GpParameters, k: Float64Array, from: number): void {
  const { size, isChoice, points, rungs, rungCount, doubts } = data
  const { weights, noise } = parameters
  const b = rungCovariances(parameters)
  const d = isChoice.length
  for (let a = from; a < size; a++) {
    for (let c = 0; c < a; c++) {
      let r2 = 0
      for (let j = 0; j < d; j++) {
        const difference = points[a * d + j] - points[c * d + j]
        r2 += weights[j] * (isChoice[j] ? (difference === 0 ? 0 : 1) : difference * difference)
      }
      const t = Math.sqrt(5 * r2)
      k[a * size + c] =
        b[rungs[a] * rungCount + rungs[c]] * (1 + t + (t * t) / 3) * Math.exp(-t) + (rungs[a] === rungs[c] ? offset : 0)
    }
    k[a * size + a] = b[rungs[a] * rungCount + rungs[a]] + offset + noise + doubts[a]
  }
}

/** Steps of a fit; half of them where each takes long. */
const mostSteps = 40

/**
 * The most probable parameters, searched from a fixed point: the same data always give the same.
 *
 * Priors: exp(-0.1 (w + 1/w)) for the weights, gamma(2, 1) for variances, gamma(1.1, 30) for the noise (all three as in
 * Optuna 5), normal log-odds for the correlations.
 */
export function fitParameters(data: GpData): GpParameters {
  const d = data.isChoice.length
  const count = data.rungCount
  /** By kind of parameter: weights, variances, log-odds of correlations, noise. */
  const theta = (weight: number, variance: number, odds: number, noise: number) =>
    Float64Array.of(
      ...Array.from({ length: d }, () => weight),
      ...Array.from({ length: count }, () => variance),
      ...Array.from({ length: count - 1 }, () => odds),
      noise,
    )
  const { x } = minimise(posteriorOf(data), theta(0, 0, correlationPrior.mean, Math.log(0.01)), {
    lower: theta(Math.log(1e-4), -5, -3, Math.log(leastNoise)),
    upper: theta(Math.log(1e4), 5, 7, 0),
    maxIterations: data.size > 40 ? mostSteps / 2 : mostSteps,
    tolerance: 1e-2,
  })
  return parametersOf(x, d, count)
}

const correlationPrior = { mean: 2, std: 1.5 }

/** From logarithms (of correlations: log-odds). */
export function parametersOf(theta: Float64Array, d: number, rungCount: number): GpParameters {
  return {
    weights: theta.slice(0, d).map(Math.exp),
    variances: theta.slice(d, d + rungCount).map(Math.exp),
    correlations: theta.slice(d + rungCount, d + 2 * rungCount - 1).map((z) => 1 / (1 + Math.exp(-z))),
    noise: Math.exp(theta[d + 2 * rungCount - 1]),
  }
}

/** The negative logarithm of the posterior of the parameters, up to a constant, with its gradient. */
export function posteriorOf(data: GpData): (theta: Float64Array, gradient: Float64Array) => number {
  const { size, isChoice, points, rungs, rungCount, scores, doubts } = data
  const d = isChoice.length
  const pairs = (size * (size - 1)) / 2
  const apart = new Float64Array(pairs * d)
  for (let a = 0, p = 0; a < size; a++)
    for (let c = 0; c < a; c++, p += d)
      for (let j = 0; j < d; j++) {
        const difference = points[a * d + j] - points[c * d + j]
        apart[p + j] = isChoice[j] ? (difference === 0 ? 0 : 1) : difference * difference
      }
  const matern = new Float64Array(pairs)
  const slope = new Float64Array(pairs)
  const k = new Float64Array(size * size)
  const inverse = new Float64Array(size * size)
  const work = new Float64Array(size * size)
  const alpha = new Float64Array(size)
  const ofB = new Float64Array(rungCount * rungCount)

  return (theta, gradient) => {
    const parameters = parametersOf(theta, d, rungCount)
    const { weights, variances, correlations, noise } = parameters
    const b = rungCovariances(parameters)
    for (let a = 0, p = 0; a < size; a++) {
      for (let c = 0; c < a; c++, p++) {
        let r2 = 0
        for (let j = 0; j < d; j++) r2 += weights[j] * apart[p * d + j]
        const t = Math.sqrt(5 * r2)
        const e = Math.exp(-t)
        matern[p] = (1 + t + (t * t) / 3) * e
        slope[p] = (-5 / 6) * (1 + t) * e
        k[a * size + c] = b[rungs[a] * rungCount + rungs[c]] * matern[p] + (rungs[a] === rungs[c] ? offset : 0)
      }
      k[a * size + a] = b[rungs[a] * rungCount + rungs[a]] + offset + noise + doubts[a]
    }
    if (!cholesky(k, size)) return Number.POSITIVE_INFINITY
    alpha.set(scores)
    solveLower(k, size, alpha)
    let value = 0
    for (let a = 0; a < size; a++) value += 0.5 * alpha[a] * alpha[a] + Math.log(k[a * size + a])
    solveUpper(k, size, alpha)
    invert(k, size, inverse, work)

    gradient.fill(0)
    ofB.fill(0)
    for (let a = 0, p = 0; a < size; a++) {
      for (let c = 0; c < a; c++, p++) {
        const byK = inverse[a * size + c] - alpha[a] * alpha[c]
        const pair = rungs[a] * rungCount + rungs[c]
        ofB[pair] += byK * matern[p]
        const byDistance = byK * b[pair] * slope[p]
        for (let j = 0; j < d; j++) gradient[j] += byDistance * apart[p * d + j]
      }
      const byK = 0.5 * (inverse[a * size + a] - alpha[a] * alpha[a])
      ofB[rungs[a] * rungCount + rungs[a]] += byK
      gradient[d + 2 * rungCount - 1] += byK * noise
    }
    for (let j = 0; j < d; j++) gradient[j] *= weights[j]
    for (let i = 0; i < rungCount; i++)
      for (let j = 0; j < rungCount; j++) {
        const byLog = ofB[i * rungCount + j] * b[i * rungCount + j]
        gradient[d + i] += 0.5 * byLog
        gradient[d + j] += 0.5 * byLog
        for (let l = Math.min(i, j); l < Math.max(i, j); l++)
          gradient[d + rungCount + l] += byLog * (1 - correlations[l])
      }

    // the priors
    for (let j = 0; j < d; j++) {
      value += 0.1 / weights[j] + 0.1 * weights[j]
      gradient[j] += -0.1 / weights[j] + 0.1 * weights[j]
    }
    for (let i = 0; i < rungCount; i++) {
      value += variances[i] - theta[d + i]
      gradient[d + i] += variances[i] - 1
    }
    for (let l = 0; l < rungCount - 1; l++) {
      const z = (theta[d + rungCount + l] - correlationPrior.mean) / correlationPrior.std
      value += 0.5 * z * z
      gradient[d + rungCount + l] += z / correlationPrior.std
    }
    value += 30 * noise - 0.1 * Math.log(noise)
    gradient[d + 2 * rungCount - 1] += 30 * noise - 0.1
    return value
  }
}
