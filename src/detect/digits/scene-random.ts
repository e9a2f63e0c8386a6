// Random numbers of the digit scenes. They are part of the data set's definition, so they never change and use nothing
// that another machine could compute differently (no sine, no logarithm).

/** sfc32 (Chris Doty-Humphrey), seeded by up to three words. */
export class SceneRandom {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(...seed: readonly number[]) {
    this.a = (seed[0] ?? 0) | 0
    this.b = (seed[1] ?? 0) | 0
    this.c = (seed[2] ?? 0) | 0
    for (let i = 0; i < 15; i++) this.next()
  }

  /** Uniform in [0, 1). */
  next(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (this.c << 21) | (this.c >>> 11)
    this.c = (this.c + t) | 0
    return (t >>> 0) / 4294967296
  }

  /** Uniform between two numbers. */
  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  /** Integer from `low` up to and including `high`. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}
