// The search itself: ask, train, tell, on all slots at once, until the study has all its trials or somebody stops it.
import { setTimeout as delay } from 'node:timers/promises'
import { TrialNotRunningError } from '../base/index.ts'
import type {
  CompleteTrial,
  EndedTrial,
  FailedTrial,
  FailureClass,
  Metrics,
  PrunedTrial,
  RunningTrial,
  WaitingTrial,
} from '../search/index.ts'
import type { Study } from '../study/index.ts'
import { checkDiskSpace } from './disk-space.ts'
import type { Executor } from './executor.ts'
import { isRetried, repeatedFailure } from './failures.ts'
import { Keeper, type KeepPolicy } from './keep.ts'
import { Pace } from './pace.ts'
import type { EpochReport, Outcome, SlotResources, TrainJob } from './trainer.ts'
import { openTrialFolder } from './trial-folder.ts'

/** What happens during {@link runTrials}. */
export type LoopEvent =
  | { readonly type: 'started'; readonly trial: RunningTrial; readonly slot: SlotResources }
  | { readonly type: 'epoch'; readonly trial: RunningTrial; readonly report: EpochReport }
  | { readonly type: 'complete'; readonly trial: CompleteTrial; readonly durationMs: number }
  /** It came to the end of the rung that it was granted: a training of its own, shorter than a full one. */
  | { readonly type: 'rung'; readonly trial: PrunedTrial; readonly durationMs: number }
  /** A hyp was trained again, to confirm what it brought. */
  | { readonly type: 'repeat'; readonly trial: CompleteTrial; readonly durationMs: number }
  /** It was stopped early, or trained in another way than was asked for. */
  | { readonly type: 'pruned'; readonly trial: PrunedTrial; readonly durationMs: number }
  | { readonly type: 'failed'; readonly trial: FailedTrial; readonly durationMs: number }
  /** The training failed in a way that may be bad luck: it waits for another attempt. */
  | {
      readonly type: 'retry'
      readonly trial: WaitingTrial
      readonly failure: FailureClass
      readonly output: readonly string[]
      readonly durationMs: number
    }
  /** Interrupted: the trial waits and is given out first next time. */
  | { readonly type: 'released'; readonly trial: RunningTrial }
  /** Another process was given this trial meanwhile (this one slept too long); what was trained here does not count. */
  | { readonly type: 'lost'; readonly trial: RunningTrial }
  /** Nothing is left to begin, but other processes still train; this one waits in case one of them vanishes. */
  | { readonly type: 'waiting'; readonly running: number }
  | { readonly type: 'warning'; readonly text: string }

export interface LoopOptions {
  readonly study: Study
  readonly executor: Executor
  /** Folder of the study; each trial gets `trials/<number>/` in it. Without one nothing is written. */
  readonly folder?: string
  /** Seed of every training's own random numbers, as YOLOv5's; repeats count on from it. Default 0. */
  readonly seed?: number
  /** Whose weights stay in the trials' folders; default `none`. */
  readonly keep?: KeepPolicy
  /** Less room than this on the folder's disk and no training is begun; default 256 MiB. */
  readonly minFreeBytes?: number
  /** What process lists call the study, as `exp2`; default its name. */
  readonly title?: string
  /** Interrupts trainings in progress; they wait in the study then. */
  readonly signal?: AbortSignal
  /**
   * When the search is to be over, in ms since the epoch; asked anew before each training, `undefined`: never. After it no
   * training is begun, nor one that would overrun it by more than a tenth of its own length, by the mean of those so far.
   * Those in progress go on to their end.
   */
  readonly deadline?: () => number | undefined
  /** Clock of the deadline; default that of the system. */
  readonly now?: () => number
  /**
   * Called with each complete trial before its event, one at a time, in the order in which the study was told (to write
   * evolve.csv). Rungs are not complete, and repeats do not belong there. If it rejects, the search stops.
   */
  readonly onComplete?: (trial: CompleteTrial) => Promise<void>
  /** Told in order, after the study knows. */
  readonly onEvent?: (event: LoopEvent) => void
  /** How often to look for a stop request and for trials that others left; default 2000. */
  readonly pollMs?: number
}

