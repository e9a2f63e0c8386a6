import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chdir, cwd } from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type AssetServer, assetServer } from '../../../test/helpers/asset-server.ts'
import { temporaryFolder, writeText } from '../../../test/helpers/data-set.ts'
import {
  ArchiveError,
  AssetAddressError,
  AssetDamagedError,
  AssetOfflineError,
  AssetUnavailableError,
  DatasetFileInvalidError,
  DatasetPathMissingError,
} from '../../base/index.ts'
import { writeZip } from '../archive/zip.ts'
import { readDatasetYaml } from '../data/dataset-yaml.ts'
import { datasetHash } from '../data-hash.ts'
import { resolveWeights } from '../resolve.ts'
import { ensureDataset } from './dataset.ts'
import type { AssetEvent, AssetHooks } from './fetch.ts'
import { assetsFolder } from './folder.ts'
import { withLock } from './lock.ts'
import { packagedDatasets } from './packaged.ts'
import { ensureWeights } from './weights.ts'

const weights = randomBytes(2_000_000)
const sumOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const image = (name: string): [string, Uint8Array] => [name, Buffer.from(name)]
const coco = () =>
  writeZip(
    ['000000000009', '000000000025'].flatMap((id) => [
      image(`coco128/images/train2017/${id}.jpg`),
      image(`coco128/labels/train2017/${id}.txt`),
    ]),
  )

let server: AssetServer
let work: string
let events: AssetEvent[]
let hooks: AssetHooks
const messages = () => events.flatMap((event) => (event.type === 'message' ? [event.text] : []))
beforeEach(async () => {
  server = await assetServer({ 'yolov5s.pt': weights, 'coco128.zip': coco() })
  work = join(temporaryFolder(), 'work')
  mkdirSync(work)
  const before = cwd()
  onTestFinished(() => chdir(before))
  chdir(work)
  work = cwd()
  vi.stubEnv('HYPEVOLVE_CACHE', join(work, '../cache'))
  vi.stubEnv('HYPEVOLVE_ASSETS_URL', server.url)
  vi.stubEnv('HYPEVOLVE_OFFLINE', '')
  events = []
  hooks = { onEvent: (event) => events.push(event), patience: { silenceMs: 2000, pausesMs: [1, 1] } }
})
afterEach(() => void vi.unstubAllEnvs())
const above = (...path: string[]) => join(work, '..', ...path)

describe('weights', () => {
  it('are fetched once, said in one line, and found from then on', async () => {
    const path = await ensureWeights('yolov5s.pt', hooks)
    expect(path).toBe(join(assetsFolder(), 'yolov5s.pt'))
    expect(readFileSync(path).equals(weights)).toBe(true)
    expect(messages()).toEqual([
      `Fetching yolov5s.pt (2.0 MB) from ${server.url}/yolov5s.pt`,
      `${server.url}/yolov5s.pt is not the published yolov5s.pt: its SHA-256 is ${sumOf(weights)}.`,
      expect.stringContaining('AGPL-3.0'),
    ])
    expect(events).toContainEqual({ type: 'stage', stage: 'yolov5s.pt, MB', done: 2, total: 2 })
    expect(resolveWeights('yolov5s.pt')).toBe(path)
    events.length = 0
    await ensureWeights('yolov5s.pt', hooks)
    expect([server.count('yolov5s.pt'), events]).toEqual([1, []])
    expect(readdirSync(assetsFolder()).sort()).toEqual(['yolov5s.pt', 'yolov5s.pt.json'])
    expect(JSON.parse(readFileSync(`${path}.json`, 'utf8'))).toMatchObject({
      address: `${server.url}/yolov5s.pt`,
      bytes: weights.length,
      sha256: sumOf(weights),
    })
  })

  it('are fetched again if they are cut off by now', async () => {
    const path = await ensureWeights('yolov5s.pt', hooks)
    writeFileSync(path, weights.subarray(0, 1000))
    expect(resolveWeights('yolov5s.pt')).toBe(join(work, 'yolov5s.pt'))
    await ensureWeights('yolov5s.pt', hooks)
    expect(readFileSync(path).equals(weights)).toBe(true)
  })

  it('of the current folder, or put into the cache by hand, are taken without asking anybody', async () => {
    mkdirSync(assetsFolder(), { recursive: true })
    writeFileSync(join(assetsFolder(), 'yolov5n.pt'), 'mine')
    expect(await ensureWeights('yolov5n.pt', hooks)).toBe(join(assetsFolder(), 'yolov5n.pt'))
    writeFileSync('yolov5s.pt', 'mine')
    expect(await ensureWeights('yolov5s.pt', hooks)).toBe(join(work, 'yolov5s.pt'))
    expect(server.requests).toEqual([])
  })

  it.each(['', 'mine.pt', 'runs/yolov5s.pt', '../yolov5s.pt', 'yolov5q.pt', 'yolov5s.safetensors', 'constructor'])(
    'of no known name are not looked for elsewhere: "%s"',
    async (name) => {
      expect(await ensureWeights(name, hooks)).toBe(join(work, name))
      expect(server.requests).toEqual([])
    },
  )

  it('have the checksum that the mirror gives', async () => {
    server.files.set('yolov5s.pt.sha256', Buffer.from(`${sumOf(weights)}  yolov5s.pt\n`))
    await ensureWeights('yolov5s.pt', hooks)
    server.files.set('yolov5n.pt', weights)
    server.files.set('yolov5n.pt.sha256', Buffer.from(`${'0'.repeat(64)} yolov5n.pt\n`))
    await expect(ensureWeights('yolov5n.pt', hooks)).rejects.toThrow(AssetDamagedError)
    expect(readdirSync(assetsFolder()).sort()).toEqual(['yolov5s.pt', 'yolov5s.pt.json'])
  })

  it('are not fetched where that is forbidden; what to do is said', async () => {
    vi.stubEnv('HYPEVOLVE_OFFLINE', '1')
    const error = await ensureWeights('yolov5s.pt', hooks).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(AssetOfflineError)
    expect((error as Error).message).toContain(
      'https://github.com/ultralytics/yolov5/releases/download/v7.0/yolov5s.pt',
    )
    expect((error as Error).message).toContain(`current folder, or at ${join(assetsFolder(), 'yolov5s.pt')}`)
    expect(server.requests).toEqual([])
  })

  it('that are not there, or from an address that is none, are an error', async () => {
    await expect(ensureWeights('yolov5x6.pt', hooks)).rejects.toThrow(AssetUnavailableError)
    vi.stubEnv('HYPEVOLVE_ASSETS_URL', 'ftp://here')
    await expect(ensureWeights('yolov5x6.pt', hooks)).rejects.toThrow(AssetAddressError)
    expect(readdirSync(assetsFolder())).toEqual([])
  })

  it('are fetched once for all who ask at the same time', async () => {
    server.faults.set('yolov5s.pt', [{ slowMs: 60, pieces: 10 }])
    await Promise.all([1, 2, 3, 4].map(() => ensureWeights('yolov5s.pt', hooks)))
    expect(server.count('yolov5s.pt')).toBe(1)
    expect(messages().filter((text) => text.startsWith('Another process is fetching'))).toHaveLength(3)
  })
})

