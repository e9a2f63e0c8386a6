// A search and its memory: ask for a hyp to try, tell what it brought.
import {
  HypevolveError,
  randomFor,
  StorageInvalidError,
  TrialNotRunningError,
  TrialNotStoredError,
} from '../base/index.ts'
import {
  type CompleteTrial,
  type Constraint,
  costOf,
  type FailedTrial,
  type FailureClass,
  type Fitness,
  History,
  type Hyp,
  type Metrics,
  type NextRequest,
  nextTraining,
  type Proposal,
  type PrunedTrial,
  parseConstraint,
  parseFitness,
  pruners,
  type RunningTrial,
  remainingOf,
  type Sampler,
  type Schedule,
  SearchSpace,
  samplers,
  scheduleSchema,
  type Trial,
  type TrialState,
  totalViolation,
  type WaitingTrial,
} from '../search/index.ts'
import { isFinished } from './finished.ts'
import { type Objective, type OptimizeOptions, optimize } from './optimize.ts'
import { leaseMs, thisWorker } from './process.ts'
import { Stopper } from './stopper.ts'
import type {
  ArtifactRecord,
  AttemptRecord,
  Ending,
  EpochRecord,
  Judgement,
  Limits,
  Storage,
  StudyChanges,
  StudyDefinition,
  StudyRecord,
  TrialCounts,
  WorkerRecord,
} from './storage.ts'
import { metricsText } from './stored-values.ts'
import { afterEnding, judgementOf, proposedPart } from './transitions.ts'

/** How a failed attempt is told. */
export interface Failure {
  readonly failure: FailureClass
  /** Last lines of what the training said. */
  readonly output: readonly string[]
  /** The trial is to be tried again: it waits instead of ending as failed. */
  readonly retry?: boolean
}

/** The best of a study, in the words of its objective. */
export interface Best<H extends Hyp = Hyp> {
  readonly number: number
  readonly hyp: H
  /** What the objective returned, or what the fitness expression gave: not negated when it is minimized. */
  readonly value: number
  readonly metrics: Metrics
}

/**
 * One search. `ask` and `tell` may be called by several slots and by several processes at once, in any order.
 *
 * Made by {@link createStudy}, by {@link beginStudy} or by {@link Study.open}.
 */
export class Study<H extends Hyp = Hyp> {
  readonly id: number
  /** The folder (`runs/evolve/exp2`), or the name that a library user gave. */
  readonly name: string
  readonly definition: StudyDefinition
  readonly space: SearchSpace<H>
  readonly seed: number
  readonly storage: Storage
  /**
   * The trials as samplers see them, as of the last call of any other method. What changed since, here or in another
   * process, is added by {@link refresh}.
   */
  readonly history = new History()
  readonly #ownsStorage: boolean
  readonly #fitness: Fitness | undefined
  readonly #constraints: readonly Constraint[]
  readonly #second: Fitness | undefined
  readonly #sampler: Pick<NextRequest, 'sampler' | 'samplerOptions'>
  readonly #schedule: Schedule | undefined
  /** What stops trainings at a rung, where the study does. */
  readonly #stopper: Stopper | undefined
  readonly #counts: Record<TrialState, number> = { waiting: 0, running: 0, complete: 0, pruned: 0, failed: 0 }
  #sequence = 0
  /** Epochs of ended trials; with a schedule. */
  #epochsSpent = 0
  #target: number | undefined
  #finishedTarget: number | undefined
  #patienceFrom: number | undefined
  #stopping: boolean
  #worker: number | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #last: Promise<unknown> = Promise.resolve()

