// The contract of storages: the same suite over memory, SQLite and PostgreSQL.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasPostgres, type PostgresServer, startPostgres } from '../../test/helpers/postgres.ts'
import { HypNotStorableError, StudyInUseError, StudyNotFoundError, TrialNotRunningError } from '../base/index.ts'
import type { Hyp, Proposal, RunningTrial } from '../search/index.ts'
import { isFinished } from './finished.ts'
import { openStorage } from './open-storage.ts'
import { leaseMs, thisWorker } from './process.ts'
import type { Ending, Proposer, Storage, StudyDefinition, WorkerInfo } from './storage.ts'
import { plainTrial } from './study.ts'

let folder: string
let server: PostgresServer | undefined
let databases = 0
let time = Date.parse('2024-05-01T12:00:00Z')
const clock = () => time

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
  server = hasPostgres ? await startPostgres() : undefined
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true })
})

/** Each place can be opened twice: as by two processes. */
const kinds: Record<string, { skip: boolean; places(): Promise<() => Promise<Storage>> }> = {
  memory: {
    skip: false,
    async places() {
      const storage = await openStorage('memory', { clock })
      return async () => storage
    },
  },
  SQLite: {
    skip: false,
    async places() {
      const path = join(folder, `${databases++}/studies.db`)
      return () => openStorage(path, { clock })
    },
  },
  PostgreSQL: {
    skip: !hasPostgres,
    async places() {
      const url = await server!.createDatabase(`d${databases++}`)
      return () => openStorage(url, { clock })
    },
  },
}

const definition: StudyDefinition = {
  seed: 2 ** 53 - 1,
  space: { parameters: [] },
  sampler: { name: 'yolov5', options: {} },
  direction: 'maximize',
  fitness: 'value',
  identity: { data: 'é \u2028 "x"' },
  settings: {},
}

/** A full training takes 9 epochs, rungs are 3 and 9. */
const scheduled: StudyDefinition = {
  ...definition,
  schedule: { epochs: 9, lowest: 3, rungs: 'restart', pruner: { name: 'hyperband', options: {} }, confirm: 0 },
}

/** A process on another machine. */
const remote: WorkerInfo = { host: 'elsewhere', pid: 7, startedAt: 'b/1' }

const create = (
  storage: Storage,
  name: string,
  target?: number,
  worker: WorkerInfo | undefined = thisWorker(),
  is = definition,
) => storage.begin(worker, () => ({ create: { name, key: 'k', definition: is, target } }))

const complete = (fitness: number): Ending => ({ state: 'complete', fitness, metrics: {} })

type Part = Omit<Proposal, 'hyp' | 'parents'>

const proposer = (hyp: Hyp, learnt: number[] = [], part: Part | undefined = {}): Proposer => {
  const knows = { sequence: 0 }
  return {
    get sequence() {
      return knows.sequence
    },
    learn(changes) {
      knows.sequence = changes.sequence
      learnt.push(...changes.trials.map(({ trial }) => trial.number))
    },
    propose: () => ({ hyp, parents: [], mutated: [], ...part }),
  }
}

/** Says that nothing more fits, and whether it was asked. */
const nothing = (asked: (number | undefined)[][] = []): Proposer => ({
  ...proposer({}),
  learn() {},
  propose(number, { target, patienceFrom }) {
    asked.push([number, target, patienceFrom])
    return undefined
  },
})

async function claim(
  storage: Storage,
  study: number,
  worker: number,
  hyp: Hyp = { lr0: 1 },
  part: Part = {},
): Promise<RunningTrial> {
  const { trial } = await storage.claimTrial(study, worker, proposer(hyp, [], part))
  if (!trial) throw new Error('nothing to claim')
  return trial
}

const trialsOf = async (storage: Storage, study: number) =>
  (await storage.changes(study, 0)).trials.map(({ trial }) => plainTrial(trial))