describe('the lock', () => {
  it('lets one in at a time', async () => {
    const file = join(work, 'lock')
    let inside = 0
    let most = 0
    const job = () =>
      withLock(file, {}, async () => {
        most = Math.max(most, ++inside)
        await delay(5)
        inside--
      })
    await Promise.all(Array.from({ length: 6 }, job))
    expect([most, existsSync(file)]).toEqual([1, false])
  })

  it('of a process that has ended is taken over, and of one that has been silent for long', async () => {
    const file = join(work, 'lock')
    const { hostname } = await import('node:os')
    writeFileSync(file, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }))
    expect(await withLock(file, {}, async () => 1)).toBe(1)
    writeFileSync(file, JSON.stringify({ pid: 1, host: 'elsewhere' }))
    utimesSync(file, new Date(0), new Date(0))
    expect(await withLock(file, {}, async (isMine) => isMine())).toBe(true)
    expect(readdirSync(work)).toEqual([])
  })

  it('of a living one is respected; waiting can be ended', async () => {
    const file = join(work, 'lock')
    writeFileSync(file, JSON.stringify({ pid: 1, host: 'elsewhere' }))
    await expect(withLock(file, { signal: AbortSignal.timeout(50) }, async () => 1)).rejects.toThrow(/timeout/i)
    expect(existsSync(file)).toBe(true)
  })
})

