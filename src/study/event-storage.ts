// What both storages share: each method becomes an event, which is kept and then applied. Steps run one after another.
import type { Hyp, RunningTrial, Trial } from '../search/index.ts'
import type { Storage, StudyDefinition, TrialResult } from './storage.ts'
import { type StudyEvent, StudyState } from './study-state.ts'

/** An event before it is stamped with its time. */
type Unstamped<Event> = Event extends unknown ? Omit<Event, 'at'> : never

/** A storage that holds the state in memory and hands every event to `keep` first. */
export abstract class EventStorage implements Storage {
  protected readonly state: StudyState
  readonly #now: () => Date
  #last: Promise<unknown> = Promise.resolve()

  constructor(now: () => Date, state = new StudyState()) {
    this.#now = now
    this.state = state
  }

  /** Makes the event durable; if it rejects, the event did not happen. */
  protected abstract keep(event: StudyEvent): Promise<void>

  abstract close(): Promise<void>

  openStudy({ seed, keys }: StudyDefinition): Promise<StudyDefinition> {
    return this.inTurn(async () => {
      if (!this.state.definition) await this.#happen({ event: 'created', version: 1, seed, keys: [...keys] })
      return this.state.definition!
    })
  }

  async trials(): Promise<readonly Trial[]> {
    return this.state.trials()
  }

  claimTrial(): Promise<RunningTrial | undefined> {
    return this.inTurn(async () => {
      const waiting = this.state.oldestWaiting()
      if (!waiting) return undefined
      await this.#happen({ event: 'claimed', number: waiting.number })
      return this.state.requireRunning(waiting.number)
    })
  }

  addTrial(number: number, hyp: Hyp, parents: readonly number[]): Promise<RunningTrial | undefined> {
    return this.inTurn(async () => {
      if (number !== this.state.count) return undefined
      await this.#happen({ event: 'added', number, parents: [...parents], hyp: { ...hyp } })
      return this.state.requireRunning(number)
    })
  }

  releaseTrial(number: number): Promise<void> {
    return this.#end({ event: 'released', number })
  }

  finishTrial(number: number, { fitness, results }: TrialResult): Promise<void> {
    return this.#end({ event: 'finished', number, fitness, ...(results ? { results } : {}) })
  }

  failTrial(number: number, output: readonly string[]): Promise<void> {
    return this.#end({ event: 'failed', number, output: [...output] })
  }

  /** Runs a step after all earlier ones, whether they failed or not. */
  protected inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#last.then(step)
    this.#last = result.catch(() => {})
    return result
  }

  #end(event: Unstamped<Extract<StudyEvent, { event: 'released' | 'finished' | 'failed' }>>): Promise<void> {
    return this.inTurn(async () => {
      this.state.requireRunning(event.number)
      await this.#happen(event)
    })
  }

  async #happen(event: Unstamped<StudyEvent>): Promise<void> {
    const stamped = { ...event, at: this.#now().toISOString() } as StudyEvent
    await this.keep(stamped)
    this.state.apply(stamped)
  }
}
