import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { JournalError, StudyLockedError, StudyWriteError } from '../base/index.ts'
import { JournalStorage } from './index.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
  path = join(folder, 'trials.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true }))

const definition = { seed: 3, keys: ['lr0'] }
const clock = () => new Date(Date.UTC(2024, 0, 2))

async function withTwoTrials(): Promise<void> {
  const storage = await JournalStorage.open(path, clock)
  await storage.openStudy(definition)
  await storage.addTrial(0, { lr0: 0.01 }, [])
  await storage.finishTrial(0, { fitness: 0.5 })
  await storage.addTrial(1, { lr0: 0.02 }, [0])
  await storage.close()
}

describe('JournalStorage', () => {
  it('writes one line of json per event and leaves no blanks behind', async () => {
    await withTwoTrials()
    expect(readFileSync(path, 'utf8')).toMatchInlineSnapshot(`
      "{"event":"created","version":1,"seed":3,"keys":["lr0"],"at":"2024-01-02T00:00:00.000Z"}
      {"event":"added","number":0,"parents":[],"hyp":{"lr0":0.01},"at":"2024-01-02T00:00:00.000Z"}
      {"event":"finished","number":0,"fitness":0.5,"at":"2024-01-02T00:00:00.000Z"}
      {"event":"added","number":1,"parents":[0],"hyp":{"lr0":0.02},"at":"2024-01-02T00:00:00.000Z"}
      "
    `)
    expect(readdirSync(folder)).toEqual(['trials.jsonl'])
  })

  it('lets interrupted trials wait when it is opened again', async () => {
    await withTwoTrials()
    const storage = await JournalStorage.open(path, clock)
    expect((await storage.trials()).map(({ number, state }) => [number, state])).toEqual([
      [0, 'finished'],
      [1, 'waiting'],
    ])
    await storage.close()
  })

  it('cuts a torn last line off, wherever it was torn', async () => {
    await withTwoTrials()
    const whole = readFileSync(path)
    for (let length = whole.length - 1; length > whole.length - 60; length--) {
      writeFileSync(path, whole)
      truncateSync(path, length)
      const storage = await JournalStorage.open(path, clock)
      expect(await storage.trials()).toHaveLength(1)
      expect((await storage.addTrial(1, { lr0: 0.3 }, []))?.number).toBe(1)
      await storage.close()
      const again = await JournalStorage.open(path, clock)
      expect(await again.trials()).toHaveLength(2)
      await again.close()
    }
  })

  it('says which line it cannot use', async () => {
    await withTwoTrials()
    appendFileSync(path, 'no json\n')
    await expect(JournalStorage.open(path)).rejects.toThrow(JournalError)
    await expect(JournalStorage.open(path)).rejects.toThrow('line 5, cannot be used: it is not json')
    expect(readdirSync(folder)).toEqual(['trials.jsonl'])
  })

  it('refuses a second writer, in this process or another', async () => {
    const storage = await JournalStorage.open(path)
    await expect(JournalStorage.open(path)).rejects.toThrow(StudyLockedError)
    await expect(JournalStorage.open(path)).rejects.toThrow(`${process.pid} on ${hostname()}`)
    await storage.close()
    await (await JournalStorage.open(path)).close()
  })

  it('breaks the lock of a process that was killed, also if its process id is in use again', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const started = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ')[19]
    const lock = (holder: object) => writeFileSync(`${path}.lock`, JSON.stringify({ host: hostname(), ...holder }))

    lock({ pid: child.pid, started })
    await expect(JournalStorage.open(path)).rejects.toThrow(StudyLockedError)
    lock({ pid: child.pid, started: '1' })
    await (await JournalStorage.open(path)).close()
    lock({ pid: child.pid, started, boot: 'another start of the machine' })
    await (await JournalStorage.open(path)).close()

    lock({ pid: child.pid, started })
    child.kill('SIGKILL')
    await new Promise((resolve) => child.on('exit', resolve))
    await (await JournalStorage.open(path)).close()

    lock({ pid: 1, host: 'elsewhere' })
    await expect(JournalStorage.open(path)).rejects.toThrow('1 on elsewhere')
  })

  it('lets one of many win a stale lock', async () => {
    writeFileSync(`${path}.lock`, JSON.stringify({ host: hostname(), pid: 2 ** 30 }))
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => JournalStorage.open(path)))
    const winners = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
    expect(winners).toHaveLength(1)
    await winners[0].close()
    expect(readdirSync(folder)).toEqual(['trials.jsonl'])
  })
})

describe('on a full disk', () => {
  let disk: string | undefined
  beforeEach(() => {
    disk = join(folder, 'disk')
    execFileSync('mkdir', [disk])
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'pipe' })
    } catch {
      disk = undefined
    }
  })
  afterEach(() => {
    if (disk) execFileSync('umount', ['-l', disk])
  })

  it('refuses to start a trial whose result would find no room, and finishes one that runs', async (context) => {
    if (!disk) return context.skip('mounting a small disk needs root')
    const journal = join(disk, 'trials.jsonl')
    const storage = await JournalStorage.open(journal)
    await storage.openStudy(definition)
    await storage.addTrial(0, { lr0: 0.01 }, [])
    try {
      writeFileSync(join(disk, 'filler'), Buffer.alloc(1 << 20))
    } catch {} // full now
    const output = ['x'.repeat(12_000)]
    await storage.failTrial(0, output)
    const size = statSync(journal).size

    await expect(storage.addTrial(1, { lr0: 0.02 }, [])).rejects.toThrow(StudyWriteError)
    await expect(storage.addTrial(1, { lr0: 0.02 }, [])).rejects.toThrow('the disk is full')
    expect(statSync(journal).size).toBeLessThanOrEqual(size)
    expect(await storage.trials()).toHaveLength(1)

    rmSync(join(disk, 'filler'))
    expect((await storage.addTrial(1, { lr0: 0.02 }, []))?.number).toBe(1)
    await storage.close()
    const again = await JournalStorage.open(journal)
    expect((await again.trials()).map(({ state }) => state)).toEqual(['failed', 'waiting'])
    await again.close()
  })
})