describe('a data set', () => {
  it('that is known by name is fetched beside the working folder, and found from then on', async () => {
    await ensureDataset('coco128.yaml', hooks)
    const root = above('datasets/coco128')
    expect(messages()).toEqual([
      expect.stringContaining(`from ${server.url}/coco128.zip`),
      `coco128.zip unpacked into ${root}`,
    ])
    expect(readdirSync(above('datasets'))).toEqual(['coco128'])
    const { names, train, val, notes } = readDatasetYaml('coco128.yaml')
    expect([names.length, names[0], names[79]]).toEqual([80, 'person', 'toothbrush'])
    expect([train, val, notes]).toEqual([[join(root, 'images/train2017')], [join(root, 'images/train2017')], []])
    expect(readdirSync(train[0]!)).toHaveLength(2)
    events.length = 0
    await ensureDataset('data/coco128.yaml', hooks)
    expect([server.count('coco128.zip'), events]).toEqual([1, []])
    expect(await datasetHash('coco128.yaml')).toMatch(/^[\da-f]{32}$/)
  })

  it.each(packagedDatasets())('%s is well formed', async (name) => {
    vi.stubEnv('HYPEVOLVE_OFFLINE', '1')
    expect(() => readDatasetYaml(name)).toThrow(DatasetPathMissingError)
    const result = ensureDataset(name, hooks)
    if (name === 'VOC.yaml') await result
    else await expect(result).rejects.toThrow(AssetOfflineError)
  })

  it('of the user, as v7.0 and v5.0 wrote it, is fetched too', async () => {
    server.files.set('set.zip', writeZip([image('set/images/a.jpg'), image('set/labels/a.txt')]))
    const address = 'download: https://example.com/files/set.zip?x=1\nnames: [a]\n'
    writeText('data/new.yaml', `path: ../datasets/set\ntrain: images\nval: images\n${address}`)
    await ensureDataset('data/new.yaml', hooks)
    expect(readDatasetYaml('data/new.yaml').train).toEqual([above('datasets/set/images')])
    writeText('data/old.yaml', `train: ../set/images/\nval: ../set/images/\n${address}`)
    await ensureDataset('data/old.yaml', hooks)
    expect(readDatasetYaml('data/old.yaml').train).toEqual([above('set/images')])
    expect(readdirSync(above('set')).sort()).toEqual(['images', 'labels'])
  })

  it('is fetched once for all who ask at the same time', async () => {
    server.faults.set('coco128.zip', [{ slowMs: 60, pieces: 10 }])
    await Promise.all([1, 2, 3, 4].map(() => ensureDataset('coco128.yaml', hooks)))
    expect(server.count('coco128.zip')).toBe(1)
    expect(readdirSync(above('datasets'))).toEqual(['coco128'])
  })

  it('keeps what is there already', async () => {
    writeText(above('datasets/coco128/labels/train2017/000000000009.txt'), 'mine')
    await ensureDataset('coco128.yaml', hooks)
    const read = (path: string) => readFileSync(above('datasets/coco128', path), 'utf8')
    expect(read('labels/train2017/000000000009.txt')).toBe('mine')
    expect(read('labels/train2017/000000000025.txt')).toContain('25')
    expect(read('images/train2017/000000000009.jpg')).toContain('.jpg')
  })

  it('takes an archive that lies there, and leaves it', async () => {
    vi.stubEnv('HYPEVOLVE_OFFLINE', '1')
    mkdirSync(above('datasets'))
    writeFileSync(above('datasets/coco128.zip'), coco())
    await ensureDataset('coco128.yaml', hooks)
    expect(readdirSync(above('datasets')).sort()).toEqual(['coco128', 'coco128.zip'])
  })

  it('of several archives goes on with those that are missing', async () => {
    const several = `path: ../datasets/coco\ntrain: train2017.txt\nval: train2017.txt\nnames: [a]\ndownload:
  - https://example.com/labels.zip
  - {url: https://example.com/train2017.zip, into: images}\n`
    writeText('coco.yaml', several)
    server.files.set('labels.zip', writeZip([image('coco/train2017.txt'), image('coco/labels/train2017/1.txt')]))
    await expect(ensureDataset('coco.yaml', hooks)).rejects.toThrow(/train2017\.zip.*answers 404/)
    server.files.set('train2017.zip', writeZip([image('train2017/1.jpg')]))
    await ensureDataset('coco.yaml', hooks)
    expect(server.count('labels.zip')).toBe(1)
    expect(existsSync(above('datasets/coco/images/train2017/1.jpg'))).toBe(true)
    expect(readdirSync(above('datasets'))).toEqual(['coco'])
  })

  it('is not replaced by an archive that is damaged or harmful; the next try fetches anew', async () => {
    server.files.set('coco128.zip', writeZip([image('coco128/images/train2017/1.jpg'), image('../../evil')]))
    await expect(ensureDataset('coco128.yaml', hooks)).rejects.toThrow(ArchiveError)
    expect(existsSync(above('evil'))).toBe(false)
    server.files.set('coco128.zip', coco())
    await ensureDataset('coco128.yaml', hooks)
    expect(readdirSync(above('datasets'))).toEqual(['coco128'])
  })

  it('whose archive does not hold what it says is an error', async () => {
    server.files.set('coco128.zip', writeZip([image('coco128/images/other/1.jpg')]))
    await expect(ensureDataset('coco128.yaml', hooks)).rejects.toThrow(DatasetFileInvalidError)
  })

  it.each(['touch evil', '|\n  import os\n  open("evil", "w")', 'bash x.sh https://example.com/coco128.zip'])(
    'never executes what it says: %s',
    async (download) => {
      writeText('a.yaml', `path: ../a\ntrain: images\nval: images\nnames: [a]\ndownload: ${download}\n`)
      await ensureDataset('a.yaml', hooks)
      expect(() => readDatasetYaml('a.yaml')).toThrow(/nothing in a data set file is ever executed/)
      expect([server.requests, readdirSync(work)]).toEqual([[], ['a.yaml']])
    },
  )
})
