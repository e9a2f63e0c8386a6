// Studies in an SQL database; the same code for SQLite and PostgreSQL. What happens to trials of one study happens one
// after another: each transaction begins by locking the study's row.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Selectable, sql } from 'kysely'
import { StudyInUseError, StudyNotFoundError } from '../../base/index.ts'
import { type FailureClass, hypDigest, type Metrics, type Proposal, type RunningTrial } from '../../search/index.ts'
import { isAlive, thisWorker } from '../process.ts'
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
  StudyChanges,
  StudyChoice,
  StudyDefinition,
  StudyOverview,
  StudyRecord,
  TrialCounts,
  WorkerInfo,
  WorkerRecord,
} from '../storage.ts'
import { checkHyp, metricsText, parseMetricsText } from '../stored-values.ts'
import { judgementOf, proposedPart, requireAttempt } from '../transitions.ts'
import type { Db, Dialect, Tx } from './dialect.ts'
import { migrate } from './migrations.ts'
import type { StudyTable, WorkerTable } from './schema.ts'
import { packedReports, unpackReports } from './stored-report.ts'
import { packedTrials, proposedColumns, proposedValues, unpackTrials } from './stored-trial.ts'

/** Who is inside an exclusive step for longer may be overtaken. */
const turnMs = 30_000

export class SqlStorage implements Storage {
  readonly notes: readonly string[]
  readonly #dialect: Dialect
  /** Exclusive steps of this process, by study: they wait for each other without asking the database. */
  readonly #turns = new Map<number, Promise<unknown>>()
  /** Epochs of a full training by study, `undefined` if its trainings have no length. They never change. */
  readonly #fullEpochs = new Map<number, number | undefined>()

  private constructor(dialect: Dialect, notes: readonly string[]) {
    this.#dialect = dialect
    this.notes = notes
  }

  /** Brings the tables to this release's version first. */
  static async open(dialect: Dialect, notes: readonly string[] = []): Promise<SqlStorage> {
    try {
      await migrate(dialect)
    } catch (error) {
      await dialect.close()
      throw error
    }
    return new SqlStorage(dialect, notes)
  }

  get location(): string {
    return this.#dialect.location
  }

  studies(): Promise<readonly StudyOverview[]> {
    return this.#dialect.read((db) => this.#overviews(db))
  }

  begin(worker: WorkerInfo | undefined, choose: (studies: readonly StudyOverview[]) => StudyChoice) {
    return this.#dialect.write(async (tx) => {
      await this.#dialect.lockAll(tx)
      const choice = choose(await this.#overviews(tx))
      const row =
        'create' in choice ? await this.#create(tx, choice.create) : await this.#use(tx, choice.use, choice.target)
      return { study: toStudy(row), worker: worker && (await this.#addWorker(tx, row.id, worker)) }
    })
  }

  async #create(
    tx: Tx,
    { name, key, definition, target, trials = [] }: Extract<StudyChoice, { create: unknown }>['create'],
  ) {
    const values = {
      name,
      key,
      definition: JSON.stringify(definition),
      target: target ?? null,
      stopping: 0,
      sequence: 0,
      created_at: await this.#now(tx),
    }
    const row = await tx.insertInto('study').values(values).returningAll().executeTakeFirstOrThrow()
    if (trials.length > 0) await this.#importTrials(tx, row.id, trials)
    return row
  }

  async #use(tx: Tx, study: number, target: number | undefined) {
    const row = await this.#lockStudy(tx, study)
    return tx
      .updateTable('study')
      .set({ stopping: 0, ...(target === undefined ? {} : await this.#targetValues(tx, study, row, target)) })
      .where('id', '=', study)
      .returningAll()
      .executeTakeFirstOrThrow()
  }

  async setStopping(study: number, stopping: boolean): Promise<void> {
    await this.#dialect.write(async (tx) => {
      await this.#lockStudy(tx, study)
      await tx
        .updateTable('study')
        .set({ stopping: Number(stopping) })
        .where('id', '=', study)
        .execute()
    })
  }

