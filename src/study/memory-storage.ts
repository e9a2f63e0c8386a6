// Studies that live as long as the program: for toy functions, tests, and searches embedded in other programs.
import { StudyInUseError, StudyNotFoundError } from '../base/index.ts'
import { costOf, hypDigest, type Metrics, type RunningTrial, type Trial } from '../search/index.ts'
import { isFinished } from './finished.ts'
import { isAlive } from './process.ts'
import type {
  ArtifactRecord,
  AttemptRecord,
  AttemptReference,
  Claim,
  Ending,
  EpochRecord,
  ImportedTrial,
  Proposer,
  ReportChanges,
  Storage,
  StoredTrial,
  StudyChanges,
  StudyChoice,
  StudyOverview,
  StudyRecord,
  TrialCounts,
  WorkerInfo,
  WorkerRecord,
} from './storage.ts'
import { checkHyp } from './stored-values.ts'
import { afterEnding, proposedPart, requireAttempt } from './transitions.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

interface MemoryTrial extends StoredTrial {
  trial: Trial
  /** Of its last change. */
  sequence: number
  readonly seen: number
  worker: number | undefined
}

interface MemoryStudy {
  record: StudyRecord
  readonly trials: MemoryTrial[]
  /** Numbers of the trials that changed, by sequence - 1. */
  readonly log: number[]
  readonly attempts: (Writable<AttemptRecord> & { workerId: number | undefined })[]
  readonly epochs: Map<string, EpochRecord>
  /** Reports with a fitness, by sequence - 1; that of an epoch that was reported again is followed by another. */
  readonly reports: (EpochRecord & { readonly fitness: number })[]
  artifacts: ArtifactRecord[]
  ended: number
  turn: Promise<unknown>
}

/** Nothing is awaited inside a method: each happens at once. */
export class MemoryStorage implements Storage {
  readonly location = 'memory'
  readonly notes = []
  readonly #clock: () => number
  readonly #studies = new Map<number, MemoryStudy>()
  readonly #workers = new Map<number, Writable<WorkerRecord> & { study: number }>()
  #lastStudy = 0

  constructor({ clock = Date.now }: { readonly clock?: () => number } = {}) {
    this.#clock = clock
  }

  async studies(): Promise<readonly StudyOverview[]> {
    return this.#overviews()
  }

