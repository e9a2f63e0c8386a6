// A minimiser for smooth functions of some tens of numbers between bounds: what fits a Gaussian process and finds the
// best place of its acquisition function.

/** Gives the value at `x` and writes the gradient there. A value that is not finite says: not here. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number

export interface MinimiseOptions {
  readonly lower: ArrayLike<number>
  readonly upper: ArrayLike<number>
  readonly maxIterations: number
  /** It ends where no entry of the projected gradient is larger. */
  readonly tolerance?: number
}

export interface Minimum {
  readonly x: Float64Array
  readonly value: number
}

const memory = 8

/**
 * L-BFGS on the entries that are not held at a bound, steps projected onto the box, with backtracking.
 *
 * Sources: Nocedal and Wright, "Numerical Optimization", algorithms 7.4 and 3.1; the projection as in Bertsekas,
 * "Projected Newton methods" (SIAM J. Control 20, 1982).
 *
 * @param start - within the bounds
 */
export function minimise(objective: Objective, start: ArrayLike<number>, options: MinimiseOptions): Minimum {
  const { lower, upper, maxIterations, tolerance = 1e-5 } = options
  const n = start.length
  let x = Float64Array.from(start)
  let gradient = new Float64Array(n)
  let value = objective(x, gradient)
  let next = new Float64Array(n)
  let nextGradient = new Float64Array(n)
  const direction = new Float64Array(n)
  const steps: Pair[] = []

  for (let iteration = 0; iteration < maxIterations && Number.isFinite(value); iteration++) {
    const held = (i: number) => (x[i] <= lower[i] && gradient[i] > 0) || (x[i] >= upper[i] && gradient[i] < 0)
    let largest = 0
    for (let i = 0; i < n; i++) {
      direction[i] = held(i) ? 0 : -gradient[i]
      largest = Math.max(largest, Math.abs(direction[i]))
    }
    if (largest <= tolerance) break
    bend(direction, steps)
    let slope = 0
    for (let i = 0; i < n; i++) {
      if (held(i)) direction[i] = 0
      slope += direction[i] * gradient[i]
    }
    if (!(slope < 0)) {
      // the remembered curvature does not fit here
      steps.length = 0
      slope = 0
      for (let i = 0; i < n; i++) {
        direction[i] = held(i) ? 0 : -gradient[i]
        slope += direction[i] * gradient[i]
      }
    }
    // without a memory a step of one is of no known size
    let length = steps.length === 0 ? Math.min(1, 0.25 / largest) : 1
    let nextValue = Number.POSITIVE_INFINITY
    let improves = false
    for (let attempt = 0; attempt < 25; attempt++, length *= attempt < 3 ? 0.5 : 0.2) {
      let gain = 0
      for (let i = 0; i < n; i++) {
        next[i] = Math.min(Math.max(x[i] + length * direction[i], lower[i]), upper[i])
        gain += gradient[i] * (next[i] - x[i])
      }
      nextValue = objective(next, nextGradient)
      improves = nextValue <= value + 1e-4 * gain && gain < 0
      if (improves) break
    }
    if (!improves) break
    remember(steps, x, next, gradient, nextGradient)
    const fall = value - nextValue
    ;[x, next] = [next, x]
    ;[gradient, nextGradient] = [nextGradient, gradient]
    value = nextValue
    if (fall <= 1e-9 * Math.max(1, Math.abs(value))) break
  }
  return { x, value }
}

interface Pair {
  readonly s: Float64Array
  readonly y: Float64Array
  /** 1 / (y·s) */
  readonly rho: number
}

function remember(
  steps: Pair[],
  x: Float64Array,
  next: Float64Array,
  gradient: Float64Array,
  nextGradient: Float64Array,
): void {
  const s = next.map((each, i) => each - x[i])
  const y = nextGradient.map((each, i) => each - gradient[i])
  const product = dot(s, y)
  if (!(product > 1e-10 * dot(y, y))) return
  if (steps.length === memory) steps.shift()
  steps.push({ s, y, rho: 1 / product })
}

/** The two-loop recursion: the direction times the approximate inverse of the second derivatives. */
function bend(direction: Float64Array, steps: readonly Pair[]): void {
  const shares: number[] = []
  for (let k = steps.length - 1; k >= 0; k--) {
    const { s, y, rho } = steps[k]
    const share = rho * dot(s, direction)
    shares[k] = share
    for (let i = 0; i < direction.length; i++) direction[i] -= share * y[i]
  }
  const last = steps.at(-1)
  if (last) {
    const scale = 1 / (last.rho * dot(last.y, last.y))
    for (let i = 0; i < direction.length; i++) direction[i] *= scale
  }
  for (const [k, { s, y, rho }] of steps.entries()) {
    const share = shares[k] - rho * dot(y, direction)
    for (let i = 0; i < direction.length; i++) direction[i] += share * s[i]
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