  extend(study: number, total: number): Promise<number> {
    return this.#dialect.write(async (tx) => {
      const row = await this.#lockStudy(tx, study)
      if (row.target !== null && row.target >= total) return row.target
      await tx
        .updateTable('study')
        .set(await this.#targetValues(tx, study, row, total))
        .where('id', '=', study)
        .execute()
      return total
    })
  }

  setTarget(study: number, total: number): Promise<number> {
    return this.#dialect.write(async (tx) => {
      const row = await this.#lockStudy(tx, study)
      const full = await this.#fullOf(tx, study)
      const least = full === undefined ? await this.#nextNumber(tx, study) : await this.#spent(tx, study, full)
      const target = Math.max(total, least)
      await tx
        .updateTable('study')
        .set(await this.#targetValues(tx, study, row, target))
        .where('id', '=', study)
        .execute()
      return target
    })
  }

  /** A study that was finished and goes on has its patience anew. */
  async #targetValues(
    tx: Tx,
    study: number,
    before: Pick<Selectable<StudyTable>, 'target' | 'finished_target'>,
    target: number,
  ) {
    const full = await this.#fullOf(tx, study)
    if (full === undefined || before.target === null || before.finished_target !== before.target) return { target }
    if (target <= before.target || (await this.#openCount(tx, study)) > 0) return { target }
    return { target, patience_from: await this.#spent(tx, study, full, { repeats: false }) }
  }

  async deleteStudy(study: number): Promise<void> {
    await this.#dialect.write(async (tx) => {
      await this.#dialect.lockAll(tx)
      const { name } = await this.#lockStudy(tx, study)
      const alive = await this.#aliveWorkers(tx, study)
      if (alive.length > 0)
        throw new StudyInUseError(
          name,
          alive.map(({ pid, host }) => `${pid} on ${host}`),
        )
      await tx.deleteFrom('study').where('id', '=', study).execute()
    })
  }

  workers(study: number): Promise<readonly WorkerRecord[]> {
    return this.#dialect.read(async (db) => {
      const rows = await db.selectFrom('worker').selectAll().where('study_id', '=', study).orderBy('id').execute()
      return rows.map(toWorker)
    })
  }

  addWorker(study: number, worker: WorkerInfo): Promise<number> {
    return this.#dialect.write(async (tx) => {
      await this.#lockStudy(tx, study)
      return this.#addWorker(tx, study, worker)
    })
  }

  async #addWorker(tx: Tx, study_id: number, { host, pid, startedAt }: WorkerInfo): Promise<number> {
    const now = await this.#now(tx)
    const { id } = await tx
      .insertInto('worker')
      .values({ study_id, host, pid, started_at: startedAt, registered_at: now, heartbeat_at: now })
      .returning('id')
      .executeTakeFirstOrThrow()
    return id
  }

  async heartbeat(worker: number): Promise<void> {
    await this.#dialect.write(async (tx) => {
      const heartbeat_at = await this.#now(tx)
      await tx.updateTable('worker').set({ heartbeat_at }).where('id', '=', worker).execute()
    }, 'order')
  }

  async endWorker(worker: number): Promise<void> {
    await this.#dialect.write(async (tx) => {
      const row = await tx.selectFrom('worker').select('study_id').where('id', '=', worker).executeTakeFirst()
      if (!row) return // its study was deleted
      await this.#lockStudy(tx, row.study_id)
      await this.#takeBack(tx, row.study_id, worker, 'released')
      await this.#endWorker(tx, worker)
    })
  }

  async #endWorker(tx: Tx, worker: number): Promise<void> {
    const ended_at = await this.#now(tx)
    await tx.updateTable('worker').set({ ended_at }).where('id', '=', worker).where('ended_at', 'is', null).execute()
  }

  changes(study: number, sequence: number, limit?: number): Promise<StudyChanges> {
    return this.#dialect.read((db) => this.#changes(db, study, sequence, limit))
  }

  async #changes(db: Db, study: number, since: number, limit?: number): Promise<StudyChanges> {
    const row = await db
      .selectFrom('study')
      .select(['target', 'finished_target', 'patience_from', 'stopping'])
      .where('id', '=', study)
      .executeTakeFirst()
    if (!row) throw await this.#notFound(db, study)
    const query = db
      .selectFrom('trial')
      .where('study_id', '=', study)
      .where('sequence', '>', since)
      .orderBy('sequence')
      .$if(limit !== undefined, (every) => every.limit(limit!))
    const { packed } = (await packedTrials(this.#dialect, query).execute(db)).rows[0]
    return {
      target: row.target ?? undefined,
      finishedTarget: row.finished_target ?? undefined,
      patienceFrom: row.patience_from ?? undefined,
      stopping: row.stopping === 1,
      ...(packed === null ? { trials: [], sequence: since } : unpackTrials(packed)),
    }
  }

  claimTrial(study: number, worker: number, proposer: Proposer): Promise<Claim> {
    return this.#dialect.write(async (tx): Promise<Claim> => {
      const row = await this.#lockStudy(tx, study)
      const { target, stopping, sequence } = row
      const now = await this.#dialect.now(tx)
      const lost = await this.#takeBackLost(tx, study, worker, now)
      if (stopping === 1) return { trial: undefined, because: 'stopping' }
      const open = await tx
        .selectFrom('trial')
        .select(['number', 'state'])
        .where('study_id', '=', study)
        .where('state', 'in', ['running', 'waiting'])
        .execute() // not ordered by number: SQLite would then walk through all trials
      const waiting = open.filter(({ state }) => state === 'waiting').map((trial) => trial.number)
      if (waiting.length > 0) return this.#claimWaiting(tx, study, Math.min(...waiting), worker, now)

      const number = await this.#nextNumber(tx, study)
      const full = await this.#fullOf(tx, study)
      if (full === undefined && target !== null && number >= target) return { trial: undefined, because: 'target' }
      if (lost || proposer.sequence < sequence) await this.#teach(tx, study, proposer)
      const patienceFrom = row.patience_from ?? undefined
      const proposal = proposer.propose(number, { target: target ?? undefined, patienceFrom })
      const finished = proposal === undefined && open.length === 0 ? target : null
      if (finished !== row.finished_target)
        await tx.updateTable('study').set({ finished_target: finished }).where('id', '=', study).execute()
      if (!proposal) return { trial: undefined, because: 'target' }
      return this.#claimNew(tx, study, number, number - open.length, worker, now, proposal)
    }, 'order')
  }

  async #claimWaiting(tx: Tx, study: number, number: number, worker: number, now: number): Promise<Claim> {
    const sequence = await this.#nextSequence(tx, study)
    const row = await tx
      .updateTable('trial')
      .set(({ eb }) => ({ state: 'running', attempt: eb('attempt', '+', 1), worker_id: worker, sequence }))
      .where('study_id', '=', study)
      .where('number', '=', number)
      .returning(['attempt', 'digest', ...proposedColumns])
      .executeTakeFirstOrThrow()
    const trial: RunningTrial = { number, ...proposedValues(row), attempt: row.attempt, state: 'running' }
    await this.#beginAttempt(tx, study, trial, worker, now)
    return { trial, digest: row.digest, sequence }
  }

  async #claimNew(
    tx: Tx,
    study: number,
    number: number,
    seen: number,
    worker: number,
    now: number,
    proposal: Proposal,
  ): Promise<Claim> {
    const { hyp, parents, mutated = [], fidelity, continues, repeats, repetition } = proposal
    const trial: RunningTrial = { ...proposedPart({ ...proposal, number, mutated, attempt: 1 }), state: 'running' }
    const digest = hypDigest(hyp)
    const sequence = await this.#nextSequence(tx, study)
    const row = {
      hyp: checkHyp(hyp),
      digest,
      parents: JSON.stringify(parents),
      mutated: JSON.stringify(mutated),
      ...{ fidelity, continues, repeats, repetition },
      seen,
      worker_id: worker,
    }
    await tx
      .insertInto('trial')
      .values({ study_id: study, number, state: 'running', sequence, attempt: 1, ...row })
      .execute()
    await this.#beginAttempt(tx, study, trial, worker, now)
    return { trial, digest, sequence }
  }

  /** Tells the proposer what it does not know, in portions. */
  async #teach(tx: Tx, study: number, proposer: Proposer): Promise<void> {
    for (;;) {
      const changes = await this.#changes(tx, study, proposer.sequence, portion)
      proposer.learn(changes)
      if (changes.trials.length < portion) return
    }
  }

  async #beginAttempt(
    tx: Tx,
    study_id: number,
    { number, attempt }: RunningTrial,
    worker: number,
    now: number,
  ): Promise<void> {
    await tx
      .insertInto('attempt')
      .values({ study_id, trial: number, attempt, worker_id: worker, started_at: iso(now) })
      .execute()
  }

  endAttempt(study: number, reference: AttemptReference, ending: Ending): Promise<number> {
    return this.#dialect.write((tx) => this.#end(tx, study, reference, ending))
  }

  /** Locks the study by its first statement. */
  async #end(
    tx: Tx,
    study: number,
    reference: AttemptReference,
    ending: Ending,
    name: NonNullable<AttemptRecord['ending']> = ending.state,
  ): Promise<number> {
    const { number, attempt } = reference
    const sequence = await this.#nextSequence(tx, study)
    const { numUpdatedRows } = await tx
      .updateTable('trial')
      .set({ ...endingValues(ending), sequence, worker_id: null })
      .where('study_id', '=', study)
      .where('number', '=', number)
      .where('state', '=', 'running')
      .where('attempt', '=', attempt)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 0n) await this.#requireAttempt(tx, study, reference) // throws
    await tx
      .updateTable('attempt')
      .set({
        ended_at: await this.#now(tx),
        ending: name,
        ...(ending.state === 'failed' ? { failure: ending.failure, output: JSON.stringify(ending.output) } : {}),
      })
      .where('study_id', '=', study)
      .where('trial', '=', number)
      .where('attempt', '=', attempt)
      .execute()
    return sequence
  }

  async reportEpoch(
    study: number,
    reference: AttemptReference,
    epoch: number,
    metrics: Metrics,
    fitness?: number,
  ): Promise<void> {
    await this.#dialect.write(async (tx) => {
      const sequence = fitness === undefined ? null : await this.#nextReport(tx, study)
      if (sequence === null) await this.#lockStudy(tx, study)
      await this.#requireAttempt(tx, study, reference)
      const { number: trial, attempt } = reference
      const values = { metrics: metricsText(metrics), fitness: fitness ?? null, sequence }
      await tx
        .insertInto('epoch')
        .values({ study_id: study, trial, attempt, epoch, ...values })
        .onConflict((conflict) => conflict.columns(['study_id', 'trial', 'attempt', 'epoch']).doUpdateSet(values))
        .execute()
    }, 'order')
  }

  /** Locks the study. */
  async #nextReport(tx: Tx, study: number): Promise<number> {
    const row = await tx
      .updateTable('study')
      .set(({ eb }) => ({ reported: eb('reported', '+', 1) }))
      .where('id', '=', study)
      .returning('reported')
      .executeTakeFirst()
    if (!row) throw await this.#notFound(tx, study)
    return row.reported
  }

  reports(study: number, sequence: number, limit?: number): Promise<ReportChanges> {
    return this.#dialect.read(async (db) => {
      const query = db
        .selectFrom('epoch')
        .where('study_id', '=', study)
        .where('sequence', '>', sequence)
        .orderBy('sequence')
        .$if(limit !== undefined, (every) => every.limit(limit!))
      const { packed } = (await packedReports(this.#dialect, query).execute(db)).rows[0]
      return packed === null ? { sequence, reports: [] } : unpackReports(packed)
    })
  }

  async importTrials(study: number, trials: readonly ImportedTrial[]): Promise<void> {
    await this.#dialect.write((tx) => this.#importTrials(tx, study, trials))
  }

  async #importTrials(tx: Tx, study: number, trials: readonly ImportedTrial[]): Promise<void> {
    const { sequence } = await this.#lockStudy(tx, study)
    const first = await this.#nextNumber(tx, study)
    const seen = await this.#ended(tx, study)
    const rows = trials.map(({ hyp, ending }, i) => ({
      fitness: null,
      metrics: null,
      epochs: null,
      failure: null,
      output: null,
      ...{ second: null, violation: null },
      ...endingValues(ending),
      study_id: study,
      number: first + i,
      sequence: sequence + 1 + i,
      attempt: 0,
      hyp: checkHyp(hyp),
      digest: hypDigest(hyp),
      parents: '[]',
      mutated: '[]',
      seen: seen + i,
    }))
    for (
      let i = 0;
      i < rows.length;
      i += 500 // a statement has room for so many parameters
    )
      await tx
        .insertInto('trial')
        .values(rows.slice(i, i + 500))
        .execute()
    await tx
      .updateTable('study')
      .set({ sequence: sequence + rows.length })
      .where('id', '=', study)
      .execute()
  }

  attempts(study: number, trial?: number): Promise<readonly AttemptRecord[]> {
    return this.#dialect.read(async (db) => {
      const rows = await db
        .selectFrom('attempt')
        .innerJoin('worker', 'worker.id', 'attempt.worker_id')
        .select(['trial', 'attempt', 'attempt.started_at', 'attempt.ended_at', 'ending', 'failure', 'output'])
        .select(['worker.host', 'worker.pid', 'worker.started_at as worker_started_at'])
        .where('attempt.study_id', '=', study)
        .$if(trial !== undefined, (query) => query.where('trial', '=', trial!))
        .orderBy('trial')
        .orderBy('attempt')
        .execute()
      return rows.map((row) => ({
        trial: row.trial,
        attempt: row.attempt,
        worker: { host: row.host, pid: row.pid, startedAt: row.worker_started_at },
        startedAt: row.started_at,
        endedAt: row.ended_at ?? undefined,
        ending: row.ending ?? undefined,
        failure: (row.failure as FailureClass | null) ?? undefined,
        output: JSON.parse(row.output ?? '[]') as string[],
      }))
    })
  }

  epochs(study: number, trial?: number): Promise<readonly EpochRecord[]> {
    return this.#dialect.read(async (db) => {
      const rows = await db
        .selectFrom('epoch')
        .select(['trial', 'attempt', 'epoch', 'metrics', 'fitness'])
        .where('study_id', '=', study)
        .$if(trial !== undefined, (query) => query.where('trial', '=', trial!))
        .orderBy('trial')
        .orderBy('attempt')
        .orderBy('epoch')
        .execute()
      return rows.map(({ metrics, fitness, ...row }) => ({
        ...{ ...row, metrics: parseMetricsText(metrics) },
        ...(fitness !== null && { fitness }),
      }))
    })
  }

  artifacts(study: number, trial?: number): Promise<readonly ArtifactRecord[]> {
    return this.#dialect.read((db) =>
      db
        .selectFrom('artifact')
        .select(['trial', 'kind', 'path'])
        .where('study_id', '=', study)
        .$if(trial !== undefined, (query) => query.where('trial', '=', trial!))
        .orderBy('id')
        .execute(),
    )
  }

  async addArtifact(study_id: number, { trial, kind, path }: ArtifactRecord): Promise<void> {
    await this.#dialect.write((tx) =>
      tx
        .insertInto('artifact')
        .values({ study_id, trial, kind, path })
        .onConflict((conflict) => conflict.columns(['study_id', 'trial', 'path']).doUpdateSet({ kind }))
        .execute(),
    )
  }

  async removeArtifact(study: number, trial: number, path: string): Promise<void> {
    await this.#dialect.write((tx) =>
      tx
        .deleteFrom('artifact')
        .where('study_id', '=', study)
        .where('trial', '=', trial)
        .where('path', '=', path)
        .execute(),
    )
  }

  seen(study: number, trial: number): Promise<number> {
    return this.#dialect.read(async (db) => {
      const { seen } = await db
        .selectFrom('trial')
        .select('seen')
        .where('study_id', '=', study)
        .where('number', '=', trial)
        .executeTakeFirstOrThrow()
      return seen
    })
  }

  async exclusive<T>(study: number, step: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(study) ?? Promise.resolve()
    const result = before.then(async () => {
      const token = randomUUID()
      while (!(await this.#takeTurn(study, token))) await delay(5 + Math.random() * 20)
      try {
        return await step()
      } finally {
        await this.#dialect.write(
          (tx) => tx.deleteFrom('turn').where('study_id', '=', study).where('token', '=', token).execute(),
          'order',
        )
      }
    })
    this.#turns.set(
      study,
      result.catch(() => {}),
    )
    return result
  }

  #takeTurn(study: number, token: string): Promise<boolean> {
    return this.#dialect.write(async (tx) => {
      await this.#lockStudy(tx, study)
      const now = await this.#dialect.now(tx)
      const holder = await tx.selectFrom('turn').selectAll().where('study_id', '=', study).executeTakeFirst()
      if (holder) {
        const { host, pid, started_at: startedAt, taken_at: heartbeatAt } = holder
        const expired = now - Date.parse(heartbeatAt) > turnMs
        if (!expired && isAlive({ host, pid, startedAt, heartbeatAt, endedAt: undefined }, now)) return false
        await tx.deleteFrom('turn').where('study_id', '=', study).execute()
      }
      const { host, pid, startedAt } = thisWorker()
      const taken_at = new Date(now).toISOString()
      await tx
        .insertInto('turn')
        .values({ study_id: study, token, host, pid, started_at: startedAt, taken_at })
        .execute()
      return true
    }, 'order')
  }

  close(): Promise<void> {
    return this.#dialect.close()
  }

  async #lockStudy(tx: Tx, study: number) {
    const query = tx
      .selectFrom('study')
      .select(['name', 'target', 'finished_target', 'patience_from', 'stopping', 'sequence'])
      .where('id', '=', study)
    const row = await this.#dialect.lockRow(query).executeTakeFirst()
    if (!row) throw await this.#notFound(tx, study)
    return row
  }

  async #notFound(db: Db, study: number): Promise<StudyNotFoundError> {
    const rows = await db.selectFrom('study').select('name').orderBy('id').execute()
    return new StudyNotFoundError(
      `number ${study}`,
      this.location,
      rows.map(({ name }) => name),
    )
  }

  async #requireAttempt(tx: Tx, study: number, reference: AttemptReference): Promise<void> {
    const row = await tx
      .selectFrom('trial')
      .select(['state', 'attempt'])
      .where('study_id', '=', study)
      .where('number', '=', reference.number)
      .executeTakeFirst()
    requireAttempt(row, reference)
  }

  async #nextSequence(tx: Tx, study: number): Promise<number> {
    const row = await tx
      .updateTable('study')
      .set(({ eb }) => ({ sequence: eb('sequence', '+', 1) }))
      .where('id', '=', study)
      .returning('sequence')
      .executeTakeFirst()
    if (!row) throw await this.#notFound(tx, study)
    return row.sequence
  }

  async #fullOf(tx: Tx, study: number): Promise<number | undefined> {
    if (!this.#fullEpochs.has(study)) {
      const row = await tx.selectFrom('study').select('definition').where('id', '=', study).executeTakeFirstOrThrow()
      const { schedule } = JSON.parse(row.definition) as StudyDefinition
      this.#fullEpochs.set(study, schedule?.epochs)
    }
    return this.#fullEpochs.get(study)
  }

  /** Full trainings' worth of epochs of all trials that have ended; `costOf` as a query. */
  async #spent(db: Db, study: number, full: number, { repeats = true } = {}): Promise<number> {
    const { epochs } = await db
      .selectFrom('trial')
      .select(
        sql<number>`cast(coalesce(sum(case when epochs < coalesce(fidelity, ${full}) then epochs
          else coalesce(fidelity, ${full}) end), 0) as double precision)`.as('epochs'),
      )
      .where('study_id', '=', study)
      .where('state', 'in', ['complete', 'pruned', 'failed'])
      .where('attempt', '>', 0)
      .$if(!repeats, (query) => query.where('repeats', 'is', null))
      .executeTakeFirstOrThrow()
    return epochs / full
  }

  async #nextNumber(tx: Tx, study: number): Promise<number> {
    const last = await tx
      .selectFrom('trial')
      .select('number')
      .where('study_id', '=', study)
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst()
    return last ? last.number + 1 : 0
  }

  /** Trials that have ended: all but the few that have not. */
  async #ended(tx: Tx, study: number): Promise<number> {
    return (await this.#nextNumber(tx, study)) - (await this.#openCount(tx, study))
  }

  async #openCount(tx: Tx, study: number): Promise<number> {
    const { open } = await tx
      .selectFrom('trial')
      .select(sql<number>`count(*)`.as('open'))
      .where('study_id', '=', study)
      .where('state', 'in', ['running', 'waiting'])
      .executeTakeFirstOrThrow()
    return open
  }

  /** Trials of workers that vanished wait again; a worker that was thought lost, but claims, is back. */
  async #takeBackLost(tx: Tx, study: number, claimer: number, now: number): Promise<boolean> {
    const workers = await tx
      .selectFrom('worker')
      .selectAll()
      .where('study_id', '=', study)
      .where(({ or, eb }) => or([eb('ended_at', 'is', null), eb('id', '=', claimer)]))
      .orderBy('id')
      .execute()
    let anyLost = false
    for (const worker of workers.map(toWorker)) {
      if (worker.id === claimer) {
        if (worker.endedAt === undefined) continue
        const back = { ended_at: null, heartbeat_at: iso(now) }
        await tx.updateTable('worker').set(back).where('id', '=', claimer).execute()
      } else if (!isAlive(worker, now)) {
        await this.#takeBack(tx, study, worker.id, 'lost')
        await this.#endWorker(tx, worker.id)
        anyLost = true
      }
    }
    return anyLost
  }

  async #takeBack(tx: Tx, study: number, worker: number, ending: 'released' | 'lost'): Promise<void> {
    const rows = await tx
      .selectFrom('trial')
      .select(['number', 'attempt'])
      .where('study_id', '=', study)
      .where('state', '=', 'running')
      .where('worker_id', '=', worker)
      .orderBy('number')
      .execute()
    for (const row of rows) await this.#end(tx, study, row, { state: 'released' }, ending)
  }

  async #aliveWorkers(db: Db, study?: number): Promise<(WorkerRecord & { study: number })[]> {
    const rows = await db
      .selectFrom('worker')
      .selectAll()
      .where('ended_at', 'is', null)
      .$if(study !== undefined, (query) => query.where('study_id', '=', study!))
      .orderBy('id')
      .execute()
    if (rows.length === 0) return []
    const now = await this.#dialect.now(db)
    return rows.map((row) => ({ ...toWorker(row), study: row.study_id })).filter((worker) => isAlive(worker, now))
  }

  async #overviews(db: Db): Promise<StudyOverview[]> {
    const studies = await db.selectFrom('study').selectAll().orderBy('id').execute()
    const counted = await db
      .selectFrom('trial')
      .select(['study_id', 'state', sql<number>`count(*)`.as('count')])
      .groupBy(['study_id', 'state'])
      .execute()
    const alive = await this.#aliveWorkers(db)
    const overviews: StudyOverview[] = []
    for (const row of studies) {
      const counts: { -readonly [K in keyof TrialCounts]: number } = {
        waiting: 0,
        running: 0,
        complete: 0,
        pruned: 0,
        failed: 0,
      }
      for (const { study_id, state, count } of counted) if (study_id === row.id) counts[state] = count
      const workers = alive.filter((worker) => worker.study === row.id).map(({ study: _, ...worker }) => worker)
      const study = toStudy(row)
      const { schedule } = study.definition
      const ended = counts.complete + counts.pruned + counts.failed
      const spent = schedule ? await this.#spent(db, row.id, schedule.epochs) : ended
      overviews.push({ ...study, counts, spent, workers })
    }
    return overviews
  }

  async #now(tx: Db): Promise<string> {
    return iso(await this.#dialect.now(tx))
  }
}