  private constructor(storage: Storage, record: StudyRecord, worker: number | undefined, ownsStorage: boolean) {
    this.storage = storage
    this.#ownsStorage = ownsStorage
    this.id = record.id
    this.name = record.name
    this.definition = record.definition
    this.space = SearchSpace.fromJSON(record.definition.space) as SearchSpace<H>
    this.seed = record.definition.seed
    this.#fitness = record.definition.fitness === 'value' ? undefined : parseFitness(record.definition.fitness)
    const { constraints = [], second } = record.definition
    this.#constraints = constraints.map(parseConstraint)
    this.#second = second && parseFitness(second.expression)
    this.#sampler = samplerOf(storage, record)
    this.#schedule = scheduleOf(storage, record)
    this.#stopper = Stopper.of(this.#schedule)
    this.#target = record.target
    this.#finishedTarget = record.finishedTarget
    this.#patienceFrom = record.patienceFrom
    this.#stopping = record.stopping
    if (worker !== undefined) this.#live(worker)
  }

  /**
   * Opens a study of a storage, to look at it or to work on it.
   *
   * @param worker - if this process is registered already; else it is when it first asks
   * @param ownsStorage - whether closing the study closes the storage. Default false
   */
  static async open<H extends Hyp = Hyp>(
    storage: Storage,
    record: StudyRecord,
    worker?: number,
    { ownsStorage = false }: { readonly ownsStorage?: boolean } = {},
  ): Promise<Study<H>> {
    const study = new Study<H>(storage, record, worker, ownsStorage)
    await study.refresh()
    return study
  }

  /**
   * How many trials there are to be in all; with a schedule, full trainings' worth of epochs. `undefined`: no end.
   */
  get target(): number | undefined {
    return this.#target
  }

  /** Lengths of its trainings; `undefined`: they have none. */
  get schedule(): Schedule | undefined {
    return this.#schedule
  }

  /**
   * How much of its target is spent, as far as this process knows: trials that have ended; with a schedule, full
   * trainings' worth of epochs of them.
   */
  get spent(): number {
    return this.#schedule ? this.#epochsSpent / this.#schedule.epochs : this.history.ended.length
  }

  /**
   * What may still follow, trials under way included, in the unit of `target`; less than that leaves where a search with a
   * schedule has ended early. `undefined`: no end in sight.
   */
  get remaining(): number | undefined {
    const [schedule, target] = [this.#schedule, this.#target]
    if (schedule) {
      const { history, patienceFrom } = this
      return remainingOf({ history, schedule, target, patienceFrom, start: this.space.start })
    }
    return target === undefined ? undefined : Math.max(0, target - this.history.ended.length)
  }

  /** What its search had cost when it was finished and got a larger target; see {@link StudyRecord}. */
  get patienceFrom(): number | undefined {
    return this.#patienceFrom
  }

  /** Whether all of its target is done, as far as this process knows. */
  get isFinished(): boolean {
    return isFinished({
      ...{ definition: this.definition, target: this.#target, finishedTarget: this.#finishedTarget },
      counts: this.#counts,
    })
  }

  /** Takes in what other processes did. */
  refresh(): Promise<void> {
    return this.#inTurn(() => this.#refresh())
  }

  /**
   * The next trial to train: one whose training was interrupted or is to be tried again, else a new one. `undefined` if
   * nothing more fits into the target, or a stop was requested.
   *
   * @throws {@link StudyNotFoundError} if the study was deleted meanwhile
   */
  ask(): Promise<RunningTrial<H> | undefined> {
    return this.#inTurn(async () => {
      if (this.#worker === undefined) this.#live(await this.storage.addWorker(this.id, thisWorker()))
      const study = this
      const claim = await this.storage.claimTrial(this.id, this.#worker!, {
        get sequence() {
          return study.#sequence
        },
        learn: (changes) => this.#learn(changes),
        propose: (number, limits) => this.#propose(number, limits),
      })
      if (claim.trial) await this.#learnOwn(claim.trial, claim.sequence, claim.digest)
      else await this.#refresh()
      return claim.trial as RunningTrial<H> | undefined
    })
  }

