// The search itself: ask, train, tell, on all slots at once, until enough trials are done or somebody interrupts.
import { RepeatedFailureError } from '../base/index.ts'
import type { FailedTrial, FinishedTrial, RunningTrial } from '../search/index.ts'
import type { Study } from '../study/index.ts'
import type { Executor } from './executor.ts'
import type { EpochReport } from './trainer.ts'

/** What happens during {@link runTrials}. */
export type LoopEvent =
  | { readonly type: 'started'; readonly trial: RunningTrial }
  | { readonly type: 'epoch'; readonly trial: RunningTrial; readonly report: EpochReport }
  | { readonly type: 'finished'; readonly trial: FinishedTrial; readonly durationMs: number }
  | { readonly type: 'failed'; readonly trial: FailedTrial; readonly durationMs: number }
  | { readonly type: 'interrupted'; readonly trial: RunningTrial }

export interface LoopOptions {
  readonly study: Study
  readonly executor: Executor
  /** How many trainings to do now, failed ones included; one that was interrupted earlier is the first of them. */
  readonly trials: number
  /** Interrupts trainings in progress; they wait in the study then. */
  readonly signal?: AbortSignal
  /**
   * Keeps a finished trial elsewhere too (evolve.csv), before its event. Trials come one at a time, in the order in
   * which the study was told. If it rejects, the search stops.
   */
  readonly onFinished?: (trial: FinishedTrial) => Promise<void>
  /** Told in order, after the study knows. */
  readonly onEvent?: (event: LoopEvent) => void
}

/** How many trials {@link runTrials} did. */
export interface LoopSummary {
  readonly finished: number
  readonly failed: number
  /** It was interrupted before all were done. */
  readonly interrupted: boolean
}

/** As many failures of the same kind, with nothing that worked before them, are no bad luck. */
const failuresAtStart = 3
/** So many in a row are no bad luck at any time. */
const failuresInARow = 10

/**
 * Trains `trials` trials of the study. A training that fails is recorded and the next one begins.
 *
 * @throws {@link RepeatedFailureError} if trainings fail again and again in the same way, from the start or many in a
 *   row; trials in progress are interrupted
 * @throws what the study, the executor or `onFinished` rejects with; trials in progress are interrupted, and what was
 *   told before is kept
 */
export async function runTrials(options: LoopOptions): Promise<LoopSummary> {
  const { study, executor, trials, onEvent = () => {}, onFinished = async () => {} } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const failures = new FailureWatch()
  const inTurn = sequencer()
  let begun = 0
  let finished = 0
  let failed = 0

  async function trainOne(): Promise<void> {
    const trial = await inTurn(() => study.ask())
    onEvent({ type: 'started', trial })
    const startedAt = performance.now()
    const outcome = await executor
      .run({ trial: trial.number, hyp: trial.hyp }, (report) => onEvent({ type: 'epoch', trial, report }), signal)
      .catch(async (error: unknown) => {
        await inTurn(() => study.release(trial))
        throw error
      })
    const durationMs = performance.now() - startedAt

    await inTurn(async () => {
      if (outcome.state === 'interrupted') {
        await study.release(trial)
        onEvent({ type: 'interrupted', trial })
      } else if (outcome.state === 'finished') {
        const told = await study.tell(trial, outcome.results)
        finished++
        failures.finished()
        await onFinished(told)
        onEvent({ type: 'finished', trial: told, durationMs })
      } else {
        const output = outcome.output.length > 0 ? outcome.output : ['The training failed without a word.']
        await study.fail(trial, output)
        failed++
        onEvent({ type: 'failed', trial: { ...trial, state: 'failed', output }, durationMs })
        failures.failed(output)
      }
    })
  }

  async function serveSlot(): Promise<void> {
    while (begun < trials && !signal.aborted) {
      begun++
      await trainOne()
    }
  }

  const slots = Array.from({ length: Math.min(executor.slots, trials) }, () =>
    serveSlot().catch((error: unknown) => {
      stop.abort()
      throw error
    }),
  )
  const outcomes = await Promise.allSettled(slots)
  const rejected = outcomes.find((outcome) => outcome.status === 'rejected')
  if (rejected) throw rejected.reason
  return { finished, failed, interrupted: finished + failed < trials }
}

/** Counts failures of one kind and throws when they are too many. */
class FailureWatch {
  #anyFinished = false
  #last = ''
  #count = 0

  finished(): void {
    this.#anyFinished = true
    this.#count = 0
  }

  failed(output: readonly string[]): void {
    const text = output.join('\n')
    this.#count = text === this.#last ? this.#count + 1 : 1
    this.#last = text
    const limit = this.#anyFinished ? failuresInARow : failuresAtStart
    if (this.#count >= limit) throw new RepeatedFailureError(this.#count, output)
  }
}

/** A function that runs steps one after another, whether the ones before succeeded or not. */
function sequencer(): <T>(step: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (step) => {
    const result = last.then(step)
    last = result.catch(() => {})
    return result
  }
}