const iso = (ms: number) => new Date(ms).toISOString()

/** Rows that are read at once. */
const portion = 2000

const toStudy = (row: Selectable<StudyTable>): StudyRecord => ({
  id: row.id,
  name: row.name,
  key: row.key,
  definition: JSON.parse(row.definition) as StudyDefinition,
  target: row.target ?? undefined,
  finishedTarget: row.finished_target ?? undefined,
  patienceFrom: row.patience_from ?? undefined,
  stopping: row.stopping === 1,
  createdAt: row.created_at,
})

const toWorker = (row: Selectable<WorkerTable>): WorkerRecord => ({
  id: row.id,
  host: row.host,
  pid: row.pid,
  startedAt: row.started_at,
  registeredAt: row.registered_at,
  heartbeatAt: row.heartbeat_at,
  endedAt: row.ended_at ?? undefined,
})

function endingValues(ending: Ending) {
  switch (ending.state) {
    case 'complete': {
      const { fitness, metrics } = ending
      return { state: 'complete', fitness, metrics: metricsText(metrics), ...judgementOf(ending) } as const
    }
    case 'pruned': {
      const { epochs, fitness = null, metrics } = ending
      return { state: 'pruned', epochs, fitness, metrics: metricsText(metrics), ...judgementOf(ending) } as const
    }
    case 'failed': {
      const { retry, failure, output } = ending
      return retry
        ? ({ state: 'waiting' } as const)
        : ({ state: 'failed', failure, output: JSON.stringify(output) } as const)
    }
    case 'released':
      return { state: 'waiting' } as const
  }
}
