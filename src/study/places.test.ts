// Where a storage is, which processes are alive, and what is said when something is wrong with the place.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasPostgres, startPostgres } from '../../test/helpers/postgres.ts'
import { defineSpace, float } from '../search/index.ts'
import { createStudy } from './create-study.ts'
import { isNetworkType, typeOfMount } from './file-system.ts'
import { openStorage } from './open-storage.ts'
import { isAlive, leaseMs, thisWorker } from './process.ts'
import { openSqlite } from './sql/index.ts'
import type { Storage } from './storage.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const codeOf = (promise: Promise<Storage>) =>
  promise.then(
    async (storage) => {
      await storage.close()
      return 'opened'
    },
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  )

describe('openStorage', () => {
  it.each(['mysql://host/db', '', ' ', 'https://x', 'redis:x'])('refuses %j', async (url) => {
    expect(await codeOf(openStorage(url))).toMatch(/^STORAGE_URL: /)
  })

  it('takes paths and file URLs, and makes folders', async () => {
    for (const url of ['a/b/one.db', `file://${folder}/c/two.db`, 'sqlite:///three.db'.replace('///', `//${folder}/`)])
      expect(await codeOf(openStorage(url, { folder }))).toBe('opened')
    expect(['a/b/one.db', 'c/two.db', 'three.db'].filter((path) => existsSync(join(folder, path)))).toHaveLength(3)
  })

  it('makes nothing where studies are only to be read', async () => {
    expect(await codeOf(openStorage(undefined, { mustExist: true, folder }))).toMatch(
      /^STORAGE_MISSING: There are no studies in runs\/hypevolve\.db yet\. hypevolve train/,
    )
    expect(existsSync(join(folder, 'runs'))).toBe(false)
  })

  it('moves the default place away from a network file system, and says so', async () => {
    const before = process.env.XDG_DATA_HOME
    process.env.XDG_DATA_HOME = join(folder, 'data')
    try {
      const typeOf = (path: string) => (path.startsWith(join(folder, 'net')) ? 'nfs4' : 'ext4')
      const open = (name: string) => openStorage(undefined, { folder: join(folder, 'net', name), typeOf })
      const [one, two, again] = [await open('one'), await open('two'), await open('one')]
      expect(one.location).toMatch(/data\/hypevolve\/[0-9a-f]{16}\/hypevolve\.db$/)
      expect([again.location === one.location, two.location === one.location]).toEqual([true, false])
      expect(one.notes).toEqual([expect.stringMatching(/network file system \(nfs4\).*--storage/)])
      for (const storage of [one, two, again]) await storage.close()

      process.env.XDG_DATA_HOME = join(folder, 'net', 'home')
      const elsewhere = await open('three')
      expect(elsewhere.location).not.toContain(join(folder, 'net'))
      await elsewhere.close()
      rmSync(elsewhere.location.replace(/\/[^/]*$/, ''), { recursive: true })

      const chosen = await openStorage('net/mine.db', { folder, typeOf })
      expect([chosen.location, chosen.notes]).toEqual([join(folder, 'net/mine.db'), []])
      await chosen.close()
    } finally {
      if (before === undefined) delete process.env.XDG_DATA_HOME
      else process.env.XDG_DATA_HOME = before
    }
  })

  it('refuses what is no database, one of something else, and one of a later release', async () => {
    writeFileSync(join(folder, 'text.db'), 'lr0,lrf\n'.repeat(500))
    expect(await codeOf(openStorage('text.db', { folder }))).toMatch(/^STORAGE_INVALID: .*file is not a database/)
    expect(readFileSync(join(folder, 'text.db'), 'utf8')).toBe('lr0,lrf\n'.repeat(500))

    const foreign = new Database(join(folder, 'foreign.db'))
    foreign.exec('create table customer(name text)')
    foreign.close()
    expect(await codeOf(openStorage('foreign.db', { folder }))).toMatch(
      /^STORAGE_INVALID: .*something else \(customer\)/,
    )

    await (await openStorage('newer.db', { folder })).close()
    const newer = new Database(join(folder, 'newer.db'))
    newer.exec("insert into hypevolve_version values (99, 'from the future', '2030-01-01T00:00:00Z')")
    newer.close()
    expect(await codeOf(openStorage('newer.db', { folder }))).toMatch(/^STORAGE_NEWER: .*version 99/)
  })

  it('says that a place may not be used', async () => {
    mkdirSync(join(folder, 'folder.db'))
    expect(await codeOf(openStorage('folder.db', { folder }))).toMatch(/^STORAGE_PERMISSION: .*it is a folder/)
    writeFileSync(join(folder, 'file'), '')
    expect(await codeOf(openStorage('file/x.db', { folder }))).toMatch(/^STORAGE_PERMISSION: /)
    expect(await codeOf(openStorage('/dev/null/x.db'))).toMatch(/^STORAGE_PERMISSION: /)
  })

  it('waits for another program that has the file locked, and says so in the end', async () => {
    const path = join(folder, 'locked.db')
    const storage = await openSqlite(path, Date.now, [], 300)
    const other = new Database(path)
    other.exec('begin immediate')
    const began = performance.now()
    await expect(storage.begin(undefined, () => ({ use: 1 }))).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
    expect(performance.now() - began).toBeGreaterThan(250)
    other.exec('rollback')
    other.close()
    expect(await storage.studies()).toEqual([])
    await storage.close()
  })

  it('hands the result of a trial back that it cannot store', async () => {
    const path = join(folder, 'unstored.db')
    const storage = await openSqlite(path, Date.now, [], 100)
    const study = await createStudy({ space: defineSpace({ x: float(0, 1) }), storage, fitness: 'mAP50' })
    const trial = (await study.ask())!
    const other = new Database(path)
    other.exec('begin immediate')
    const attempt = study.tell(trial, { mAP50: 0.625, boxLoss: Number.NaN })
    await expect(attempt).rejects.toMatchObject({ code: 'TRIAL_NOT_STORED', cause: { code: 'STORAGE_LOCKED' } })
    await expect(attempt).rejects.toThrow(/"fitness":0\.625.*"boxLoss":"NaN"/)
    other.exec('rollback')
    other.close()
    expect(await study.tell(trial, { mAP50: 0.625 })).toMatchObject({ state: 'complete' })
    await study.close()
    await storage.close()
  })

  it('says that a damaged file is damaged', async () => {
    const path = join(folder, 'damaged.db')
    await (await openStorage(path)).close()
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0x5a, 200, 4096 * 3))
    expect(await codeOf(openStorage(path))).toMatch(/^STORAGE_INVALID: /)
  })

  it.skipIf(!hasPostgres)('says what is wrong with a server', async () => {
    expect(await codeOf(openStorage('postgres://u:secret@127.0.0.1:1/x'))).toMatch(
      /^STORAGE_UNREACHABLE: The database server at postgres:\/\/u@127\.0\.0\.1:1\/x cannot be used: .*ECONNREFUSED/,
    )
    const server = await startPostgres()
    try {
      expect(await codeOf(openStorage(server.url.replace('studies', 'nowhere')))).toMatch(
        /^STORAGE_UNREACHABLE: .*database "nowhere" does not exist/,
      )
      expect(await codeOf(openStorage(server.url.replace('hypevolve:', 'nobody:')))).toMatch(
        /^STORAGE_UNREACHABLE: .*role "nobody" does not exist/,
      )
      expect(await codeOf(openStorage(server.url))).toBe('opened')
    } finally {
      await server.stop()
    }
  })

  it('says that a file may not be written', async () => {
    const path = join(folder, 'readonly/x.db')
    await (await openStorage(path)).close()
    chmodSync(path, 0o444)
    chmodSync(join(folder, 'readonly'), 0o555)
    chmodSync(folder, 0o755)
    const isRoot = process.geteuid?.() === 0
    if (isRoot) process.seteuid!(65_534) // root may write anything: be nobody for a moment
    try {
      const study = createStudy({ space: defineSpace({ x: float(0, 1) }), storage: path })
      await expect(study).rejects.toMatchObject({ code: 'STORAGE_PERMISSION' })
    } finally {
      if (isRoot) process.seteuid!(0)
      chmodSync(join(folder, 'readonly'), 0o755)
    }
  })
})