describe.each(Object.keys(kinds))('a storage: %s', (kind) => {
  const { skip, places } = kinds[kind]
  let place: () => Promise<Storage>
  const opened: Storage[] = []
  const open = async () => {
    const storage = await place()
    opened.push(storage)
    return storage
  }
  beforeAll(async () => {
    if (!skip) place = await places()
  })
  afterAll(async () => {
    for (const storage of new Set(opened)) await storage.close()
  })
  const test = (name: string, body: () => Promise<void>) => it.skipIf(skip)(name, body)
  let names = 0
  const begin = async (storage: Storage, target?: number, worker?: WorkerInfo) => {
    const { study, worker: id } = await create(storage, `study ${kind} ${names++}`, target, worker)
    return { study: study.id, worker: id!, name: study.name }
  }

  test('keeps what a study is', async () => {
    const storage = await open()
    const { study } = await create(storage, 'kept', 3)
    expect(study).toEqual({
      id: study.id,
      name: 'kept',
      key: 'k',
      definition,
      target: 3,
      ...{ finishedTarget: undefined, patienceFrom: undefined },
      stopping: false,
      createdAt: new Date(time).toISOString(),
    })
    const [found] = (await (await open()).studies()).filter(({ name }) => name === 'kept')
    expect(found).toEqual({
      ...study,
      counts: { waiting: 0, running: 0, complete: 0, pruned: 0, failed: 0 },
      spent: 0,
      workers: [
        {
          ...thisWorker(),
          id: found.workers[0].id,
          registeredAt: study.createdAt,
          heartbeatAt: study.createdAt,
          endedAt: undefined,
        },
      ],
    })
  })

  test('lets one of many that begin at the same time create, and the others see it', async () => {
    const storages = [await open(), await open(), await open()]
    const outcomes = await Promise.all(
      storages.map((storage) =>
        storage.begin(thisWorker(), (studies) => {
          const found = studies.find(({ name }) => name === 'together')
          return found ? { use: found.id } : { create: { name: 'together', key: 'k', definition, target: 1 } }
        }),
      ),
    )
    expect(new Set(outcomes.map(({ study }) => study.id)).size).toBe(1)
    expect(new Set(outcomes.map(({ worker }) => worker)).size).toBe(3)
  })

  test('does nothing if the choice throws', async () => {
    const storage = await open()
    const before = await storage.studies()
    const refusal = new Error('no')
    await expect(
      storage.begin(thisWorker(), () => {
        throw refusal
      }),
    ).rejects.toBe(refusal)
    expect(await storage.studies()).toEqual(before)
  })

  test('numbers trials without gaps, and tells the proposer what others did', async () => {
    const [a, b] = [await open(), await open()]
    const { study, worker } = await begin(a)
    const other = await b.addWorker(study, thisWorker())
    await claim(a, study, worker, { lr0: 0.1 + 0.2, mode: 'a"b\u0000é', flag: true })
    await claim(b, study, other, { lr0: 5e-324 })
    await a.endAttempt(study, { number: 1, attempt: 1 }, complete(1))
    const learnt: number[] = []
    const { trial } = await b.claimTrial(study, other, proposer({ lr0: 3 }, learnt))
    expect(learnt).toEqual([0, 1])
    expect(trial).toEqual({ number: 2, hyp: { lr0: 3 }, parents: [], mutated: [], attempt: 1, state: 'running' })
    expect(await trialsOf(b, study)).toEqual([
      {
        number: 0,
        hyp: { lr0: 0.1 + 0.2, mode: 'a"b\u0000é', flag: true },
        parents: [],
        mutated: [],
        attempt: 1,
        state: 'running',
      },
      {
        number: 1,
        hyp: { lr0: 5e-324 },
        parents: [],
        mutated: [],
        attempt: 1,
        state: 'complete',
        fitness: 1,
        metrics: {},
      },
      trial,
    ])
    expect(await a.seen(study, 2)).toBe(1)
  })

  test('keeps metrics that are no finite numbers', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    const metrics = { a: Number.NaN, b: Number.POSITIVE_INFINITY, c: Number.NEGATIVE_INFINITY, d: -0, e: 1e-300 }
    await claim(storage, study, worker)
    await storage.reportEpoch(study, { number: 0, attempt: 1 }, 1, metrics)
    await storage.endAttempt(study, { number: 0, attempt: 1 }, { state: 'complete', fitness: -1.5e300, metrics })
    const again = await open()
    expect(await trialsOf(again, study)).toMatchObject([{ state: 'complete', fitness: -1.5e300, metrics }])
    expect(await again.epochs(study)).toEqual([{ trial: 0, attempt: 1, epoch: 1, metrics }])
  })

  test('refuses hyps that cannot be stored, and then nothing happened', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    await expect(claim(storage, study, worker, { lr0: Number.NaN })).rejects.toThrow(HypNotStorableError)
    expect(await trialsOf(storage, study)).toEqual([])
    expect(await storage.attempts(study)).toEqual([])
  })

  test('gives out nothing beyond the target, until it grows', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage, 1)
    await claim(storage, study, worker)
    expect(await storage.claimTrial(study, worker, proposer({ lr0: 2 }))).toEqual({
      trial: undefined,
      because: 'target',
    })
    expect(await storage.extend(study, 2)).toBe(2)
    expect(await storage.extend(study, 1)).toBe(2)
    expect((await claim(storage, study, worker)).number).toBe(1)
  })

  test('gives out nothing after a stop request, until somebody goes on', async () => {
    const [a, b] = [await open(), await open()]
    const { study, worker } = await begin(a, 5)
    await b.setStopping(study, true)
    expect((await a.changes(study, 0)).stopping).toBe(true)
    expect(await a.claimTrial(study, worker, proposer({ lr0: 2 }))).toEqual({ trial: undefined, because: 'stopping' })
    const { study: record } = await b.begin(undefined, () => ({ use: study, target: 7 }))
    expect([record.stopping, record.target]).toEqual([false, 7])
    expect((await claim(a, study, worker)).number).toBe(0)
  })

  test('keeps what a rung, a repeat, constraints and a second objective say', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    const parts: Part[] = [
      { fidelity: 9 },
      { fidelity: 3, continues: 0 },
      { fidelity: 9, repeats: 0, repetition: 2 },
      { fidelity: 3 },
      {},
    ]
    const trials: RunningTrial[] = []
    for (const part of parts) trials.push(await claim(storage, study, worker, { lr0: 1 }, part))
    expect(trials.map(({ hyp: _, parents: __, mutated: ___, ...rest }) => rest)).toEqual(
      parts.map((part, number) => ({ number, attempt: 1, state: 'running', ...part })),
    )
    const endings: Ending[] = [
      { state: 'complete', fitness: 0.5, second: -0.1, violation: 0, metrics: { a: 1 } },
      { state: 'pruned', epochs: 3, fitness: 0.25, second: 1 / 3, violation: Number.POSITIVE_INFINITY, metrics: {} },
      { state: 'complete', fitness: 0.1, metrics: {} },
      { state: 'failed', failure: 'crash', output: ['x'] },
      { state: 'pruned', epochs: 2, violation: 0.1, metrics: {} },
    ]
    for (const [number, ending] of endings.entries()) await storage.endAttempt(study, { number, attempt: 1 }, ending)
    const found = await trialsOf(await open(), study)
    const same = { hyp: { lr0: 1 }, parents: [], mutated: [], attempt: 1 }
    expect(found).toEqual(endings.map((ending, number) => ({ number, ...same, ...parts[number], ...ending })))
    const raw = (await storage.changes(study, 0)).trials.map(({ trial }) => trial)
    expect(
      raw.map(({ fidelity, continues, repeats, repetition }) => [fidelity, continues, repeats, repetition]),
    ).toEqual(parts.map(({ fidelity, continues, repeats, repetition }) => [fidelity, continues, repeats, repetition]))
    expect('fidelity' in raw[4]).toBe(false)
    // one that waited is given out as what it was
    const again = await claim(storage, study, worker, { lr0: 2 }, { fidelity: 9, repeats: 0, repetition: 1 })
    await storage.endAttempt(study, again, { state: 'released' })
    expect(await claim(storage, study, worker)).toEqual({ ...again, attempt: 2 })
    const imported = { hyp: { lr0: 7 }, ending: { ...endings[0], violation: 3 } as never }
    await storage.importTrials(study, [imported])
    expect((await trialsOf(storage, study)).at(-1)).toMatchObject({ attempt: 0, second: -0.1, violation: 3 })
  })

  test('with a schedule: asks what fits into the target, and is finished when all has ended and nothing does', async () => {
    const storage = await open()
    const name = `study ${kind} ${names++}`
    const { study: record, worker: id } = await create(storage, name, 1.5, thisWorker(), scheduled)
    const [study, worker] = [record.id, id!]
    const look = async () => {
      const found = (await storage.studies()).find((each) => each.id === study)!
      const { target, finishedTarget } = await storage.changes(study, 0)
      expect([found.target, found.finishedTarget]).toEqual([target, finishedTarget])
      return [target, found.spent, isFinished(found)]
    }
    await claim(storage, study, worker, { lr0: 1 }, { fidelity: 9 })
    await claim(storage, study, worker, { lr0: 2 }, { fidelity: 3 }) // more trials than the target says
    await storage.endAttempt(study, { number: 0, attempt: 1 }, complete(1))
    const asked: (number | undefined)[][] = []
    expect(await storage.claimTrial(study, worker, nothing(asked))).toEqual({ trial: undefined, because: 'target' })
    expect(await look()).toEqual([1.5, 1, false]) // what still runs may make room
    await storage.endAttempt(study, { number: 1, attempt: 1 }, { state: 'pruned', epochs: 2, metrics: {} })
    expect(await look()).toEqual([1.5, 11 / 9, false])
    expect((await claim(storage, study, worker, { lr0: 3 }, { fidelity: 3 })).number).toBe(2)
    await storage.endAttempt(study, { number: 2, attempt: 1 }, { state: 'failed', failure: 'hang', output: ['x'] })
    await storage.claimTrial(study, worker, nothing(asked))
    expect(asked).toEqual([
      [2, 1.5, undefined],
      [3, 1.5, undefined],
    ])
    expect(await look()).toEqual([1.5, 14 / 9, true])
    // what came from elsewhere costs nothing
    await storage.importTrials(study, [{ hyp: { lr0: 9 }, ending: complete(9) as never }])
    expect(await look()).toEqual([1.5, 14 / 9, true])
    // a larger target opens it again
    expect(await storage.extend(study, 1.4)).toBe(1.5)
    expect(await storage.extend(study, 37.4)).toBe(37.4)
    expect(await look()).toEqual([37.4, 14 / 9, false])
    const patience = async () => (await storage.changes(study, 0)).patienceFrom
    expect(await patience()).toBe(14 / 9)
    expect((await claim(storage, study, worker, { lr0: 4 }, { fidelity: 3 })).number).toBe(4)
    await storage.endAttempt(study, { number: 4, attempt: 1 }, { state: 'released' })
    // what waits is given out whatever the target
    expect(await storage.setTarget(study, 0.5)).toBe(14 / 9)
    expect(await storage.claimTrial(study, worker, nothing())).toMatchObject({ trial: { number: 4, fidelity: 3 } })
    await storage.endAttempt(study, { number: 4, attempt: 2 }, { state: 'pruned', epochs: 3, metrics: {} })
    expect(await storage.setTarget(study, 2)).toBe(2)
    expect(await patience()).toBe(14 / 9) // it was not finished
    await storage.claimTrial(study, worker, nothing())
    expect(await look()).toEqual([2, 17 / 9, true])
    // goes on by the same command; what a repeat costs is no part of the search
    await storage.begin(undefined, () => ({ use: study, target: 3 }))
    expect(await patience()).toBe(17 / 9)
    const repeat = await claim(storage, study, worker, { lr0: 1 }, { fidelity: 9, repeats: 0, repetition: 1 })
    await storage.endAttempt(study, repeat, complete(1))
    await storage.claimTrial(study, worker, nothing(asked))
    expect(asked.at(-1)).toEqual([6, 3, 17 / 9])
    expect(await look()).toEqual([3, 26 / 9, true])
    expect(await storage.extend(study, 4)).toBe(4)
    expect(await patience()).toBe(17 / 9)
  })

  test('sets a target up and down, but not below the trials that there are', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage, 5)
    for (let i = 0; i < 2; i++) await claim(storage, study, worker)
    expect(await storage.setTarget(study, 9)).toBe(9)
    expect(await storage.setTarget(study, 3)).toBe(3)
    expect(await storage.setTarget(study, 1)).toBe(2)
    expect((await storage.changes(study, 0)).target).toBe(2)
    expect(await storage.claimTrial(study, worker, proposer({ lr0: 2 }))).toMatchObject({ because: 'target' })
  })

  test('tells the fitness after epochs since a moment, the last where an epoch was reported twice', async () => {
    const [a, b] = [await open(), await open()]
    const { study, worker } = await begin(a)
    await claim(a, study, worker)
    await claim(a, study, worker)
    const report = (number: number, epoch: number, fitness?: number, attempt = 1) =>
      b.reportEpoch(study, { number, attempt }, epoch, { x: epoch }, fitness)
    await report(0, 1, 0.1 + 0.2)
    await report(1, 1, -1e-300)
    await report(0, 2) // none that counts
    await report(0, 3, 7)
    const first = await a.reports(study, 0, 2)
    expect(first.reports).toEqual([
      { trial: 0, epoch: 1, fitness: 0.1 + 0.2 },
      { trial: 1, epoch: 1, fitness: -1e-300 },
    ])
    const rest = await a.reports(study, first.sequence)
    expect(rest.reports).toEqual([{ trial: 0, epoch: 3, fitness: 7 }])
    expect((await a.reports(study, rest.sequence)).reports).toEqual([])
    // the next attempt reports an epoch again, and one twice
    await a.endAttempt(study, { number: 0, attempt: 1 }, { state: 'released' })
    await claim(a, study, worker)
    await report(0, 1, 8, 2)
    await report(0, 1, 9, 2)
    expect((await a.reports(study, rest.sequence)).reports).toEqual([{ trial: 0, epoch: 1, fitness: 9 }])
    expect(await a.epochs(study, 0)).toEqual([
      { trial: 0, attempt: 1, epoch: 1, metrics: { x: 1 }, fitness: 0.1 + 0.2 },
      { trial: 0, attempt: 1, epoch: 2, metrics: { x: 2 } },
      { trial: 0, attempt: 1, epoch: 3, metrics: { x: 3 }, fitness: 7 },
      { trial: 0, attempt: 2, epoch: 1, metrics: { x: 1 }, fitness: 9 },
    ])
  })

  test('gives a released or retried trial out again as the next attempt, before new ones', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    await claim(storage, study, worker, { lr0: 1 })
    await claim(storage, study, worker, { lr0: 2 })
    const failed: Ending = { state: 'failed', failure: 'crash', output: ['bang'], retry: true }
    await storage.endAttempt(study, { number: 1, attempt: 1 }, failed)
    await storage.endAttempt(study, { number: 0, attempt: 1 }, { state: 'released' })
    expect(await claim(storage, study, worker, { lr0: 9 })).toMatchObject({ number: 0, attempt: 2, hyp: { lr0: 1 } })
    expect(await claim(storage, study, worker, { lr0: 9 })).toMatchObject({ number: 1, attempt: 2, hyp: { lr0: 2 } })
    expect(
      (await storage.attempts(study)).map(({ trial, attempt, ending, failure, output }) => [
        trial,
        attempt,
        ending,
        failure,
        output,
      ]),
    ).toEqual([
      [0, 1, 'released', undefined, []],
      [0, 2, undefined, undefined, []],
      [1, 1, 'failed', 'crash', ['bang']],
      [1, 2, undefined, undefined, []],
    ])
    expect(await storage.attempts(study, 1)).toHaveLength(2)
  })

  test('refuses what comes from an attempt that was given up, and then nothing happened', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    await claim(storage, study, worker)
    await storage.endAttempt(study, { number: 0, attempt: 1 }, { state: 'released' })
    await claim(storage, study, worker)
    const before = [await trialsOf(storage, study), await storage.attempts(study)]
    const old = { number: 0, attempt: 1 }
    await expect(storage.endAttempt(study, old, complete(1))).rejects.toThrow(TrialNotRunningError)
    await expect(storage.reportEpoch(study, old, 1, {})).rejects.toThrow(TrialNotRunningError)
    await expect(storage.endAttempt(study, { number: 5, attempt: 1 }, complete(1))).rejects.toThrow(
      TrialNotRunningError,
    )
    expect([await trialsOf(storage, study), await storage.attempts(study)]).toEqual(before)
    await storage.endAttempt(study, { number: 0, attempt: 2 }, complete(2))
    await expect(storage.endAttempt(study, { number: 0, attempt: 2 }, complete(3))).rejects.toThrow(
      TrialNotRunningError,
    )
  })

  test('gives the trials of a silent worker of another machine to others, once its lease is over', async () => {
    const storage = await open()
    const { study, worker: away } = await begin(storage, undefined, remote)
    await claim(storage, study, away)
    const worker = await storage.addWorker(study, thisWorker())
    time += leaseMs - 1000
    await storage.heartbeat(away)
    time += leaseMs - 1000
    expect((await claim(storage, study, worker)).number).toBe(1)
    time += 2000
    expect(await claim(storage, study, worker)).toMatchObject({ number: 0, attempt: 2 })
    expect((await storage.attempts(study, 0)).map(({ ending, worker: by }) => [ending, by?.host])).toEqual([
      ['lost', 'elsewhere'],
      [undefined, thisWorker().host],
    ])
    await expect(storage.endAttempt(study, { number: 0, attempt: 1 }, complete(1))).rejects.toThrow(
      TrialNotRunningError,
    )
    expect((await storage.workers(study))[0].endedAt).toBe(new Date(time).toISOString())
    // it comes back, works on, and vanishes again
    expect((await claim(storage, study, away)).number).toBe(2)
    expect((await storage.workers(study))[0].endedAt).toBe(undefined)
    time += leaseMs + 1
    expect(await claim(storage, study, worker)).toMatchObject({ number: 2, attempt: 2 })
  })

  test('gives the trials of a process of this machine to others as soon as it is gone, and not before', async () => {
    const storage = await open()
    const gone = { ...thisWorker(), startedAt: thisWorker().startedAt.replace(/[^/]*$/, '1') } // the pid is used again
    const { study, worker } = await begin(storage)
    const dead = await storage.addWorker(study, gone)
    const alive = await storage.addWorker(study, thisWorker())
    await claim(storage, study, alive)
    time += 100 * leaseMs
    const other = await storage.addWorker(study, thisWorker())
    expect((await claim(storage, study, other)).number).toBe(1)
    expect((await storage.workers(study)).map(({ id, endedAt }) => [id, endedAt !== undefined])).toEqual([
      [worker, false],
      [dead, true],
      [alive, false],
      [other, false],
    ])
  })

  test('lets the trials of a worker that leaves wait', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    await claim(storage, study, worker)
    await storage.endWorker(worker)
    expect(await trialsOf(storage, study)).toMatchObject([{ number: 0, state: 'waiting', attempt: 1 }])
    expect((await storage.attempts(study)).map(({ ending }) => ending)).toEqual(['released'])
  })

  test('hands out changes since a moment, in portions if wanted, ended trials as they were told', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    for (let i = 0; i < 5; i++) await claim(storage, study, worker, { lr0: i })
    const { sequence } = await storage.changes(study, 0)
    for (const number of [3, 1, 4]) await storage.endAttempt(study, { number, attempt: 1 }, complete(number))
    const changes = await storage.changes(study, sequence)
    expect(changes.trials.map(({ trial }) => [trial.number, trial.state])).toEqual([
      [3, 'complete'],
      [1, 'complete'],
      [4, 'complete'],
    ])
    const numbers: number[] = []
    for (let since = 0; ; ) {
      const part = await storage.changes(study, since, 2)
      numbers.push(...part.trials.map(({ trial }) => trial.number))
      if (part.trials.length < 2) break
      since = part.sequence
    }
    expect(numbers).toEqual([0, 2, 3, 1, 4])
    expect((await storage.changes(study, changes.sequence)).trials).toEqual([])
  })

  test('keeps reports and artifacts, the latest of each', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    await claim(storage, study, worker)
    await claim(storage, study, worker)
    const trial = { number: 0, attempt: 1 }
    await storage.reportEpoch(study, trial, 2, { mAP50: 0.5 })
    await storage.reportEpoch(study, trial, 1, {})
    await storage.reportEpoch(study, trial, 2, { mAP50: 0.25 })
    expect(await storage.epochs(study, 0)).toEqual([
      { trial: 0, attempt: 1, epoch: 1, metrics: {} },
      { trial: 0, attempt: 1, epoch: 2, metrics: { mAP50: 0.25 } },
    ])
    await storage.addArtifact(study, { trial: 1, kind: 'log', path: 'trials/1/train.log' })
    await storage.addArtifact(study, { trial: 0, kind: 'weights', path: 'last' })
    await storage.addArtifact(study, { trial: 0, kind: 'best', path: 'last' })
    await storage.addArtifact(study, { trial: 0, kind: 'weights', path: 'gone' })
    await storage.removeArtifact(study, 0, 'gone')
    expect(await storage.artifacts(study)).toEqual([
      { trial: 1, kind: 'log', path: 'trials/1/train.log' },
      { trial: 0, kind: 'best', path: 'last' },
    ])
    expect(await storage.artifacts(study, 0)).toEqual([{ trial: 0, kind: 'best', path: 'last' }])
  })

  test('imports many trials in their order, all or none', async () => {
    const storage = await open()
    const { study, worker } = await begin(storage)
    const trials = Array.from({ length: 1203 }, (_, i) => ({ hyp: { lr0: i }, ending: complete(i) as never }))
    await storage.importTrials(study, trials)
    await expect(
      storage.importTrials(study, [
        { hyp: { lr0: 1 }, ending: complete(1) as never },
        { hyp: { lr0: Number.NaN }, ending: complete(1) as never },
      ]),
    ).rejects.toThrow(HypNotStorableError)
    await storage.importTrials(study, [
      { hyp: { lr0: 0.5 }, ending: { state: 'failed', failure: 'diverged', output: ['nan'] } },
    ])
    expect((await claim(storage, study, worker)).number).toBe(1204)
    expect(await storage.seen(study, 1204)).toBe(1204)
    const found = await trialsOf(storage, study)
    expect(found.map(({ number }) => number)).toEqual(Array.from({ length: 1205 }, (_, i) => i))
    expect(found[7]).toEqual({
      number: 7,
      hyp: { lr0: 7 },
      parents: [],
      mutated: [],
      attempt: 0,
      state: 'complete',
      fitness: 7,
      metrics: {},
    })
    expect(found[1203]).toMatchObject({ state: 'failed', failure: 'diverged', output: ['nan'] })
  })

  test('runs exclusive steps one at a time, over several openings, and goes on when one throws', async () => {
    const storages = [await open(), await open()]
    const { study } = await begin(storages[0])
    const log: string[] = []
    const step = (name: string) => async () => {
      log.push(`in ${name}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
      log.push(`out ${name}`)
      if (name === '1') throw new Error('broken')
      return name
    }
    const steps = ['0', '1', '2', '3'].map((name, i) => storages[i % 2].exclusive(study, step(name)))
    const outcomes = await Promise.allSettled(steps)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(log).toHaveLength(8)
    for (let i = 0; i < 8; i += 2) expect(log[i + 1]).toBe(log[i].replace('in', 'out'))
  })

  test('deletes a study that nobody works on, with all it has', async () => {
    const storage = await open()
    const { study, worker, name } = await begin(storage)
    await claim(storage, study, worker)
    await expect(storage.deleteStudy(study)).rejects.toThrow(StudyInUseError)
    await storage.endWorker(worker)
    await storage.deleteStudy(study)
    expect((await storage.studies()).filter((each) => each.name === name)).toEqual([])
    await expect(storage.changes(study, 0)).rejects.toThrow(StudyNotFoundError)
    await expect(claim(storage, study, worker)).rejects.toThrow(StudyNotFoundError)
    await storage.heartbeat(worker).catch(() => {}) // a process that still runs must not be thrown over by this
    await create(storage, name)
  })
})

const operation = fc.record({
  what: fc.constantFrom(
    ...(['claim', 'complete', 'fail', 'retry', 'prune', 'release', 'leave', 'lose', 'report', 'reopen'] as const),
    ...(['decline', 'retarget'] as const),
  ),
  who: fc.nat(2),
  number: fc.nat(6),
  attempt: fc.integer({ min: 1, max: 3 }),
})

it.each(Object.keys(kinds).filter((kind) => kind !== 'memory'))(
  '%s and memory agree after any sequence of operations',
  async (kind) => {
    if (kinds[kind].skip) return
    const places = await kinds[kind].places()
    let other = await places()
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 30 }), fc.boolean(), async (operations, hasSchedule) => {
        const memory = await openStorage('memory', { clock })
        const name = `property ${Math.random()}`
        const both = async <T>(act: (storage: Storage, i: number) => Promise<T>) => {
          const run = (storage: Storage, i: number) => act(storage, i).catch((error: Error) => error.message)
          const [left, right] = [await run(memory, 0), await run(other, 1)]
          return [left, right] as const
        }
        const is = hasSchedule ? scheduled : definition
        const worker = thisWorker()
        const [a, b] = [await create(memory, name, 6, worker, is), await create(other, name, 6, worker, is)]
        const studies = [a.study.id, b.study.id]
        const workers = [[a.worker!], [b.worker!]]
        for (const extra of [remote, remote])
          await both(async (storage, i) => workers[i].push(await storage.addWorker(studies[i], extra)))
        const same = (pair: readonly [unknown, unknown]) => expect(pair[1]).toEqual(pair[0])

        for (const { what, who, number, attempt } of operations) {
          const reference = { number, attempt }
          const end = (ending: Ending) => both((storage, i) => storage.endAttempt(studies[i], reference, ending))
          const part = { ...(hasSchedule && { fidelity: number < 4 ? 3 : 9 }), ...(number === 6 && { repeats: 0 }) }
          const claims = (asked: Proposer) =>
            both((storage, i) => storage.claimTrial(studies[i], workers[i][who], asked))
          if (what === 'claim') same(await claims(proposer({ lr0: number }, [], part)))
          if (what === 'decline' && hasSchedule) same(await claims(nothing()))
          if (what === 'retarget') same(await both((storage, i) => storage.setTarget(studies[i], number / 2)))
          if (what === 'complete') same(await end({ ...complete(number / 3), ...(who > 0 && { violation: who - 1 }) }))
          if (what === 'fail') same(await end({ state: 'failed', failure: 'hang', output: [`\u2028 ${number}`] }))
          if (what === 'retry') same(await end({ state: 'failed', failure: 'crash', output: [], retry: true }))
          if (what === 'prune') same(await end({ state: 'pruned', epochs: number, metrics: { x: number } }))
          if (what === 'release') same(await end({ state: 'released' }))
          if (what === 'report')
            same(
              await both((storage, i) =>
                storage.reportEpoch(studies[i], reference, number + 1, { x: who }, who > 0 ? who / 3 : undefined),
              ),
            )
          if (what === 'leave' && who > 0)
            await both(async (storage, i) => {
              await storage.endWorker(workers[i][who])
              workers[i][who] = await storage.addWorker(studies[i], remote)
            })
          if (what === 'lose') time += leaseMs / 2
          if (what === 'reopen') {
            await other.close()
            other = await places()
          }
          for (const look of [
            trialsOf,
            (s: Storage, id: number) => s.attempts(id),
            (s: Storage, id: number) => s.epochs(id),
            async (s: Storage, id: number) => (await s.reports(id, 0)).reports,
            async (s: Storage, id: number) => {
              const { target, finishedTarget, patienceFrom, spent, counts } = (await s.studies()).find(
                (each) => each.id === id,
              )!
              return { target, finishedTarget, patienceFrom, spent, counts }
            },
          ])
            same(await both(async (storage, i): Promise<unknown> => look(storage, studies[i])))
          const numbers = (await trialsOf(memory, studies[0])).map((trial) => trial.number).sort((x, y) => x - y)
          expect(numbers).toEqual(numbers.map((_, i) => i))
        }
      }),
      { numRuns: 40 },
    )
    await other.close()
  },
)