/** What {@link runTrials} did. */
export interface LoopSummary {
  /** Full trainings that the search proposed. */
  readonly complete: number
  /** Stopped early, or trained in another way than was asked for. */
  readonly pruned: number
  readonly failed: number
  /** That came to the end of their rung. */
  readonly rungs: number
  /** That confirm others. */
  readonly repeats: number
  /** All trials of the study have ended, the signal interrupted it, `hypevolve stop` did, or its time is over. */
  readonly ended: 'target' | 'interrupted' | 'stopped' | 'deadline'
}

/**
 * Trains trials of the study until it gives out no more. A training that fails is recorded and the next one begins.
 *
 * @throws {@link RepeatedFailureError} if trainings fail again and again in the same way, from the start or many in a
 *   row; trials in progress are interrupted
 * @throws {@link DiskSpaceError} before the disk is full
 * @throws what the study, the executor or `onComplete` rejects with; trials in progress are interrupted, and what was
 *   told before is kept
 */
export async function runTrials(options: LoopOptions): Promise<LoopSummary> {
  return await new Loop(options).run()
}

class Loop {
  readonly #options: LoopOptions
  readonly #study: Study
  readonly #keeper: Keeper | undefined
  readonly #stop = new AbortController()
  readonly #inTurn = sequencer()
  readonly #counts = { complete: 0, pruned: 0, failed: 0, rungs: 0, repeats: 0 }
  readonly #pace: Pace
  readonly #now: () => number
  /** Trials that this process trains now. */
  #own = 0
  #stopRequested = false
  #toldWaiting = false
  #toldLength = false
  /** The deadline kept a training from being begun. */
  #late = false

  constructor(options: LoopOptions) {
    this.#options = options
    this.#study = options.study
    const { folder, keep = { kind: 'none' } } = options
    this.#keeper = folder === undefined ? undefined : new Keeper(options.study, folder, keep)
    this.#pace = new Pace(options.study.schedule)
    this.#now = options.now ?? Date.now
  }