  async begin(worker: WorkerInfo | undefined, choose: (studies: readonly StudyOverview[]) => StudyChoice) {
    const choice = choose(this.#overviews())
    let study: MemoryStudy
    if ('create' in choice) {
      if ([...this.#studies.values()].some(({ record }) => record.name === choice.create.name))
        throw new Error(`there is a study ${choice.create.name}`)
      const { trials = [], ...created } = choice.create
      const id = ++this.#lastStudy
      const record: StudyRecord = {
        ...{ id, ...structuredClone(created), finishedTarget: undefined, patienceFrom: undefined },
        ...{ stopping: false, createdAt: this.#now() },
      }
      study = {
        record,
        trials: [],
        log: [],
        attempts: [],
        epochs: new Map(),
        reports: [],
        artifacts: [],
        ended: 0,
        turn: Promise.resolve(),
      }
      this.#importTrials(study, trials)
      this.#studies.set(id, study)
    } else {
      study = this.#study(choice.use)
      study.record = { ...study.record, stopping: false }
      if (choice.target !== undefined) retarget(study, choice.target)
    }
    return { study: study.record, worker: worker && this.#addWorker(study.record.id, worker) }
  }

  async setStopping(study: number, stopping: boolean): Promise<void> {
    const found = this.#study(study)
    found.record = { ...found.record, stopping }
  }

  async extend(study: number, total: number): Promise<number> {
    const found = this.#study(study)
    const target = Math.max(found.record.target ?? 0, total)
    retarget(found, target)
    return target
  }

  async setTarget(study: number, total: number): Promise<number> {
    const found = this.#study(study)
    const least = found.record.definition.schedule ? spent(found) : found.trials.length
    const target = Math.max(total, least)
    retarget(found, target)
    return target
  }

  async deleteStudy(study: number): Promise<void> {
    const { name } = this.#study(study).record
    const alive = this.#workersOf(study).filter((worker) => isAlive(worker, this.#clock()))
    if (alive.length > 0)
      throw new StudyInUseError(
        name,
        alive.map(({ pid, host }) => `${pid} on ${host}`),
      )
    this.#studies.delete(study)
  }

  async workers(study: number): Promise<readonly WorkerRecord[]> {
    this.#study(study)
    return this.#workersOf(study).map(({ study: _, ...worker }) => worker)
  }

  async addWorker(study: number, worker: WorkerInfo): Promise<number> {
    this.#study(study)
    return this.#addWorker(study, worker)
  }

  #addWorker(study: number, { host, pid, startedAt }: WorkerInfo): number {
    const id = this.#workers.size + 1
    const now = this.#now()
    this.#workers.set(id, {
      study,
      id,
      host,
      pid,
      startedAt,
      registeredAt: now,
      heartbeatAt: now,
      endedAt: undefined,
    })
    return id
  }

  async heartbeat(worker: number): Promise<void> {
    this.#workers.get(worker)!.heartbeatAt = this.#now()
  }

  async endWorker(worker: number): Promise<void> {
    const record = this.#workers.get(worker)!
    const study = this.#studies.get(record.study)
    if (study) this.#takeBack(study, worker, 'released')
    record.endedAt ??= this.#now()
  }

  async changes(study: number, sequence: number, limit = Number.POSITIVE_INFINITY): Promise<StudyChanges> {
    return changesSince(this.#study(study), sequence, limit)
  }

  async claimTrial(study: number, worker: number, proposer: Proposer): Promise<Claim> {
    const found = this.#study(study)
    this.#revive(worker)
    this.#takeBackLost(found, worker)
    const { target, patienceFrom, stopping } = found.record
    if (stopping) return { trial: undefined, because: 'stopping' }
    const waiting = found.trials.find(({ trial }) => trial.state === 'waiting')
    if (waiting) return this.#start(found, waiting, worker)
    const number = found.trials.length
    const { schedule } = found.record.definition
    if (!schedule && target !== undefined && number >= target) return { trial: undefined, because: 'target' }

    proposer.learn(changesSince(found, proposer.sequence))
    const proposal = proposer.propose(number, { target, patienceFrom })
    const finished = proposal === undefined && found.ended === number
    if (found.record.finishedTarget !== undefined || finished)
      found.record = { ...found.record, finishedTarget: finished ? target : undefined }
    if (!proposal) return { trial: undefined, because: 'target' }
    const { hyp, mutated = [] } = proposal
    checkHyp(hyp)
    const added: MemoryTrial = {
      trial: { ...proposedPart({ ...proposal, number, mutated, attempt: 0 }), state: 'waiting' },
      digest: hypDigest(hyp),
      sequence: 0,
      seen: found.ended,
      worker: undefined,
    }
    found.trials.push(added)
    return this.#start(found, added, worker)
  }

  async endAttempt(study: number, reference: AttemptReference, ending: Ending): Promise<number> {
    const found = this.#study(study)
    const stored = found.trials[reference.number]
    requireAttempt(stored?.trial, reference)
    this.#end(found, stored, ending)
    return stored.sequence
  }

  async reportEpoch(
    study: number,
    reference: AttemptReference,
    epoch: number,
    metrics: Metrics,
    fitness?: number,
  ): Promise<void> {
    const found = this.#study(study)
    requireAttempt(found.trials[reference.number]?.trial, reference)
    const { number: trial, attempt } = reference
    const record = { trial, attempt, epoch, metrics: { ...metrics } }
    found.epochs.set(epochKey(record), fitness === undefined ? record : { ...record, fitness })
    if (fitness !== undefined) found.reports.push(found.epochs.get(epochKey(record)) as MemoryStudy['reports'][number])
  }

  async reports(study: number, sequence: number, limit = Number.POSITIVE_INFINITY): Promise<ReportChanges> {
    const { reports: log, epochs } = this.#study(study)
    const reports: { trial: number; epoch: number; fitness: number }[] = []
    let last = sequence
    for (; last < log.length && reports.length < limit; last++) {
      const report = log[last]
      const { trial, epoch, fitness } = report
      if (epochs.get(epochKey(report)) === report) reports.push({ trial, epoch, fitness })
    }
    return { sequence: last, reports }
  }

  async importTrials(study: number, trials: readonly ImportedTrial[]): Promise<void> {
    this.#importTrials(this.#study(study), trials)
  }

  #importTrials(found: MemoryStudy, trials: readonly ImportedTrial[]): void {
    for (const { hyp } of trials) checkHyp(hyp)
    for (const { hyp, ending } of trials) {
      const proposed = { number: found.trials.length, hyp, parents: [], mutated: [], attempt: 0 }
      const trial = afterEnding({ ...proposed, state: 'running' }, structuredClone(ending))
      const stored = { trial, digest: hypDigest(hyp), sequence: 0, seen: found.ended, worker: undefined }
      found.trials.push(stored)
      touch(found, stored, trial)
      found.ended++
    }
  }

  async attempts(study: number, trial?: number): Promise<readonly AttemptRecord[]> {
    return this.#study(study)
      .attempts.filter((attempt) => trial === undefined || attempt.trial === trial)
      .map(({ workerId: _, ...attempt }) => attempt)
      .sort((a, b) => a.trial - b.trial || a.attempt - b.attempt)
  }

  async epochs(study: number, trial?: number): Promise<readonly EpochRecord[]> {
    return [...this.#study(study).epochs.values()]
      .filter((epoch) => trial === undefined || epoch.trial === trial)
      .sort((a, b) => a.trial - b.trial || a.attempt - b.attempt || a.epoch - b.epoch)
  }

  async artifacts(study: number, trial?: number): Promise<readonly ArtifactRecord[]> {
    return this.#study(study).artifacts.filter((artifact) => trial === undefined || artifact.trial === trial)
  }

  async addArtifact(study: number, { trial, kind, path }: ArtifactRecord): Promise<void> {
    const found = this.#study(study)
    const i = found.artifacts.findIndex((other) => other.trial === trial && other.path === path)
    if (i < 0) found.artifacts.push({ trial, kind, path })
    else found.artifacts[i] = { trial, kind, path }
  }

  async removeArtifact(study: number, trial: number, path: string): Promise<void> {
    const found = this.#study(study)
    found.artifacts = found.artifacts.filter((artifact) => artifact.trial !== trial || artifact.path !== path)
  }

  async seen(study: number, trial: number): Promise<number> {
    return this.#study(study).trials[trial].seen
  }

  exclusive<T>(study: number, step: () => Promise<T>): Promise<T> {
    const found = this.#study(study)
    const result = found.turn.then(step)
    found.turn = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {}

  #study(id: number): MemoryStudy {
    const study = this.#studies.get(id)
    if (study) return study
    const known = [...this.#studies.values()].map(({ record }) => record.name)
    throw new StudyNotFoundError(`number ${id}`, this.location, known)
  }

  #overviews(): StudyOverview[] {
    return [...this.#studies.values()].map((study) => {
      const { record } = study
      const counts = countsOf(study)
      const workers = this.#workersOf(record.id).filter((worker) => isAlive(worker, this.#clock()))
      return { ...record, counts, spent: spent(study), workers: workers.map(({ study: _, ...worker }) => worker) }
    })
  }

  #workersOf = (study: number) => [...this.#workers.values()].filter((worker) => worker.study === study)

  #now = () => new Date(this.#clock()).toISOString()

  #start(study: MemoryStudy, stored: MemoryTrial, worker: number): Claim {
    const { number } = stored.trial
    const attempt = stored.trial.attempt + 1
    const trial: RunningTrial = { ...proposedPart(stored.trial), attempt, state: 'running' }
    touch(study, stored, trial)
    stored.worker = worker
    const { host, pid, startedAt } = this.#workers.get(worker)!
    study.attempts.push({
      trial: number,
      attempt,
      workerId: worker,
      worker: { host, pid, startedAt },
      startedAt: this.#now(),
      endedAt: undefined,
      ending: undefined,
      failure: undefined,
      output: [],
    })
    return { trial, digest: stored.digest, sequence: stored.sequence }
  }

  #end(study: MemoryStudy, stored: MemoryTrial, ending: Ending, name: AttemptRecord['ending'] = ending.state): void {
    const trial = afterEnding(stored.trial as RunningTrial, structuredClone(ending))
    touch(study, stored, trial)
    stored.worker = undefined
    if (trial.state !== 'waiting') study.ended++
    const attempt = study.attempts.find((a) => a.trial === trial.number && a.attempt === trial.attempt)!
    attempt.endedAt = this.#now()
    attempt.ending = name
    if (ending.state === 'failed') {
      attempt.failure = ending.failure
      attempt.output = [...ending.output]
    }
  }

