// A study as the sum of what happened. Pure; the storages keep it in memory and, one of them, on disk.
import { z } from 'zod'
import { TrialNotRunningError } from '../base/index.ts'
import type { FailedTrial, FinishedTrial, Results, RunningTrial, Trial, WaitingTrial } from '../search/index.ts'

// JSON has no NaN; such numbers are written as text.
const number = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)])

const results: z.ZodType<Results> = z.object({
  precision: number,
  recall: number,
  mAP50: number,
  mAP50to95: number,
  boxLoss: number,
  objLoss: number,
  clsLoss: number,
})

const trialNumber = z.int().nonnegative()
const at = z.string() // ISO 8601

/** One thing that happened in a study. The journal holds one per line; append fields, never change their meaning. */
export const studyEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('created'), at, version: z.literal(1), seed: z.int(), keys: z.array(z.string()) }),
  z.object({
    event: z.literal('added'),
    at,
    number: trialNumber,
    parents: z.array(trialNumber),
    hyp: z.record(z.string(), number),
  }),
  z.object({ event: z.literal('claimed'), at, number: trialNumber }),
  z.object({ event: z.literal('released'), at, number: trialNumber }),
  z.object({ event: z.literal('finished'), at, number: trialNumber, fitness: number, results: results.optional() }),
  z.object({ event: z.literal('failed'), at, number: trialNumber, output: z.array(z.string()) }),
])

export type StudyEvent = z.infer<typeof studyEvent>

/** An event as a line of json, with its end. */
export const eventLine = (event: StudyEvent): string =>
  `${JSON.stringify(event, (_, value) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value))}\n`

type Open = WaitingTrial | RunningTrial

/** The trials after the events so far. */
export class StudyState {
  definition: { readonly seed: number; readonly keys: readonly string[] } | undefined
  readonly #told: (FinishedTrial | FailedTrial)[] = []
  readonly #open = new Map<number, Open>()

  /** Told trials in the order in which they were told, then the others by number. */
  trials(): readonly Trial[] {
    return [...this.#told, ...[...this.#open.values()].sort((a, b) => a.number - b.number)]
  }

  get count(): number {
    return this.#told.length + this.#open.size
  }

  oldestWaiting(): WaitingTrial | undefined {
    return this.trials().find((trial) => trial.state === 'waiting')
  }

  running(): RunningTrial[] {
    return [...this.#open.values()].filter((trial) => trial.state === 'running')
  }

  /** @throws {@link TrialNotRunningError} */
  requireRunning(trialNumber: number): RunningTrial {
    const trial = this.#open.get(trialNumber)
    if (trial?.state === 'running') return trial
    const state = trial?.state ?? this.#told.find(({ number }) => number === trialNumber)?.state ?? 'unknown'
    throw new TrialNotRunningError(trialNumber, state)
  }

  /** @throws {@link TrialNotRunningError} and plain errors if the event cannot happen now; nothing is changed then */
  apply(event: StudyEvent): void {
    if ((event.event === 'created') === (this.definition !== undefined))
      throw new Error(`"${event.event}" ${this.definition ? 'a second time' : 'before "created"'}`)
    switch (event.event) {
      case 'created':
        this.definition = { seed: event.seed, keys: event.keys }
        return
      case 'added': {
        if (event.number !== this.count) throw new Error(`trial ${event.number} where ${this.count} comes next`)
        const { number, hyp, parents } = event
        this.#open.set(number, { state: 'running', number, hyp, parents })
        return
      }
      case 'claimed': {
        const trial = this.#open.get(event.number)
        if (trial?.state !== 'waiting') throw new Error(`trial ${event.number} is claimed, but does not wait`)
        this.#open.set(event.number, { ...trial, state: 'running' })
        return
      }
      case 'released':
        this.#open.set(event.number, { ...this.requireRunning(event.number), state: 'waiting' })
        return
      case 'finished': {
        const { number, hyp, parents } = this.requireRunning(event.number)
        const { fitness, results } = event
        this.#told.push({ state: 'finished', number, hyp, parents, fitness, ...(results ? { results } : {}) })
        this.#open.delete(number)
        return
      }
      case 'failed': {
        const { number, hyp, parents } = this.requireRunning(event.number)
        this.#told.push({ state: 'failed', number, hyp, parents, output: event.output })
        this.#open.delete(number)
        return
      }
    }
  }
}