  async run(): Promise<LoopSummary> {
    const { signal, executor } = this.#options
    const interrupt = () => this.#stop.abort()
    if (signal?.aborted) interrupt()
    signal?.addEventListener('abort', interrupt, { once: true })
    try {
      await this.#tidy()
      if (this.#options.deadline) this.#pace.learn(this.#study.history, await this.#study.attempts())
      const slots = executor.slots.map(() => this.#guarded(() => this.#serveSlot()))
      const watch = this.#guarded(() => this.#watchStopRequests(Promise.allSettled(slots)))
      const rejected = (await Promise.allSettled([...slots, watch])).find((outcome) => outcome.status === 'rejected')
      if (rejected) throw rejected.reason
      await this.#tidy()
    } finally {
      signal?.removeEventListener('abort', interrupt)
    }
    const late = this.#late && !this.#study.isFinished
    const ended = this.#stopRequested ? 'stopped' : signal?.aborted ? 'interrupted' : late ? 'deadline' : 'target'
    return { ...this.#counts, ended }
  }

  /** One slot's part: trial after trial. */
  async #serveSlot(): Promise<void> {
    const { folder, minFreeBytes } = this.#options
    while (!this.#stop.signal.aborted) {
      if (!this.#isInTime()) return
      if (folder !== undefined) await checkDiskSpace(folder, minFreeBytes)
      const trial = await this.#study.ask()
      if (trial && !this.#isInTime(trial)) {
        await this.#study.release(trial)
        return
      }
      if (trial) {
        this.#own++
        await this.#train(trial).finally(() => this.#own--)
      } else if (!(await this.#mayComeMore())) return
    }
  }

  /** Whether a training may begin now: this one, or the shortest that there could be. */
  #isInTime(trial?: RunningTrial): boolean {
    const deadline = this.#options.deadline?.()
    if (deadline === undefined) return true
    const now = this.#now()
    const ms = trial ? this.#pace.msOf(trial) : this.#pace.msOfShortest
    const inTime = now < deadline && now + (1 - overrun) * ms <= deadline
    if (!inTime) this.#late = true
    return inTime
  }

  /** After `ask` gave nothing: waits a moment if trials of other processes could still come back. */
  async #mayComeMore(): Promise<boolean> {
    if (await this.#study.stopRequested()) {
      this.#requestStop()
      return false
    }
    const { waiting, running } = await this.#study.counts()
    const others = waiting + running - this.#own
    if (others <= 0) return false
    if (!this.#toldWaiting) this.#emit({ type: 'waiting', running: others })
    this.#toldWaiting = true
    await this.#pause()
    return true
  }

  async #train(trial: RunningTrial): Promise<void> {
    const { executor } = this.#options
    const startedAt = performance.now()
    const begun = this.#now()
    const training = new AbortController()
    const interrupt = () => training.abort()
    if (this.#stop.signal.aborted) interrupt()
    this.#stop.signal.addEventListener('abort', interrupt, { once: true })
    const reports = new Reports(this.#study, trial, interrupt)
    try {
      const job = await this.#job(trial)
      const listener = {
        onStart: (slot: SlotResources) => this.#emit({ type: 'started', trial, slot }),
        onEpoch: (report: EpochReport) => {
          reports.add(report)
          this.#emit({ type: 'epoch', trial, report })
        },
      }
      const outcome = await executor.run(job, listener, training.signal)
      await reports.finish()
      const durationMs = performance.now() - startedAt
      if (outcome.state === 'complete' && trial.attempt === 1) this.#pace.add(trial, this.#now() - begun)
      await this.#inTurn(() => this.#conclude(trial, outcome, reports, durationMs))
    } catch (error) {
      if (error instanceof TrialNotRunningError) return this.#emit({ type: 'lost', trial })
      // Whatever broke: nobody trains this trial any more. If even that cannot be said, the worker's end says it.
      await this.#study.release(trial).catch(() => {})
      throw error
    } finally {
      this.#stop.signal.removeEventListener('abort', interrupt)
    }
  }

  async #job(trial: RunningTrial): Promise<TrainJob> {
    const { folder, seed = 0, title = this.#study.name } = this.#options
    const { number, attempt, hyp, fidelity, repetition = 0 } = trial
    const { schedule } = this.#study
    const job = {
      ...{ trial: number, attempt, hyp, title: `${title} trial ${number}` },
      seed: (seed + repetition) % 2 ** 31,
      ...(schedule && fidelity !== undefined && { length: { epochs: fidelity, full: schedule.epochs } }),
    }
    return folder === undefined ? job : { ...job, directory: await openTrialFolder(folder, trial) }
  }

  /** Tells the study how a training ended. One after the other, so that files and events come in told order. */
  async #conclude(trial: RunningTrial, outcome: Outcome, reports: Reports, durationMs: number): Promise<void> {
    if (outcome.state === 'failed') return this.#fail(trial, outcome, durationMs)
    if (outcome.state === 'complete' && outcome.reduced !== undefined) {
      const { metrics } = outcome
      const told = await this.#study.prune(trial, { epochs: reports.epochs, metrics, compared: false })
      await this.#ended(told)
      this.#emit({
        type: 'warning',
        text: `Trial ${trial.number} was trained ${outcome.reduced}: it is kept, but not compared with the others.`,
      })
      return this.#emit({ type: 'pruned', trial: told, durationMs })
    }
    if (outcome.state === 'complete') {
      const told = await this.#study.tell(trial, outcome.metrics)
      if (told.state === 'failed') return this.#failed(told, durationMs)
      this.#checkLength(trial, reports)
      if (told.state === 'pruned') {
        await this.#ended(told, 'rungs')
        return this.#emit({ type: 'rung', trial: told, durationMs })
      }
      if (told.repeats !== undefined) {
        await this.#ended(told, 'repeats')
        return this.#emit({ type: 'repeat', trial: told, durationMs })
      }
      await this.#ended(told)
      await this.#options.onComplete?.(told)
      return this.#emit({ type: 'complete', trial: told, durationMs })
    }
    if (!reports.pruned) {
      await this.#study.release(trial)
      return this.#emit({ type: 'released', trial })
    }
    const told = await this.#study.prune(trial, { epochs: reports.epochs, metrics: reports.metrics })
    await this.#ended(told)
    this.#emit({ type: 'pruned', trial: told, durationMs })
  }

  async #fail(
    trial: RunningTrial,
    { failure, output: said }: Extract<Outcome, { state: 'failed' }>,
    durationMs: number,
  ): Promise<void> {
    const output = said.length > 0 ? said : ['The training failed without a word.']
    const retry = isRetried(failure, await this.#study.attempts(trial.number))
    const told = await this.#study.fail(trial, { failure, output, retry })
    if (told.state === 'failed') return this.#failed(told, durationMs)
    this.#emit({ type: 'retry', trial: told, failure, output, durationMs })
  }

  async #failed(trial: FailedTrial, durationMs: number): Promise<void> {
    await this.#ended(trial)
    this.#emit({ type: 'failed', trial, durationMs })
    const repeated = repeatedFailure(this.#study.history.ended)
    if (repeated) throw repeated
  }

  /** A trainer that trains longer than it is asked to makes rungs meaningless: said once. */
  #checkLength({ number, fidelity }: RunningTrial, { epochs }: Reports): void {
    if (fidelity === undefined || epochs <= fidelity || this.#toldLength) return
    this.#toldLength = true
    this.#emit({
      type: 'warning',
      text: `Trial ${number} was granted ${fidelity} epochs and trained ${epochs}: its trainer does not keep to the number that it is told, so short trainings cost more than they are counted for.`,
    })
  }