  #takeBack(study: MemoryStudy, worker: number, ending: 'released' | 'lost'): void {
    for (const stored of study.trials)
      if (stored.worker === worker) this.#end(study, stored, { state: 'released' }, ending)
  }

  /** A worker that was thought lost is back. */
  #revive(worker: number): void {
    const record = this.#workers.get(worker)!
    if (record.endedAt === undefined) return
    record.endedAt = undefined
    record.heartbeatAt = this.#now()
  }

  /** Trials of workers that vanished wait again. */
  #takeBackLost(study: MemoryStudy, except: number): void {
    for (const worker of this.#workersOf(study.record.id)) {
      if (worker.id === except || worker.endedAt !== undefined || isAlive(worker, this.#clock())) continue
      this.#takeBack(study, worker.id, 'lost')
      worker.endedAt = this.#now()
    }
  }
}

const epochKey = ({ trial, attempt, epoch }: EpochRecord) => `${trial} ${attempt} ${epoch}`

/** Sets the target; a study that was finished and goes on has its patience anew. */
function retarget(study: MemoryStudy, target: number): void {
  const { record } = study
  const goesOn = isFinished({ ...record, counts: countsOf(study) }) && target > record.target!
  const patienceFrom = goesOn && record.definition.schedule ? spent(study, { repeats: false }) : record.patienceFrom
  study.record = { ...record, target, patienceFrom }
}

