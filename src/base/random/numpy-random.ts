// NumPy's legacy generator (`np.random.seed`, `np.random.RandomState`), draw for draw.
// Source: NumPy 1.24 numpy/random/mtrand.pyx and src/legacy/legacy-distributions.c.
import { exp, log, pow } from './c-math.ts'
import { MersenneTwister, type TwisterState } from './mersenne-twister.ts'

/** State of a {@link NumpyRandom}; `gaussNext` is the second normal of a pair, kept for the next normal draw. */
export interface NumpyRandomState extends TwisterState {
  readonly gaussNext: number | undefined
}

/** The same numbers as NumPy's `np.random.*` after `np.random.seed(seed)`, in every call below. */
export class NumpyRandom {
  private readonly twister = new MersenneTwister()
  private gaussNext: number | undefined

  /** @param seed - one integer in [0, 2^32), or a list of such, as NumPy takes them */
  constructor(seed: number | readonly number[]) {
    this.seed(seed)
  }

  /** Starts again as after `np.random.seed(seed)`. */
  seed(seed: number | readonly number[]): void {
    if (typeof seed !== 'number') this.twister.seedWords(seed)
    else if (Number.isInteger(seed) && seed >= 0 && seed < 4294967296) this.twister.seedWord(seed)
    else throw new RangeError(`NumPy's seed must be an integer between 0 and 2^32 - 1, not ${seed}`)
    this.gaussNext = undefined
  }

  /** 32 random bits, as a number in [0, 2^32). */
  uint32(): number {
    return this.twister.uint32()
  }

  /** Uniform in [0, 1). */
  random(): number {
    return this.twister.double()
  }

  /** Uniform between `low` and `high`. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * this.twister.double()
  }

  /**
   * Normal distribution. Marsaglia's polar method gives pairs; the second one is kept for the next call (also across
   * `uniform` calls in between).
   */
  normal(mean = 0, std = 1): number {
    return mean + std * this.gauss()
  }

  /** Integer in [0, low) or in [low, high). At most 2^32 different values. */
  randint(low: number, high?: number): number {
    const from = high === undefined ? 0 : low
    const range = (high === undefined ? low : high) - 1 - from
    if (range < 0 || range > 0xffffffff) throw new RangeError(`randint: no range of 1 to 2^32 values: ${low}, ${high}`)
    return from + this.interval(range)
  }

  /** 0 … n-1 in random order. */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i)
    this.shuffle(order)
    return order
  }

  /** Shuffles in place. */
  shuffle(array: { [index: number]: unknown; readonly length: number }): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.interval(i)
      const element = array[i]
      array[i] = array[j]
      array[j] = element
    }
  }

  /** `size` of the numbers 0 … n-1, with equal chances. */
  choice(n: number, size: number, { replace = true }: { replace?: boolean } = {}): number[] {
    if (replace) return Array.from({ length: size }, () => this.randint(n))
    if (size > n) throw new RangeError(`choice: cannot take ${size} of ${n} without replacement`)
    return this.permutation(n).slice(0, size)
  }

  /** Beta distribution, both parameters above 0. */
  beta(a: number, b: number): number {
    if (a <= 1 && b <= 1) {
      // Jöhnk's algorithm
      for (;;) {
        const u = this.random()
        const v = this.random()
        const x = pow(u, 1 / a)
        const y = pow(v, 1 / b)
        const sum = x + y
        if (!(sum <= 1 && u + v > 0)) continue
        if (sum > 0) return x / sum
        const logX = log(u) / a
        const logY = log(v) / b
        const largest = Math.max(logX, logY)
        const differenceX = logX - largest
        return exp(differenceX - log(exp(differenceX) + exp(logY - largest)))
      }
    }
    const ga = this.gamma(a)
    const gb = this.gamma(b)
    return ga / (ga + gb)
  }

  getState(): NumpyRandomState {
    return { ...this.twister.getState(), gaussNext: this.gaussNext }
  }

  setState(state: NumpyRandomState): void {
    this.twister.setState(state)
    this.gaussNext = state.gaussNext
  }

  private gauss(): number {
    if (this.gaussNext !== undefined) {
      const kept = this.gaussNext
      this.gaussNext = undefined
      return kept
    }
    let x1: number
    let x2: number
    let r2: number
    do {
      x1 = 2 * this.twister.double() - 1
      x2 = 2 * this.twister.double() - 1
      r2 = x1 * x1 + x2 * x2
    } while (r2 >= 1 || r2 === 0)
    const f = Math.sqrt((-2 * log(r2)) / r2)
    this.gaussNext = f * x1
    return f * x2
  }

  /** Gamma distribution of scale 1: Marsaglia and Tsang (2000) for shapes above 1, Ahrens and Dieter below. */
  private gamma(shape: number): number {
    if (shape === 1) return -log(1 - this.random())
    if (shape < 1) {
      for (;;) {
        const u = this.random()
        const v = -log(1 - this.random())
        if (u <= 1 - shape) {
          const x = pow(u, 1 / shape)
          if (x <= v) return x
        } else {
          const y = -log((1 - u) / shape)
          const x = pow(1 - shape + shape * y, 1 / shape)
          if (x <= v + y) return x
        }
      }
    }
    const b = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * b)
    for (;;) {
      let x: number
      let v: number
      do {
        x = this.gauss()
        v = 1 + c * x
      } while (v <= 0)
      v = v * v * v
      const u = this.random()
      if (u < 1 - 0.0331 * (x * x) * (x * x)) return b * v
      if (log(u) < 0.5 * x * x + b * (1 - v + log(v))) return b * v
    }
  }

  /** Integer in [0, max]: masked bits, drawn again while too large. No draw at all for max = 0. */
  private interval(max: number): number {
    if (max === 0) return 0
    const mask = 0xffffffff >>> Math.clz32(max)
    let value: number
    do value = (this.twister.uint32() & mask) >>> 0
    while (value > max)
    return value
  }
}
