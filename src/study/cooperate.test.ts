// Several processes on one study; some are killed without warning, a server goes away and comes back. No result that was
// acknowledged is lost, none counts twice, numbers have no gaps.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { hasPostgres, startPostgres } from '../../test/helpers/postgres.ts'
import { type ProgramProcess, testProgram } from '../../test/helpers/program.ts'
import { openStorage } from './open-storage.ts'

/**
 * Takes part in the study `together`; says each result that was acknowledged: number, attempt, value. With a negative
 * number of trials it enters an exclusive step, says so, and stays there.
 */
const program = testProgram(
  'cooperate',
  `
  import { setTimeout as delay } from 'node:timers/promises'
  import { createStudy, defineSpace, float } from './index.ts'
  const [url, trials] = process.argv.slice(2)
  const space = defineSpace({ x: float(0, 1), y: float(0, 1) })
  const study = await createStudy({ space, sampler: 'yolov5', storage: url, name: 'together' })
  if (Number(trials) < 0)
    await study.exclusive(async () => {
      process.stdout.write('[0, 0, 0]\\n')
      await delay(60_000)
    })
  await study.extend(Number(trials))
  for (;;) {
    const trial = await study.ask()
    if (!trial) {
      if ((await study.counts()).running === 0) break
      await delay(20)
      continue
    }
    await delay(Math.random() * 10)
    const value = trial.hyp.x + Math.random()
    await study.tell(trial, value)
    process.stdout.write(JSON.stringify([trial.number, trial.attempt, value]) + '\\n')
  }
  await study.close()
`,
)

interface Worker extends ProgramProcess {
  readonly acknowledged: readonly (readonly [number: number, attempt: number, value: number])[]
}

function work(url: string, trials: number): Worker {
  const started = program.start(url, String(trials))
  return {
    ...started,
    get acknowledged() {
      const lines = started.said().split('\n').slice(0, -1) // the last one may not be complete
      return lines.map((line) => JSON.parse(line))
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await delay(5)
    for (const { complaint } of program.running) if (complaint() !== '') throw new Error(complaint())
  }
}

/** Compares what the processes said with what the storage holds. */
async function check(url: string, trials: number, workers: readonly Worker[]) {
  const storage = await openStorage(url)
  const [{ id, counts }] = await storage.studies()
  const stored = (await storage.changes(id, 0)).trials.map(({ trial }) => trial)
  const attempts = await storage.attempts(id)
  await storage.close()
  expect(counts).toEqual({ waiting: 0, running: 0, complete: trials, pruned: 0, failed: 0 })
  expect(stored.map(({ number }) => number).sort((a, b) => a - b)).toEqual(Array.from({ length: trials }, (_, i) => i))
  const acknowledged = workers.flatMap((worker) => worker.acknowledged)
  expect(new Set(acknowledged.map(([number]) => number)).size).toBe(acknowledged.length)
  const fitness = new Map(stored.map((trial) => [trial.number, trial.state === 'complete' ? trial : undefined]))
  for (const [number, attempt, value] of acknowledged)
    expect(fitness.get(number)).toMatchObject({ attempt, fitness: value })
  const ends = attempts.filter(({ ending }) => ending === 'complete')
  expect(new Set(ends.map(({ trial }) => trial)).size).toBe(trials)
  expect(ends).toHaveLength(trials)
  expect(attempts.filter(({ ending }) => ending === undefined)).toEqual([])
  return { acknowledged: acknowledged.length, lost: attempts.filter(({ ending }) => ending === 'lost').length }
}

it('SQLite: four processes, two of them killed, one joins later', async () => {
  const url = join(program.folder, 'studies.db')
  const trials = 300
  const workers = [0, 1, 2, 3].map(() => work(url, trials))
  for (const worker of workers.slice(0, 2)) {
    await until(() => worker.acknowledged.length >= 20)
    await delay(Math.random() * 20)
    worker.process.kill('SIGKILL')
  }
  workers.push(work(url, trials))
  expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual(['', '', '', '', ''])
  for (const worker of workers.slice(2, 4)) expect(worker.acknowledged.length).toBeGreaterThan(20)
  const { acknowledged, lost } = await check(url, trials, workers)
  expect(acknowledged).toBeGreaterThanOrEqual(trials - 2) // a result may have been kept without time left to say so
  expect(lost).toBeLessThanOrEqual(2)
})

it('SQLite: a process that is killed while it writes files does not hold up the others', async () => {
  const url = join(program.folder, 'turn.db')
  const worker = work(url, -1)
  await until(() => worker.acknowledged.length === 1) // it is inside
  const storage = await openStorage(url)
  const [{ id }] = await storage.studies()
  let inside = false
  const step = storage.exclusive(id, async () => {
    inside = true
  })
  await delay(300)
  expect(inside).toBe(false)
  worker.process.kill('SIGKILL')
  await worker.ended
  await step
  expect(inside).toBe(true)
  await storage.close()
})

it('SQLite: all killed, again and again; the next ones go on', async () => {
  const url = join(program.folder, 'again.db')
  const trials = 120
  const workers: Worker[] = []
  for (let round = 0; round < 4; round++) {
    const both = [work(url, trials), work(url, trials)]
    workers.push(...both)
    await until(() => both.every((worker) => worker.acknowledged.length >= 5))
    await delay(Math.random() * 30)
    for (const worker of both) worker.process.kill('SIGKILL')
    await Promise.all(both.map(({ ended }) => ended))
  }
  const last = work(url, trials)
  workers.push(last)
  expect(await last.ended).toBe('')
  await check(url, trials, workers)
})

it.skipIf(!hasPostgres)(
  'PostgreSQL: a process is killed, the server stops in order, crashes, and comes back',
  async () => {
    const server = await startPostgres()
    try {
      const trials = 250
      const workers = [0, 1, 2].map(() => work(server.url, trials))
      const done = () => workers.reduce((sum, worker) => sum + worker.acknowledged.length, 0)
      await until(() => done() >= 40)
      workers[0].process.kill('SIGKILL')
      await until(() => done() >= 70)
      await server.restart('fast', 300)
      await until(() => done() >= 110)
      await server.restart('immediate', 300)
      await until(() => done() >= 150)
      await server.restart('immediate')
      expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual(['', '', ''])
      const { acknowledged, lost } = await check(server.url, trials, workers)
      expect(acknowledged).toBeGreaterThanOrEqual(trials - 1)
      expect(lost).toBeLessThanOrEqual(1)
    } finally {
      await server.stop()
    }
  },
)
