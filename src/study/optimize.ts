// The loop of a library user: ask, call the objective, tell; several at once if wanted.
import { SearchSpaceExhaustedError } from '../base/index.ts'
import { costOf, type Hyp, type Metrics, type RunningTrial } from '../search/index.ts'
import type { Study } from './study.ts'

/** A trial in the hands of an objective. */
export interface ObjectiveTrial<H extends Hyp = Hyp> extends RunningTrial<H> {
  /** Aborted when the study is to stop at once: end what runs, and throw or return anything. */
  readonly signal: AbortSignal
  /**
   * Keeps what an epoch (or another step, from 1) measured: metrics, or one number.
   *
   * @returns `stop` if it is not worth going on (studies with `rungs: 'stop'` only). Then return what was reached: the
   *   trial ends as pruned after this epoch.
   */
  report(epoch: number, outcome: Metrics | number): Promise<'continue' | 'stop'>
}

/**
 * Computes what is to be maximized or minimized, or several metrics if the study has a fitness expression. In a study with
 * trainings of different length it trains for `trial.fidelity` epochs.
 */
export type Objective<H extends Hyp = Hyp> = (trial: ObjectiveTrial<H>) => number | Metrics | Promise<number | Metrics>

export interface OptimizeOptions {
  /**
   * Trials of the study in all, with those of earlier runs and of other processes; failed ones count. If the study was to
   * have more, this call ends at so many all the same. With trainings of different length: so many full trainings' worth
   * of epochs, which are more trials.
   */
  readonly trials: number
  /** Trials at the same time, in this process. Default 1. */
  readonly parallel?: number
  /** Ends the loop; trials in progress wait for the next run. */
  readonly signal?: AbortSignal
  /**
   * Which errors of the objective only fail their trial. Others end the loop, after their trial was recorded as failed.
   * Default none.
   */
  readonly catch?: boolean | ((error: unknown) => boolean)
}

/**
 * Runs the study until it has its trials, nothing untried is left of its space, the signal is aborted, or a stop is
 * requested.
 *
 * @throws what the objective throws, unless `catch` allows it; trials in progress then end first
 */
export async function optimize<H extends Hyp>(
  study: Study<H>,
  objective: Objective<H>,
  { trials, parallel = 1, signal, catch: tolerated = false }: OptimizeOptions,
): Promise<void> {
  await study.extend(trials)
  const broken = new AbortController()
  const anySignal = signal ? AbortSignal.any([signal, broken.signal]) : broken.signal

  async function runOne(trial: RunningTrial<H>): Promise<void> {
    let outcome: number | Metrics
    let stoppedAt: number | undefined
    try {
      outcome = await objective({
        ...trial,
        signal: anySignal,
        report: async (epoch, measured) => {
          const verdict = await study.report(trial, epoch, measured)
          // Whoever goes on all the same is not stopped.
          stoppedAt = verdict === 'stop' ? epoch : undefined
          return verdict
        },
      })
    } catch (error) {
      if (anySignal.aborted) {
        await study.release(trial)
        return
      }
      await study.fail(trial, { failure: 'crash', output: errorLines(error) })
      if (typeof tolerated === 'function' ? tolerated(error) : tolerated) return
      throw error
    }
    if (anySignal.aborted) await study.release(trial)
    else if (stoppedAt !== undefined) await study.prune(trial, { epochs: stoppedAt, metrics: outcome })
    else await study.tell(trial, outcome)
  }

  function isAllGivenOut(): boolean {
    const { history, schedule, spent, target = trials } = study
    if (!schedule) return history.size >= trials
    if (target <= trials) return false // the study says when it is over
    return history.open.reduce((sum, trial) => sum + costOf(trial, schedule), spent) > trials - 1e-9
  }

  async function next(): Promise<RunningTrial<H> | undefined> {
    const { history } = study
    if (isAllGivenOut() && !history.open.some(({ state }) => state === 'waiting')) return undefined
    return study.ask().catch((error: unknown) => {
      if (error instanceof SearchSpaceExhaustedError) return undefined
      throw error
    })
  }

  let last: Promise<unknown> = study.refresh()
  /** One after another, so that none goes beyond the number. */
  function nextInTurn(): Promise<RunningTrial<H> | undefined> {
    const result = last.then(next)
    last = result.catch(() => {})
    return result
  }

  async function serve(): Promise<void> {
    while (!anySignal.aborted) {
      const trial = await nextInTurn()
      if (!trial) return
      await runOne(trial)
    }
  }

  const lanes = Array.from({ length: parallel }, () =>
    serve().catch((error: unknown) => {
      broken.abort()
      throw error
    }),
  )
  const rejected = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected')
  if (rejected) throw rejected.reason
}

/** The last lines of a stack, or what was thrown. */
function errorLines(error: unknown): string[] {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error)
  return text.split('\n').slice(0, 20)
}
