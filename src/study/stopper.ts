// What stops trainings that do not promise enough, in studies whose rungs are points of a whole training: the pruner,
// with the curves of all other trainings at hand.
import { type Pruner, pruners, rungsOf, type Schedule } from '../search/index.ts'
import type { Storage } from './storage.ts'

/** By epochs: `[e]` is the fitness after e epochs. */
type Curve = (number | undefined)[]

export class Stopper {
  readonly #rungs: readonly number[]
  readonly #pruner: Pruner<unknown>
  readonly #options: unknown
  /** A cache: what the storage has up to {@link #sequence}. */
  readonly #curves = new Map<number, Curve>()
  #sequence = 0

  /** @returns `undefined` if the study stops no training */
  static of(schedule: Schedule | undefined): Stopper | undefined {
    if (schedule?.rungs !== 'stop') return undefined
    const pruner = pruners[schedule.pruner.name as keyof typeof pruners] as Pruner<unknown>
    return pruner.neverStops ? undefined : new Stopper(schedule, pruner)
  }

  private constructor(schedule: Schedule, pruner: Pruner<unknown>) {
    this.#rungs = rungsOf(schedule)
    this.#pruner = pruner
    this.#options = pruner.options.parse(schedule.pruner.options)
  }

  /**
   * Whether a training that has come to an epoch goes on. Its report is stored already.
   *
   * One call at a time.
   */
  async verdict(storage: Storage, study: number, number: number, epoch: number): Promise<'continue' | 'stop'> {
    await this.#refresh(storage, study)
    const others = new Map(this.#curves)
    others.delete(number)
    // An earlier attempt may have come further.
    const curve = this.#curves.get(number)?.slice(0, epoch + 1) ?? []
    return this.#pruner.verdict({ rungs: this.#rungs, number, epoch, curve, others }, this.#options)
  }

  /** Reads only what is new. */
  async #refresh(storage: Storage, study: number): Promise<void> {
    for (;;) {
      const { sequence, reports } = await storage.reports(study, this.#sequence, portion)
      for (const { trial, epoch, fitness } of reports) this.#curveOf(trial)[epoch] = fitness
      this.#sequence = sequence
      if (reports.length < portion) return
    }
  }

  #curveOf(trial: number): Curve {
    let curve = this.#curves.get(trial)
    if (!curve) this.#curves.set(trial, (curve = []))
    return curve
  }
}

/** Reports that are read at once. */
const portion = 20_000
