// MT19937, the generator below both Python's `random` and NumPy's legacy `np.random`.
// Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998), with the seeding of 2002.

const N = 624
const M = 397

/** State of a {@link MersenneTwister}: 624 words and the position of the next one. */
export interface TwisterState {
  readonly key: Uint32Array
  readonly position: number
}

/** Words of 32 random bits. Start reading at `python-random.ts` or `numpy-random.ts`, which give them a meaning. */
export class MersenneTwister {
  private readonly key = new Uint32Array(N)
  private position = N

  /** Seeds with one word (NumPy's `seed(int)`). */
  seedWord(seed: number): void {
    const key = this.key
    key[0] = seed >>> 0
    for (let i = 1; i < N; i++) {
      const previous = key[i - 1] ^ (key[i - 1] >>> 30)
      key[i] = Math.imul(1812433253, previous) + i
    }
    this.position = N
  }

  /** Seeds with a list of words (Python's `seed(int)`, NumPy's `seed(list)`). */
  seedWords(words: readonly number[]): void {
    this.seedWord(19650218)
    const key = this.key
    let i = 1
    let j = 0
    for (let k = Math.max(N, words.length); k > 0; k--) {
      const previous = key[i - 1] ^ (key[i - 1] >>> 30)
      key[i] = (key[i] ^ Math.imul(previous, 1664525)) + words[j] + j
      if (++i >= N) {
        key[0] = key[N - 1]
        i = 1
      }
      if (++j >= words.length) j = 0
    }
    for (let k = N - 1; k > 0; k--) {
      const previous = key[i - 1] ^ (key[i - 1] >>> 30)
      key[i] = (key[i] ^ Math.imul(previous, 1566083941)) - i
      if (++i >= N) {
        key[0] = key[N - 1]
        i = 1
      }
    }
    key[0] = 0x80000000
    this.position = N
  }

  /** 32 random bits, as a number in [0, 2^32). */
  uint32(): number {
    if (this.position >= N) this.twist()
    let y = this.key[this.position++]
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    y ^= y >>> 18
    return y >>> 0
  }

  /** 53 random bits, as a number in [0, 1). */
  double(): number {
    const high = this.uint32() >>> 5
    const low = this.uint32() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }

  getState(): TwisterState {
    return { key: this.key.slice(), position: this.position }
  }

  setState(state: TwisterState): void {
    this.key.set(state.key)
    this.position = state.position
  }

  private twist(): void {
    const key = this.key
    for (let i = 0; i < N; i++) {
      const y = (key[i] & 0x80000000) | (key[(i + 1) % N] & 0x7fffffff)
      key[i] = key[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
    }
    this.position = 0
  }
}