  /**
   * Tells how a trial that `ask` gave out came to its end: with what was measured, or with one number. It is complete
   * then, `pruned` if it was granted less than a full training, or failed (`diverged`) if its fitness cannot be computed
   * or is not finite.
   *
   * @throws {@link TrialNotRunningError} if it is not in training any more; nothing is changed then
   * @throws {@link TrialNotStoredError} if the storage fails: it holds the result
   */
  async tell(
    trial: RunningTrial<H>,
    outcome: Metrics | number,
  ): Promise<CompleteTrial<H> | PrunedTrial<H> | FailedTrial<H>> {
    const metrics = typeof outcome === 'number' ? {} : { ...outcome }
    const value = typeof outcome === 'number' ? outcome : this.#evaluate(metrics)
    const fitness = this.definition.direction === 'minimize' ? -value : value
    const why = Number.isFinite(fitness) ? this.#second?.problem(metrics) : this.#whyNotFinite(outcome)
    if (why !== undefined) {
      const output = [Number.isFinite(fitness) ? `No second objective: ${why}.` : why]
      return this.fail(trial, { failure: 'diverged', output }) as Promise<FailedTrial<H>>
    }
    const result = { fitness, metrics, ...this.#judge(metrics) }
    const { fidelity } = trial
    if (this.#schedule && fidelity !== undefined && fidelity < this.#schedule.epochs)
      return this.#end(trial, { state: 'pruned', epochs: fidelity, ...result })
    return this.#end(trial, { state: 'complete', ...result })
  }

  /**
   * Tells that an attempt failed.
   *
   * @throws {@link TrialNotRunningError} as {@link tell}
   */
  async fail(trial: RunningTrial<H>, failure: Failure): Promise<FailedTrial<H> | WaitingTrial<H>> {
    const output = failure.output.length > 0 ? failure.output : ['It failed without a word.']
    return this.#end(trial, { ...failure, state: 'failed', output })
  }

  /**
   * Tells that a training was stopped early because it did not promise enough.
   *
   * @param epochs - that it was trained
   * @param metrics - or one number
   * @param compared - false: it was trained in another way than was asked for; it has no fitness then. Default true
   * @throws {@link TrialNotRunningError} as {@link tell}
   */
  async prune(
    trial: RunningTrial<H>,
    {
      epochs,
      metrics: outcome,
      compared = true,
    }: { readonly epochs: number; readonly metrics: Metrics | number; readonly compared?: boolean },
  ): Promise<PrunedTrial<H>> {
    const metrics = typeof outcome === 'number' ? {} : outcome
    const fitness = compared ? this.#fitnessOf(outcome) : undefined
    const judged = fitness === undefined ? {} : { fitness, ...this.#judge(metrics) }
    return this.#end(trial, { state: 'pruned', epochs, metrics, ...judged })
  }

  /** Gives a trial back whose training was interrupted; `ask` will give it out again. */
  async release(trial: RunningTrial<H>): Promise<WaitingTrial<H>> {
    return this.#end(trial, { state: 'released' })
  }

  /**
   * Keeps what an epoch measured. In a study whose trainings are stopped at rungs, its pruner compares what the others
   * had then.
   *
   * @param epoch - from 1
   * @param outcome - metrics, or one number, which is kept as the metric `value`
   * @returns whether to go on with the trial; one that is stopped is ended by {@link prune}
   * @throws {@link TrialNotRunningError} if the trial was given to another process meanwhile
   */
  async report(trial: RunningTrial<H>, epoch: number, outcome: Metrics | number): Promise<'continue' | 'stop'> {
    const metrics = typeof outcome === 'number' ? { value: outcome } : outcome
    const compared = this.#stopper !== undefined && trial.repeats === undefined
    const fitness = compared ? this.#fitnessOf(outcome) : undefined
    await this.storage.reportEpoch(this.id, trial, epoch, metrics, fitness)
    if (!compared || fitness === undefined || epoch >= this.#schedule!.epochs) return 'continue'
    return this.#inTurn(() => this.#stopper!.verdict(this.storage, this.id, trial.number, epoch))
  }

  /** All trials: ended ones in the order in which they were told, then the others by number. */
  async trials(): Promise<readonly Trial<H>[]> {
    await this.refresh()
    return [...this.history.ended, ...this.history.open].map((trial) => plainTrial(trial) as Trial<H>)
  }

  async trial(number: number): Promise<Trial<H> | undefined> {
    await this.refresh()
    const trial = this.history.get(number)
    return trial && (plainTrial(trial) as Trial<H>)
  }

  async counts(): Promise<TrialCounts> {
    await this.refresh()
    return { ...this.#counts }
  }

  /** The fittest complete trial so far; of equals the lowest number. */
  async incumbent(): Promise<CompleteTrial<H> | undefined> {
    await this.refresh()
    const [trial] = this.history.fittest(1)
    return trial && (plainTrial(trial) as CompleteTrial<H>)
  }

  /** The best of the trials that this process knows of: as {@link incumbent}, without asking the storage. */
  get best(): Best<H> | undefined {
    const [trial] = this.history.fittest(1)
    return trial && { number: trial.number, hyp: trial.hyp as H, value: this.valueOf(trial), metrics: trial.metrics }
  }

  /** A fitness in the words of the objective: not negated when it is minimized. */
  valueOf({ fitness }: Pick<CompleteTrial, 'fitness'>): number {
    return this.definition.direction === 'minimize' ? -fitness : fitness
  }

  /** All attempts, or those at one trial. */
  attempts(number?: number): Promise<readonly AttemptRecord[]> {
    return this.storage.attempts(this.id, number)
  }

  /** What was reported of all trials, or of one. */
  epochs(number?: number): Promise<readonly EpochRecord[]> {
    return this.storage.epochs(this.id, number)
  }

  /** Files and folders of all trials, or of one. */
  artifacts(number?: number): Promise<readonly ArtifactRecord[]> {
    return this.storage.artifacts(this.id, number)
  }

  /** Notes a file or folder that a trial left. */
  addArtifact({ number }: Pick<Trial, 'number'>, kind: string, path: string): Promise<void> {
    return this.storage.addArtifact(this.id, { trial: number, kind, path })
  }

  /** Forgets a file or folder that is there no more. */
  removeArtifact(number: number, path: string): Promise<void> {
    return this.storage.removeArtifact(this.id, number, path)
  }

  /** Processes that work on it or did, with their last sign of life. */
  workers(): Promise<readonly WorkerRecord[]> {
    return this.storage.workers(this.id)
  }

  /** Lets the study have this {@link target}; it never gets smaller. Resolves to the target. */
  async extend(total: number): Promise<number> {
    this.#target = await this.storage.extend(this.id, total)
    return this.#target
  }

  /** Sets the {@link target} up or down, but never below what is spent. Resolves to the target. */
  async setTarget(target: number): Promise<number> {
    this.#target = await this.storage.setTarget(this.id, target)
    return this.#target
  }

  /** Asks all processes that work on it to stop: their `ask` gives out nothing more. */
  async requestStop(): Promise<void> {
    await this.storage.setStopping(this.id, true)
    this.#stopping = true
  }

  /** Whether somebody asked the study to stop. */
  async stopRequested(): Promise<boolean> {
    await this.refresh()
    return this.#stopping
  }

  /**
   * What the sampler saw when it proposed a trial: the same history, number and target give the same proposal. Trials that
   * were open then are open in it.
   */
  async historyBefore(number: number): Promise<History> {
    await this.refresh()
    const seen = await this.storage.seen(this.id, number)
    const ended = this.history.ended.slice(0, seen)
    const history = new History()
    for (const trial of ended) history.set(trial)
    const known = new Set(ended.map((trial) => trial.number))
    for (let earlier = 0; earlier < number; earlier++) {
      if (known.has(earlier)) continue
      history.set({ ...proposedPart(this.history.get(earlier)!), state: 'running' })
    }
    return history
  }

  /**
   * Runs a step while no process runs one for this study: for files that all of them write. Short steps only; see
   * {@link Storage.exclusive}.
   */
  exclusive<T>(step: () => Promise<T>): Promise<T> {
    return this.storage.exclusive(this.id, step)
  }

  /**
   * Asks, calls the objective and tells, until the study has its trials.
   *
   * @see {@link OptimizeOptions}
   */
  optimize(objective: Objective<H>, options: OptimizeOptions): Promise<this> {
    return optimize(this, objective, options).then(() => this)
  }

  /**
   * Leaves the study: trials that this process still has wait for others. A storage that was given open stays open.
   */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    const worker = this.#worker
    this.#worker = undefined
    if (worker !== undefined) await this.#inTurn(() => this.storage.endWorker(worker))
    if (this.#ownsStorage) await this.storage.close()
  }

  #propose(number: number, limits: Limits): Proposal | undefined {
    const { space, history, seed } = this
    const schedule = this.#schedule
    const { enqueued } = this.definition
    const isPlain = !schedule && this.#constraints.length === 0 && !this.#second && !enqueued
    const proposal = isPlain
      ? this.#proposeAtOnce(number)
      : nextTraining({ space, history, seed, schedule, enqueued, number, ...limits, ...this.#sampler })
    return proposal && { ...proposal, hyp: Object.freeze({ ...proposal.hyp }) }
  }

  /** As `nextTraining` does where trainings have no length and one number says all, without looking for more. */
  #proposeAtOnce(number: number): Proposal {
    const { space, history } = this
    const { sampler, samplerOptions } = this.#sampler
    const rngOf = (trial: number) => randomFor(this.seed, trial)
    return sampler.propose({ space, number, history, rng: rngOf(number), rngOf }, samplerOptions)
  }

  #learn({ sequence, target, finishedTarget, patienceFrom, stopping, trials }: StudyChanges): void {
    for (const { trial, digest } of trials) this.#learnTrial(trial, digest, sequence)
    this.#sequence = sequence
    this.#target = target
    this.#finishedTarget = finishedTarget
    this.#patienceFrom = patienceFrom
    this.#stopping = stopping
  }

  async #refresh(): Promise<void> {
    for (;;) {
      const changes = await this.storage.changes(this.id, this.#sequence, chunk)
      this.#learn(changes)
      if (changes.trials.length < chunk) return
    }
  }

  async #end<T extends Trial<H>>(trial: RunningTrial<H>, ending: Ending): Promise<T> {
    const sequence = await this.storage.endAttempt(this.id, trial, ending).catch((error: unknown) => {
      if (!(error instanceof HypevolveError) || error instanceof TrialNotRunningError) throw error
      throw new TrialNotStoredError(trial.number, endingText(ending), error)
    })
    await this.#inTurn(() => {
      const running = this.history.get(trial.number)
      const known = running?.state === 'running' && running.attempt === trial.attempt
      return known ? this.#learnOwn(afterEnding(running, ending), sequence) : this.#refresh()
    })
    return afterEnding(trial, ending) as T
  }

  /** Takes in what this process did; the storage is asked only if others did something meanwhile. */
  async #learnOwn(trial: Trial, sequence: number, digest?: number): Promise<void> {
    if (sequence === this.#sequence + 1) this.#learnTrial(trial, digest, sequence)
    else await this.#refresh()
  }

  #learnTrial(trial: Trial, digest: number | undefined, sequence: number): void {
    const before = this.history.get(trial.number)
    if (before) this.#counts[before.state]--
    this.history.set(trial, digest)
    this.#counts[trial.state]++
    this.#sequence = sequence
    if (this.#schedule && trial.state !== 'waiting' && trial.state !== 'running')
      this.#epochsSpent += Math.round(costOf(trial, this.#schedule) * this.#schedule.epochs)
  }

  #evaluate(metrics: Metrics): number {
    if (!this.#fitness) throw new Error('this study is told one number per trial, it has no fitness expression')
    return this.#fitness.evaluate(metrics)
  }

  /** Larger is better; `undefined` if it cannot be told. */
  #fitnessOf(outcome: Metrics | number): number | undefined {
    const value = typeof outcome === 'number' ? outcome : (this.#fitness?.evaluate(outcome) ?? Number.NaN)
    if (!Number.isFinite(value)) return undefined
    return this.definition.direction === 'minimize' ? -value : value
  }

  /** Constraints and the second objective, where the study has them. */
  #judge(metrics: Metrics): Judgement {
    const violation = totalViolation(this.#constraints, metrics)
    const value = this.#second?.evaluate(metrics) ?? Number.NaN
    return {
      ...(this.#constraints.length > 0 && {
        violation: Number.isNaN(violation) ? Number.POSITIVE_INFINITY : violation,
      }),
      ...(Number.isFinite(value) && { second: this.definition.second?.direction === 'minimize' ? -value : value }),
    }
  }

