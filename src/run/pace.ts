// How long trainings take, by those that came to their end.
import { costOf, type History, type ProposedTrial, rungsOf, type Schedule } from '../search/index.ts'
import type { AttemptRecord } from '../study/index.ts'

/** Mean time of an epoch over all trainings so far; of a whole training, where a study has no schedule. */
export class Pace {
  readonly #schedule: Schedule | undefined
  #epochs = 0
  #ms = 0

  constructor(schedule: Schedule | undefined) {
    this.#schedule = schedule
  }

  /** Takes in what was done before, here or elsewhere, in one go each. */
  learn(history: History, attempts: readonly AttemptRecord[]): void {
    for (const { trial: number, attempt, startedAt, endedAt, ending } of attempts) {
      const trial = history.get(number)
      const known = ending === 'complete' || (ending === 'pruned' && this.#schedule !== undefined)
      // A later attempt may have gone on with what an earlier one did.
      if (attempt !== 1 || !known || endedAt === undefined || !trial) continue
      this.add(trial, Date.parse(endedAt) - Date.parse(startedAt))
    }
  }

  /** A training that has ended. */
  add(trial: Trained, ms: number): void {
    if (!(ms >= 0)) return
    this.#epochs += this.#lengthOf(trial)
    this.#ms += ms
  }

  /** `undefined`: nobody can tell yet. */
  get secondsPerEpoch(): number | undefined {
    return this.#epochs === 0 ? undefined : this.#ms / this.#epochs / 1000
  }

  /** Expected; 0 if nobody can tell yet. */
  msOf(trial: Trained): number {
    return this.#lengthOf(trial) * this.#msPerEpoch
  }

  /** Of the shortest training that the study could grant. */
  get msOfShortest(): number {
    const schedule = this.#schedule
    const shortest = schedule?.rungs === 'restart' ? rungsOf(schedule)[0] : schedule?.epochs
    return (shortest ?? 1) * this.#msPerEpoch
  }

  get #msPerEpoch(): number {
    return 1000 * (this.secondsPerEpoch ?? 0)
  }

  #lengthOf(trial: Trained): number {
    return this.#schedule === undefined ? 1 : costOf(trial, this.#schedule) * this.#schedule.epochs
  }
}

/** `epochs`: that it was trained, if it was stopped early. */
type Trained = ProposedTrial & { readonly epochs?: number }
