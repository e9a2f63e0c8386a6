// Python's module `random`, draw for draw (CPython 3.11 Lib/random.py and Modules/_randommodule.c).
import { log } from './c-math.ts'
import { MersenneTwister, type TwisterState } from './mersenne-twister.ts'
import { preciseCosSin } from './precise.ts'

/** State of a {@link PythonRandom}; `gaussNext` is the second normal of a pair, kept for the next call of `gauss`. */
export interface PythonRandomState extends TwisterState {
  readonly gaussNext: number | undefined
}

/** The same numbers as Python's `random` after `random.seed(seed)`, in every call below. */
export class PythonRandom {
  private readonly twister = new MersenneTwister()
  private gaussNext: number | undefined

  /** @param seed - an integer of any size; its sign is ignored, as in Python */
  constructor(seed: number | bigint) {
    this.seed(seed)
  }

  /** Starts again as after `random.seed(seed)`. */
  seed(seed: number | bigint): void {
    let rest = BigInt(seed)
    if (rest < 0n) rest = -rest
    const words: number[] = []
    do {
      words.push(Number(rest & 0xffffffffn))
      rest >>= 32n
    } while (rest > 0n)
    this.twister.seedWords(words)
    this.gaussNext = undefined
  }

  /** Uniform in [0, 1). */
  random(): number {
    return this.twister.double()
  }

  /** Uniform between `a` and `b`. */
  uniform(a: number, b: number): number {
    return a + (b - a) * this.random()
  }

  /** `bits` random bits as an integer, 0 <= bits <= 53. */
  getrandbits(bits: number): number {
    if (bits <= 0) return 0
    if (bits <= 32) return this.twister.uint32() >>> (32 - bits)
    const low = this.twister.uint32()
    return (this.twister.uint32() >>> (64 - bits)) * 4294967296 + low
  }

  /** Integer in [a, b], both ends included. */
  randint(a: number, b: number): number {
    return this.randrange(a, b + 1)
  }

  /** Integer in [0, start) or in [start, stop), every `step`. */
  randrange(start: number, stop?: number, step = 1): number {
    const low = stop === undefined ? 0 : start
    const high = stop === undefined ? start : stop
    const count = Math.ceil((high - low) / step)
    if (count <= 0) throw new RangeError(`empty range for randrange(${low}, ${high}, ${step})`)
    return low + step * this.below(count)
  }

  /** One element. */
  choice<T>(sequence: ArrayLike<T>): T {
    if (sequence.length === 0) throw new RangeError('cannot choose from an empty sequence')
    return sequence[this.below(sequence.length)]
  }

  /**
   * `k` elements, with replacement, by weight if weights are given.
   *
   * @throws RangeError if the weights have no finite sum above 0 (Python: ValueError)
   */
  choices<T>(population: ArrayLike<T>, weights?: ArrayLike<number>, k = 1): T[] {
    const n = population.length
    if (!weights) return Array.from({ length: k }, () => population[Math.floor(this.random() * n)])
    if (weights.length !== n) throw new RangeError(`${weights.length} weights for ${n} elements`)
    const cumulative: number[] = []
    let total = 0
    for (let i = 0; i < n; i++) cumulative.push((total += weights[i]))
    if (total <= 0) throw new RangeError('Total of weights must be greater than zero')
    if (!Number.isFinite(total)) throw new RangeError('Total of weights must be finite')
    return Array.from({ length: k }, () => population[bisectRight(cumulative, this.random() * total, n - 1)])
  }

  /** `k` different elements, in the order drawn. */
  sample<T>(population: ArrayLike<T>, k: number): T[] {
    const n = population.length
    if (k < 0 || k > n) throw new RangeError(`sample of ${k} from ${n} elements`)
    const setSize = 21 + (k > 5 ? 4 ** Math.ceil(Math.log(k * 3) / Math.log(4)) : 0)
    if (n <= setSize) {
      const pool = Array.from(population)
      return Array.from({ length: k }, (_, i) => {
        const j = this.below(n - i)
        const chosen = pool[j]
        pool[j] = pool[n - i - 1]
        return chosen
      })
    }
    const selected = new Set<number>()
    while (selected.size < k) selected.add(this.below(n)) // a repeated index is drawn again, as there
    return Array.from(selected, (index) => population[index])
  }

  /** Shuffles in place. */
  shuffle(array: { [index: number]: unknown; readonly length: number }): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const element = array[i]
      array[i] = array[j]
      array[j] = element
    }
  }

  /** Normal distribution. Every second call takes the value kept by the call before. */
  gauss(mean = 0, std = 1): number {
    let z = this.gaussNext
    this.gaussNext = undefined
    if (z === undefined) {
      const angle = this.random() * (2 * Math.PI)
      const radius = Math.sqrt(-2 * log(1 - this.random()))
      const [cos, sin] = preciseCosSin(angle)
      z = cos * radius
      this.gaussNext = sin * radius
    }
    return mean + z * std
  }

  getState(): PythonRandomState {
    return { ...this.twister.getState(), gaussNext: this.gaussNext }
  }

  setState(state: PythonRandomState): void {
    this.twister.setState(state)
    this.gaussNext = state.gaussNext
  }

  /** Integer in [0, n): as many bits as n has, drawn again while too large (`_randbelow_with_getrandbits`). */
  private below(n: number): number {
    const bits = bitLength(n)
    let r = this.getrandbits(bits)
    while (r >= n) r = this.getrandbits(bits)
    return r
  }
}

const bitLength = (n: number) => (n < 4294967296 ? 32 - Math.clz32(n) : 64 - Math.clz32(Math.floor(n / 4294967296)))

/** First index in [0, high] whose value is above x; `high` if there is none before it. */
function bisectRight(sorted: readonly number[], x: number, high: number): number {
  let low = 0
  while (low < high) {
    const middle = (low + high) >>> 1
    if (x < sorted[middle]) high = middle
    else low = middle + 1
  }
  return low
}