describe('file systems', () => {
  it.each(['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'fuse.sshfs', 'fuse.glusterfs', 'lustre', 'drvfs', 'vboxsf', 'ceph'])(
    '%s is shared',
    (type) => expect(isNetworkType(type)).toBe(true),
  )
  it.each(['ext4', 'xfs', 'btrfs', 'overlay', 'tmpfs', 'apfs', 'zfs', 'fuseblk', 'fuse.ntfs-3g'])(
    '%s is local',
    (type) => expect(isNetworkType(type)).toBe(false),
  )

  it('finds the mount of a path: the longest, the last of equals, with escaped names', () => {
    const mounts = [
      '22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw',
      '30 22 0:40 / /home rw - nfs4 server:/home rw',
      '31 30 0:41 / /home/a\\040b rw - ext4 /dev/sdb rw',
      '32 22 0:42 / /mnt/c rw,noatime - 9p C:\\134 rw',
      '33 22 0:43 / /twice rw - ext4 /dev/sdc rw',
      '34 22 0:44 / /twice rw - cifs //server/x rw',
    ].join('\n')
    const types = ['/', '/home/x/y', '/home/a b/c', '/homeless', '/mnt/c/data', '/mnt', '/twice/z'].map((path) =>
      typeOfMount(mounts, path),
    )
    expect(types).toEqual(['ext4', 'nfs4', 'ext4', 'ext4', '9p', 'ext4', 'cifs'])
  })
})

describe('isAlive', () => {
  const now = Date.now()
  const sign = (ageMs: number) => ({ heartbeatAt: new Date(now - ageMs).toISOString(), endedAt: undefined })

  it('asks the process table on this machine, however long the silence', () => {
    expect(isAlive({ ...thisWorker(), ...sign(100 * leaseMs) }, now)).toBe(true)
    const [, boot] = /^(.*)\/[^/]*$/.exec(thisWorker().startedAt)!
    const other = { ...thisWorker(), startedAt: `${boot}/1` } // the pid belongs to another process by now
    expect(isAlive({ ...other, ...sign(0) }, now)).toBe(false)
  })

  it('sees that a process was killed, also while nobody took notice of its end', async () => {
    // sh does not wait for its child: killed, that stays in the process table
    const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'])
    const pid = Number(await new Promise<Buffer>((resolve) => shell.stdout.once('data', resolve)))
    const ticks = () =>
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
    const [, boot] = /^(.*)\/[^/]*$/.exec(thisWorker().startedAt)!
    const worker = { ...thisWorker(), pid, startedAt: `${boot}/${ticks()[19]}`, ...sign(0) }
    expect(isAlive(worker, now)).toBe(true)
    process.kill(pid, 'SIGKILL')
    await delay(100)
    expect(ticks()[0]).toBe('Z')
    expect(isAlive(worker, now)).toBe(false)
    shell.kill('SIGKILL')
  })

  it('goes by the last sign of life on other machines, after a restart of this one, and in other containers', () => {
    const others = [
      { ...thisWorker(), host: 'elsewhere' },
      { ...thisWorker(), startedAt: thisWorker().startedAt.replace(/^[^/]*/, 'another-boot') },
      { ...thisWorker(), startedAt: thisWorker().startedAt.replace(/pid:\[\d+\]/, 'pid:[1]') },
    ]
    for (const other of others)
      expect([
        isAlive({ ...other, ...sign(leaseMs - 1) }, now),
        isAlive({ ...other, ...sign(leaseMs + 1) }, now),
      ]).toEqual([true, false])
  })

  it('believes who said goodbye', () => {
    expect(isAlive({ ...thisWorker(), ...sign(0), endedAt: new Date(now).toISOString() }, now)).toBe(false)
  })
})
