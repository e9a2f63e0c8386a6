// The trials of a study as samplers see them: indexed, so that a proposal need not look at all of them. A cache: it can
// be rebuilt from the trials at any time.
import type { Hyp } from './hyp.ts'
import { hypDigest } from './hyp-digest.ts'
import type { CompleteTrial, EndedTrial, OpenTrial, Trial } from './trial.ts'

/** As many of the fittest are kept in order (the largest pool of a sampler); asking for more sorts all. */
const keptFittest = 1000

/**
 * `ended` and `complete` are in the order in which results were told; all else gives the same answers in whatever order
 * the trials came. Never reads the hyp of a trial whose digest it is given, so that may be read when it is used.
 */
export class History {
  readonly #trials: Trial[] = []
  readonly #ended: EndedTrial[] = []
  readonly #complete: CompleteTrial[] = []
  readonly #searched: EndedTrial[] = []
  readonly #repeats: EndedTrial[] = []
  readonly #open = new Map<number, OpenTrial>()
  readonly #digests = new Set<number>()
  #undigested: Trial[] = []
  #size = 0
  /** Best first; of equals the lower number first. */
  #fittest: CompleteTrial[] = []

  /** @param trials - ended ones in the order in which they were told */
  constructor(trials: Iterable<Trial> = []) {
    for (const trial of trials) this.set(trial)
  }

  /** How many trials there are; the next one gets this number. */
  get size(): number {
    return this.#size
  }

  /** Ended trials in the order in which they were told: the order of the originals' tables. */
  get ended(): readonly EndedTrial[] {
    return this.#ended
  }

  /** Ended trials that the search proposed: all but repeats. In the order in which they were told. */
  get searched(): readonly EndedTrial[] {
    return this.#searched
  }

  /** Ended trials that trained a hyp again, to confirm it. In the order in which they were told. */
  get repeats(): readonly EndedTrial[] {
    return this.#repeats
  }

  /** Complete trials in the order in which they were told, without repeats. */
  get complete(): readonly CompleteTrial[] {
    return this.#complete
  }

  /** Running and waiting trials by number. */
  get open(): readonly OpenTrial[] {
    return [...this.#open.values()].sort((a, b) => a.number - b.number)
  }

  get(number: number): Trial | undefined {
    return this.#trials[number]
  }

  /** Whether some trial, whatever became of it, has exactly these values. */
  hasHyp(hyp: Hyp): boolean {
    for (const trial of this.#undigested) this.#digests.add(hypDigest(trial.hyp))
    this.#undigested = []
    return this.#digests.has(hypDigest(hyp))
  }

  /**
   * The `count` fittest complete trials (no repeats), best first; of equals the lower number first. Those that break a
   * constraint come last.
   */
  fittest(count: number): readonly CompleteTrial[] {
    if (count <= this.#fittest.length || this.#fittest.length === this.#complete.length)
      return this.#fittest.slice(0, count)
    return [...this.#complete].sort(fitterFirst).slice(0, count)
  }

  /**
   * Adds a trial, or what became of it.
   *
   * @param digest - `hypDigest` of its hyp, where it is known; else it is computed when it is needed
   */
  set(trial: Trial, digest?: number): void {
    const before = this.#trials[trial.number]
    if (before && before.state !== 'waiting' && before.state !== 'running')
      throw new Error(`trial ${trial.number} has ended and cannot change`)
    this.#trials[trial.number] = trial
    if (!before) {
      this.#size++
      if (digest === undefined) this.#undigested.push(trial)
      else this.#digests.add(digest)
    }
    if (trial.state === 'waiting' || trial.state === 'running') {
      this.#open.set(trial.number, trial)
      return
    }
    this.#open.delete(trial.number)
    this.#ended.push(trial)
    if (trial.repeats !== undefined) {
      this.#repeats.push(trial)
      return
    }
    this.#searched.push(trial)
    if (trial.state !== 'complete') return
    this.#complete.push(trial)
    this.#rank(trial)
  }

  #rank(trial: CompleteTrial): void {
    let low = 0
    let high = this.#fittest.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (fitterFirst(trial, this.#fittest[middle]) < 0) high = middle
      else low = middle + 1
    }
    if (low === keptFittest) return
    this.#fittest.splice(low, 0, trial)
    if (this.#fittest.length > keptFittest) this.#fittest.length = keptFittest
  }
}

/** What breaks a constraint comes behind all that does not; what breaks it less before what breaks it more. */
const fitterFirst = (a: CompleteTrial, b: CompleteTrial) =>
  brokenBy(a) - brokenBy(b) || b.fitness - a.fitness || a.number - b.number

const brokenBy = ({ violation = 0 }: CompleteTrial) => (Number.isFinite(violation) ? violation : Number.MAX_VALUE)
