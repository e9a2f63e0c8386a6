import { describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import { cholesky, invert, solveLower, solveUpper } from './gp-linear.ts'
import { logImprovement } from './gp-log-ei.ts'
import { minimise } from './gp-minimise.ts'
import { fitParameters, GaussianProcess, type GpData, type GpParameters, posteriorOf } from './gp-model.ts'

/** Derivatives by differences. */
function differences(f: (x: Float64Array) => number, x: ArrayLike<number>, h = 1e-5): number[] {
  return Array.from(x, (_, i) => {
    const at = (step: number) => {
      const moved = Float64Array.from(x)
      moved[i] += step
      return f(moved)
    }
    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
  })
}

/** Two numbers and a choice at three rungs; the same point at several of them. */
function someData(size = 14): GpData {
  const { numpy } = randomFor(7, 1)
  const points = new Float64Array(size * 3)
  for (let i = 0; i < size; i++) {
    const same = i >= 10 ? i - 10 : i
    points.set(
      [i === same ? numpy.random() : points[same * 3], i === same ? numpy.random() : points[same * 3 + 1], same % 3],
      i * 3,
    )
  }
  const rungs = Int32Array.from({ length: size }, (_, i) => (i < 8 ? 0 : i < 10 ? 1 : 2))
  const scores = Float64Array.from(
    { length: size },
    (_, i) => Math.sin(5 * points[3 * i]) + points[3 * i + 1] + 0.1 * numpy.normal(),
  )
  return {
    size,
    isChoice: [false, false, true],
    points,
    rungs,
    rungCount: 3,
    scores,
    doubts: Float64Array.from(rungs, (_, i) => (i === 3 ? 0.8 : 0)),
  }
}

const someParameters: GpParameters = {
  weights: Float64Array.of(3, 0.5, 0.8),
  variances: Float64Array.of(0.7, 1.3, 1.7),
  correlations: Float64Array.of(0.6, 0.9),
  noise: 0.01,
}

/** Solves by Gaussian elimination with pivoting: shares nothing with what is tested. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]])
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows.slice(i).reduce((most, row) => (Math.abs(row[i]) > Math.abs(most[i]) ? row : most))
    rows.splice(rows.indexOf(pivot), 1)
    rows.splice(i, 0, pivot)
    for (const row of rows.slice(i + 1)) {
      const factor = row[i] / pivot[i]
      for (let j = i; j < row.length; j++) row[j] -= factor * pivot[j]
    }
  }
  const x = b.map(() => 0)
  for (let i = rows.length - 1; i >= 0; i--)
    x[i] = (rows[i].at(-1)! - x.reduce((sum, each, j) => (j > i ? sum + each * rows[i][j] : sum), 0)) / rows[i][i]
  return x
}

/** The kernel by its formula. */
function kernel(x: ArrayLike<number>, i: number, y: ArrayLike<number>, j: number): number {
  const { weights, variances, correlations } = someParameters
  const apart = [x[0] - y[0], x[1] - y[1], x[2] === y[2] ? 0 : 1]
  const r = Math.sqrt(apart.reduce((sum, each, k) => sum + weights[k] * each ** 2, 0))
  const matern = (1 + Math.sqrt(5) * r + (5 / 3) * r * r) * Math.exp(-Math.sqrt(5) * r)
  const between = correlations.slice(Math.min(i, j), Math.max(i, j)).reduce((product, each) => product * each, 1)
  return Math.sqrt(variances[i] * variances[j]) * between * matern + (i === j ? 0.5 : 0)
}

const rowOf = (data: GpData, i: number) => data.points.subarray(3 * i, 3 * i + 3)

function direct(data: GpData, point: readonly number[]): { mean: number; variance: number } {
  const all = [...data.rungs.keys()]
  const k = all.map((i) =>
    all.map(
      (j) =>
        kernel(rowOf(data, i), data.rungs[i], rowOf(data, j), data.rungs[j]) + (i === j ? 0.01 + data.doubts[i] : 0),
    ),
  )
  const toPoint = all.map((i) => kernel(point, 2, rowOf(data, i), data.rungs[i]))
  const product = (a: readonly number[]) => a.reduce((sum, each, i) => sum + each * toPoint[i], 0)
  return { mean: product(solve(k, [...data.scores])), variance: 2.2 - product(solve(k, toPoint)) }
}

const predicted = (process: GaussianProcess, point: ArrayLike<number>) => {
  const out = { means: new Float64Array(process.fantasies), variance: 0 }
  process.predict(point, out)
  return out
}

describe('a Gaussian process', () => {
  const data = someData()
  const process = GaussianProcess.of(data, someParameters)!
  const points = [
    [0.2, 0.7, 1],
    [0.9, 0.1, 2],
    [0.5, 0.5, 3],
  ]

  it('says what the formulas say', () => {
    for (const point of points) {
      const { means, variance } = predicted(process, point)
      expect(means[0]).toBeCloseTo(direct(data, point).mean, 10)
      expect(variance).toBeCloseTo(direct(data, point).variance, 10)
    }
  })

  it('says the same as Optuna 5.0.0 (PyTorch 2.14.1) where there is one rung', () => {
    // _gp.gp.GPRegressor.kernel() with 0.5 added to every covariance, solved with NumPy
    const optuna: GpData = {
      ...{
        size: 6,
        isChoice: [false, false, true],
        rungs: new Int32Array(6),
        rungCount: 1,
        doubts: new Float64Array(6),
      },
      points: Float64Array.of(
        ...[0.549, 0.715, 0, 0.545, 0.424, 1, 0.438, 0.892, 2, 0.383, 0.792, 0, 0.568, 0.926, 1, 0.087, 0.02, 1],
      ),
      scores: Float64Array.of(0.444, 0.334, 1.494, -0.205, 0.313, -0.854),
    }
    const parameters = { ...someParameters, variances: Float64Array.of(1.7), correlations: Float64Array.of() }
    const fitted = GaussianProcess.of(optuna, parameters)!
    const [a, b] = [predicted(fitted, [0.2, 0.7, 1]), predicted(fitted, [0.9, 0.1, 2])]
    expect(a.means[0]).toBeCloseTo(-0.4969212448814888, 12)
    expect(b.means[0]).toBeCloseTo(1.2276702565318673, 12)
    expect(a.variance).toBeCloseTo(0.2935808676885878, 12)
    expect(b.variance).toBeCloseTo(1.0677994420876595, 12)
  })

  it('knows the derivatives of what it says', () => {
    for (const point of points) {
      const gradient = new Float64Array(3)
      predicted(process, point)
      process.differentiate(point, [0.7], -0.3, gradient)
      const expected = differences((x) => {
        const { means, variance } = predicted(process, [x[0], x[1], point[2]])
        return 0.7 * means[0] - 0.3 * variance
      }, point)
      expected[2] = 0
      for (const [i, each] of gradient.entries()) expect(each).toBeCloseTo(expected[i], 7)
    }
  })

  it('takes in trainings that run: as a process that was told the fantasy', () => {
    const running = Float64Array.of(0.3, 0.3, 0, 0.8, 0.6, 1)
    const { process: seen, fantasies } = process.withRunning(running, Int32Array.of(2, 0), [
      [0, 0],
      [0.5, -1.2],
    ])!
    expect(seen.fantasies).toBe(2)
    // without noise of their own: what is expected; the second is expected given the first
    expect(fantasies[0][0]).toBeCloseTo(direct(data, [0.3, 0.3, 0]).mean, 10)
    for (const [m, fantasy] of fantasies.entries()) {
      const told: GpData = {
        ...{ size: data.size + 2, isChoice: data.isChoice, rungCount: 3 },
        points: Float64Array.of(...data.points, ...running),
        rungs: Int32Array.of(...data.rungs, 2, 0),
        scores: Float64Array.of(...data.scores, ...fantasy),
        doubts: Float64Array.of(...data.doubts, 0, 0),
      }
      for (const point of points) {
        expect(predicted(seen, point).means[m]).toBeCloseTo(direct(told, point).mean, 9)
        expect(predicted(seen, point).variance).toBeCloseTo(direct(told, point).variance, 9)
      }
    }
  })

  it('fits: the gradient is that of the posterior, and the place found is a minimum', () => {
    const posterior = posteriorOf(data)
    const theta = Float64Array.of(0.3, -0.4, 1.1, -0.2, 0.4, 0.1, 0.7, 2.1, -3)
    const gradient = new Float64Array(9)
    posterior(theta, gradient)
    const unused = new Float64Array(9)
    const expected = differences((x) => posterior(x, unused), theta)
    for (const [i, each] of gradient.entries()) expect(each).toBeCloseTo(expected[i], 6)

    const found = fitParameters(data)
    expect(fitParameters(data)).toEqual(found)
    const logOdds = [...found.correlations].map((each) => Math.log(each / (1 - each)))
    const best = Float64Array.of(
      ...[...found.weights, ...found.variances].map(Math.log),
      ...logOdds,
      Math.log(found.noise),
    )
    const least = posterior(best, gradient)
    for (const i of best.keys())
      for (const step of [-0.3, 0.3]) {
        const moved = best.slice()
        moved[i] += step
        expect(posterior(moved, unused)).toBeGreaterThan(least)
      }
  })

  it('finds out what matters, and how rungs go together', () => {
    const { numpy } = randomFor(5, 5)
    const size = 40
    const points = Float64Array.from({ length: size * 3 }, () => numpy.random())
    const rungs = Int32Array.from({ length: size }, (_, i) => (i % 2 === 0 ? 0 : 1))
    for (let i = 1; i < size; i += 2) points.set(points.subarray(3 * i - 3, 3 * i), 3 * i) // each point at both rungs
    const isChoice = [false, false, false]
    const doubts = new Float64Array(size)
    const score = (sign: number) =>
      Float64Array.from(
        rungs,
        (rung, i) => (rung === 0 ? sign : 1) * Math.sin(6 * points[3 * i]) + 0.05 * numpy.normal(),
      )
    const alike = fitParameters({ size, isChoice, points, rungs, rungCount: 2, doubts, scores: score(1) })
    expect(alike.weights[0]).toBeGreaterThan(10 * alike.weights[1])
    expect(alike.correlations[0]).toBeGreaterThan(0.95)
    const unlike = fitParameters({ size, isChoice, points, rungs, rungCount: 2, doubts, scores: score(-1) })
    expect(unlike.correlations[0]).toBeLessThan(0.6)
  })
})

describe('log expected improvement', () => {
  it('is right to the last digits, in the far tail too', () => {
    // mpmath with 60 digits
    const known: readonly (readonly [z: number, value: number])[] = [
      [-1e5, -5000000023.94479],
      [-1000, -500014.73445209116],
      [-40, -808.29856835662],
      [-25.5, -332.525884462205],
      [-8, -37.12236426169263],
      [-5, -16.74430116266099],
      [-1, -2.4851210257126413],
      [0, -0.9189385332046728],
      [2, 0.6973835457882284],
      [30, 3.4011973816621555],
    ]
    const out = { value: 0, cdf: 0, density: 0 }
    for (const [z, value] of known) {
      logImprovement(z, out)
      expect(Math.abs(out.value - value)).toBeLessThan(1e-11 * Math.max(1, Math.abs(value)))
    }
  })

  it('is the integral, and its derivative Φ / h', () => {
    const out = { value: 0, cdf: 0, density: 0 }
    for (const z of [-8.001, -7.999, -3.001, -2.999, 0.3, 1.5]) {
      // Simpson's rule for ∫ max(0, z + t) φ(t) dt, which begins at t = -z
      const [from, count] = [-z, 20_000]
      const h = (Math.max(12, from + 12) - from) / count
      const f = (t: number) => (z + t) * Math.exp(-0.5 * t * t)
      let sum = 0
      for (let i = 0; i <= count; i++) sum += f(from + i * h) * (i === 0 || i === count ? 1 : i % 2 === 1 ? 4 : 2)
      logImprovement(z, out)
      expect(out.value).toBeCloseTo(Math.log((sum * h) / 3 / Math.sqrt(2 * Math.PI)), 9)
      const { cdf, density } = out
      const [slope] = differences(
        (x) => {
          logImprovement(x[0], out)
          return out.value
        },
        [z],
        1e-4,
      )
      expect(cdf).toBeCloseTo(slope, 7)
      expect(density + z * cdf).toBeCloseTo(1, 9)
    }
  })
})

describe('the minimiser', () => {
  const rosenbrock = (x: Float64Array, gradient: Float64Array) => {
    const [a, b] = x
    gradient[0] = -400 * a * (b - a * a) - 2 * (1 - a)
    gradient[1] = 200 * (b - a * a)
    return 100 * (b - a * a) ** 2 + (1 - a) ** 2
  }

  it('finds a minimum inside, and one at bounds', () => {
    const inside = minimise(rosenbrock, [-1.2, 1], {
      lower: [-2, -2],
      upper: [2, 2],
      maxIterations: 200,
      tolerance: 1e-8,
    })
    expect(inside.x[0]).toBeCloseTo(1, 5)
    expect(inside.x[1]).toBeCloseTo(1, 5)
    const bounded = minimise(rosenbrock, [-1.2, 1], {
      lower: [-2, -2],
      upper: [0.5, 2],
      maxIterations: 200,
      tolerance: 1e-8,
    })
    expect(bounded.x[0]).toBe(0.5)
    expect(bounded.x[1]).toBeCloseTo(0.25, 5)
  })

  it('stays where the function has a value', () => {
    const log = (x: Float64Array, gradient: Float64Array) => {
      gradient[0] = x[0] > 0 ? 1 - 1 / x[0] : 0
      return x[0] > 0 ? x[0] - Math.log(x[0]) : Number.POSITIVE_INFINITY
    }
    expect(minimise(log, [0.01], { lower: [-5], upper: [5], maxIterations: 100 }).x[0]).toBeCloseTo(1, 4)
  })
})

describe('linear algebra', () => {
  it('factors, solves and inverts', () => {
    const { numpy } = randomFor(2, 2)
    for (const n of [1, 4, 13]) {
      const root = Array.from({ length: n }, () => Array.from({ length: n }, () => numpy.normal()))
      const a = root.map((x, i) => root.map((y, j) => x.reduce((sum, each, k) => sum + each * y[k], i === j ? 0.1 : 0)))
      const b = root.map(() => numpy.normal())
      const factor = Float64Array.from(a.flat())
      expect(cholesky(factor, n)).toBe(true)
      const x = Float64Array.from(b)
      solveLower(factor, n, x)
      solveUpper(factor, n, x)
      for (const [i, each] of solve(a, b).entries()) expect(x[i]).toBeCloseTo(each, 8)
      const [inverse, work] = [new Float64Array(n * n), new Float64Array(n * n)]
      invert(factor, n, inverse, work)
      for (let i = 0; i < n; i++) {
        const column = solve(
          a,
          b.map((_, j) => Number(i === j)),
        )
        for (let j = 0; j <= i; j++) expect(inverse[i * n + j]).toBeCloseTo(column[j], 8)
      }
    }
    expect(cholesky(Float64Array.of(1, 0, 2, 1), 2)).toBe(false)
  })
})
