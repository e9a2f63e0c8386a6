// What an earlier release left is brought up to date, whatever the database. Its files stand in test/golden/databases; here
// the tables are made as they were.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { hasPostgres, type PostgresServer, startPostgres } from '../../../test/helpers/postgres.ts'
import { openStorage } from '../open-storage.ts'
import { plainTrial } from '../study.ts'
import type { Dialect } from './dialect.ts'
import { libsqlDialect } from './libsql-dialect.ts'
import { migrate } from './migrations.ts'
import { postgresDialect } from './postgres-dialect.ts'

let folder: string
let server: PostgresServer | undefined
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
  server = hasPostgres ? await startPostgres() : undefined
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true })
})

const time = '2024-05-01T12:00:00.000Z'
const definition = { seed: 3, space: { parameters: [] }, sampler: { name: 'yolov5', options: {} }, identity: {} }

/** Three trials, one of each ending, and one that waits. */
async function fillFirstVersion({ db }: Dialect): Promise<void> {
  const study = { name: 'runs/evolve/exp', key: 'k', definition: JSON.stringify(definition), target: 7 }
  await db
    .insertInto('study')
    .values({ ...study, stopping: 0, sequence: 4, created_at: time })
    .execute()
  const trial = (number: number) => ({ study_id: 1, number, sequence: number + 1, attempt: 1, seen: number })
  const texts = { hyp: '{"lr0":0.01}', digest: 5, parents: '[]', mutated: '["lr0"]' }
  const rows = [
    { ...trial(0), ...texts, state: 'complete' as const, fitness: 0.1 + 0.2, metrics: '{"mAP50":0.5}' },
    { ...trial(1), ...texts, state: 'pruned' as const, epochs: 2, fitness: null, metrics: '{"x":"NaN"}' },
    { ...trial(2), ...texts, state: 'failed' as const, failure: 'crash', output: '["bang"]' },
    { ...trial(3), ...texts, state: 'waiting' as const },
  ]
  for (const row of rows) await db.insertInto('trial').values(row).execute()
  await db
    .insertInto('epoch')
    .values({ study_id: 1, trial: 0, attempt: 1, epoch: 1, metrics: '{"mAP50":0.25}' })
    .execute()
}

it.each(['SQLite', 'PostgreSQL'])('%s: tables of version 1 with trials in them', async (kind) => {
  if (kind === 'PostgreSQL' && !server) return
  const place = kind === 'SQLite' ? join(folder, 'studies.db') : server!.url
  const dialect = kind === 'SQLite' ? await libsqlDialect(place, Date.now) : await postgresDialect(place)
  await migrate(dialect, 1)
  await fillFirstVersion(dialect)
  await dialect.close()

  // several processes of this release come at once
  const [storage, other] = await Promise.all([openStorage(place), openStorage(place)])
  const [study] = await other.studies()
  const counts = { waiting: 1, running: 0, complete: 1, pruned: 1, failed: 1 }
  expect(study).toEqual({
    ...{
      id: 1,
      name: 'runs/evolve/exp',
      key: 'k',
      definition,
      target: 7,
      finishedTarget: undefined,
      patienceFrom: undefined,
    },
    ...{ stopping: false, createdAt: time, counts, spent: 3, workers: [] },
  })
  const { trials } = await storage.changes(1, 0)
  const hyp = { lr0: 0.01 }
  const same = { hyp, parents: [], mutated: ['lr0'], attempt: 1 }
  expect(trials.map(({ trial }) => plainTrial(trial))).toEqual([
    { number: 0, ...same, state: 'complete', fitness: 0.1 + 0.2, metrics: { mAP50: 0.5 } },
    { number: 1, ...same, state: 'pruned', epochs: 2, metrics: { x: Number.NaN } },
    { number: 2, ...same, state: 'failed', failure: 'crash', output: ['bang'] },
    { number: 3, ...same, state: 'waiting' },
  ])
  expect(await storage.epochs(1)).toEqual([{ trial: 0, attempt: 1, epoch: 1, metrics: { mAP50: 0.25 } }])
  expect((await storage.reports(1, 0)).reports).toEqual([])

  // and it goes on
  const worker = await storage.addWorker(1, { host: 'elsewhere', pid: 1, startedAt: 'b/1' })
  const proposer = { sequence: 4, learn() {}, propose: () => ({ hyp: { lr0: 2 }, parents: [], fidelity: 3 }) }
  expect((await storage.claimTrial(1, worker, proposer)).trial).toMatchObject({ number: 3, attempt: 2 })
  const { trial } = await storage.claimTrial(1, worker, proposer)
  expect(trial).toMatchObject({ number: 4, fidelity: 3 })
  await storage.reportEpoch(1, trial!, 1, {}, 0.5)
  expect((await other.reports(1, 0)).reports).toEqual([{ trial: 4, epoch: 1, fitness: 0.5 }])
  expect(await other.extend(1, 37.4)).toBe(37.4)
  await storage.close()
  await other.close()
})