  #whyNotFinite(outcome: Metrics | number): string {
    if (typeof outcome === 'number') return `The objective returned ${outcome}.`
    return `No fitness: ${this.#fitness!.problem(outcome) ?? 'it is not finite'}.`
  }

  #live(worker: number): void {
    this.#worker = worker
    // A sign of life that is lost (a server that restarts) does not matter: the next one comes in time.
    this.#heartbeat = setInterval(() => this.storage.heartbeat(worker).catch(() => {}), leaseMs / 4)
    this.#heartbeat.unref()
  }

  /** What touches the history runs one after another. */
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#last.then(step)
    this.#last = result.catch(() => {})
    return result
  }
}

/** What would be lost, readable. */
function endingText(ending: Ending): string {
  const { metrics, ...rest } = { metrics: {}, ...ending }
  return `${JSON.stringify(rest)} ${metricsText(metrics)}`
}

/** The sampler with its options; those that a later release added have their defaults. */
function samplerOf({ location }: Storage, { name, definition: { sampler } }: StudyRecord) {
  if (!Object.hasOwn(samplers, sampler.name))
    throw new StorageInvalidError(
      location,
      `its study ${name} has the sampler ${sampler.name}, unknown to this release`,
    )
  const found = samplers[sampler.name as keyof typeof samplers] as Sampler<unknown>
  return { sampler: found, samplerOptions: found.options.parse(sampler.options) }
}