function countsOf({ trials }: MemoryStudy): TrialCounts {
  const counts: Writable<TrialCounts> = { waiting: 0, running: 0, complete: 0, pruned: 0, failed: 0 }
  for (const { trial } of trials) counts[trial.state]++
  return counts
}

/** Trials that have ended, or what they cost. */
function spent({ record, trials, ended }: MemoryStudy, { repeats = true } = {}): number {
  const { schedule } = record.definition
  if (!schedule) return ended
  const costs = trials.map(({ trial }) => {
    const isOpen = trial.state === 'waiting' || trial.state === 'running'
    if (!repeats && trial.repeats !== undefined) return 0
    return isOpen ? 0 : Math.round(costOf(trial, schedule) * schedule.epochs)
  })
  return costs.reduce((sum, epochs) => sum + epochs, 0) / schedule.epochs
}

function touch(study: MemoryStudy, stored: MemoryTrial, trial: Trial): void {
  stored.trial = trial
  study.log.push(trial.number)
  stored.sequence = study.log.length
}

function changesSince({ record, trials, log }: MemoryStudy, since: number, limit = Number.POSITIVE_INFINITY) {
  const changed: MemoryTrial[] = []
  let sequence = since
  while (sequence < log.length && changed.length < limit) {
    const stored = trials[log[sequence]]
    sequence++
    if (stored.sequence === sequence) changed.push(stored)
  }
  const { target, finishedTarget, patienceFrom, stopping } = record
  return { sequence, target, finishedTarget, patienceFrom, stopping, trials: changed }
}