  async #ended(trial: EndedTrial, as: Exclude<keyof LoopSummary, 'ended'> = trial.state): Promise<void> {
    this.#counts[as]++
    await this.#keeper?.ended(trial).catch((error: unknown) => this.#warnOfFiles(error))
  }

  async #tidy(): Promise<void> {
    await this.#keeper?.sweep().catch((error: unknown) => this.#warnOfFiles(error))
  }

  /** Weights that cannot be deleted end no search. */
  #warnOfFiles(error: unknown): void {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error
    this.#emit({ type: 'warning', text: `Old weights could not be deleted: ${(error as Error).message}` })
  }

  async #watchStopRequests(slots: Promise<unknown>): Promise<void> {
    let working = true
    void slots.then(() => {
      working = false
      this.#stop.abort() // ends the pause below
    })
    while (working && !this.#stop.signal.aborted) {
      await this.#pause()
      if (working && !this.#stop.signal.aborted && (await this.#study.stopRequested())) this.#requestStop()
    }
  }

  #requestStop(): void {
    if (!this.#options.signal?.aborted) this.#stopRequested = true
    this.#stop.abort()
  }

  /** If a part fails, all parts end. */
  async #guarded(part: () => Promise<void>): Promise<void> {
    try {
      await part()
    } catch (error) {
      this.#stop.abort()
      throw error
    }
  }

  async #pause(): Promise<void> {
    await delay(this.#options.pollMs ?? 2000, undefined, { signal: this.#stop.signal }).catch(() => {})
  }

  #emit(event: LoopEvent): void {
    this.#options.onEvent?.(event)
  }
}

/**
 * Hands the reports of a training to the study, one at a time. While one is being written the next waits, and a newer
 * one takes its place: trainings with epochs of milliseconds are not held up by the storage.
 */
class Reports {
  readonly #study: Study
  readonly #trial: RunningTrial
  readonly #interrupt: () => void
  #waiting: EpochReport | undefined
  #writing: Promise<void> | undefined
  #error: { readonly cause: unknown } | undefined
  /** The study said that this training is not worth going on with. */
  pruned = false
  /** Of the last report. */
  epochs = 0
  /** Of the last report that had any. */
  metrics: Metrics = {}

  constructor(study: Study, trial: RunningTrial, interrupt: () => void) {
    this.#study = study
    this.#trial = trial
    this.#interrupt = interrupt
  }

  add(report: EpochReport): void {
    this.#waiting = report
    this.epochs = report.epoch
    if (Object.keys(report.metrics).length > 0) this.metrics = report.metrics
    this.#writing ??= this.#write()
  }

  /** Waits until all is written. @throws what the study rejected a report with */
  async finish(): Promise<void> {
    await this.#writing
    if (this.#error) throw this.#error.cause
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting && !this.#error) {
        const { epoch, metrics } = this.#waiting
        this.#waiting = undefined
        if ((await this.#study.report(this.#trial, epoch, metrics)) === 'continue') continue
        this.pruned = true
        this.#interrupt()
      }
    } catch (cause) {
      this.#error = { cause }
      this.#interrupt()
    } finally {
      this.#writing = undefined
    }
  }
}

/** A training may end so much of its own length after the deadline. */
const overrun = 0.1

/** A function that runs steps one after another, whether the ones before succeeded or not. */
function sequencer(): <T>(step: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (step) => {
    const result = last.then(step)
    last = result.catch(() => {})
    return result
  }
}