/** @throws {@link StorageInvalidError} */
function scheduleOf({ location }: Storage, { name, definition: { schedule } }: StudyRecord): Schedule | undefined {
  if (schedule === undefined) return undefined
  const read = scheduleSchema.safeParse(schedule)
  if (!read.success)
    throw new StorageInvalidError(
      location,
      `the lengths of trainings of its study ${name} are none that this release knows (${read.error.issues[0].message})`,
    )
  const pruner = read.data.pruner.name
  if (!Object.hasOwn(pruners, pruner))
    throw new StorageInvalidError(location, `its study ${name} has the pruner ${pruner}, unknown to this release`)
  return read.data
}

/** Trials are read in portions: large ones are slower to hand over, small ones cost a query each. */
const chunk = 500

/** A trial as a plain object: those of the history may parse their texts when they are looked at. */
export function plainTrial<T extends Trial>(trial: T): T {
  const proposed = proposedPart(trial)
  const plain = (): Trial => {
    switch (trial.state) {
      case 'complete': {
        const { fitness, metrics } = trial
        return { ...proposed, state: 'complete', fitness, ...judgementOf(trial), metrics }
      }
      case 'pruned': {
        const { epochs, fitness, metrics } = trial
        return {
          ...proposed,
          ...{ state: 'pruned', epochs, ...(fitness !== undefined && { fitness }) },
          ...{ ...judgementOf(trial), metrics },
        }
      }
      case 'failed':
        return { ...proposed, state: 'failed', failure: trial.failure, output: trial.output }
      default:
        return { ...proposed, state: trial.state }
    }
  }
  return plain() as T
}
