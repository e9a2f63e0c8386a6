// Needs dist/ (npm run build): the threads run the compiled worker.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { canMount, mountedFolder, temporaryFolder, writeDataset, writeText } from '../../../test/helpers/data-set.ts'
import { openDataset } from './dataset.ts'
import { readDatasetYaml } from './dataset-yaml.ts'
import { imageCacheFile } from './image-cache.ts'
import { toPlainImages } from './layout.ts'
import { augmentHyp, createTrainLoader, createValLoader } from './loader.ts'
import { createDataPool, type Pool } from './pool.ts'
import { loadSize } from './resize.ts'
import type { DataPool, Dataset, TrainBatch, TrainLoader, TrainLoaderOptions, ValBatch } from './types.ts'

const pools = [0, 1, 2].map(createDataPool)
afterAll(() => Promise.all(pools.map((pool) => pool.close())))
const [inline, , two] = pools

const hyp = augmentHyp({ hsv_h: 0.015, hsv_s: 0.7, hsv_v: 0.4, translate: 0.1, scale: 0.5, fliplr: 0.5, mosaic: 0.7 })

async function setUp(train = 7, val = 3, split: 'train' | 'val' = 'train') {
  const root = temporaryFolder()
  const definition = readDatasetYaml(await writeDataset(root, train, val))
  const cacheFolder = join(root, 'cache')
  return { root, cacheFolder, dataset: await openDataset({ definition, split, pool: inline, cacheFolder }) }
}

const train = (dataset: Dataset, pool: DataPool, more: Partial<TrainLoaderOptions> = {}) =>
  createTrainLoader({ dataset, pool, imagePx: 64, batchSize: 3, hyp, seed: 5, layout: { kind: 'plain' }, ...more })

async function collect<T>(batches: AsyncIterable<T>, of: (batch: T) => unknown = (batch) => batch): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const batch of batches) all.push(of(batch))
  return all
}

const fingerprint = ({ images, targets, indices, height, width, batch }: TrainBatch | ValBatch) => [
  createHash('sha256').update(images).digest('hex'),
  createHash('sha256').update(new Uint8Array(targets.buffer)).digest('hex'),
  Array.from(indices).join(),
  [batch, height, width].join(),
]

describe('training', () => {
  it('gives the same batches with any number of threads, with and without a cache', async () => {
    const { dataset, cacheFolder } = await setUp()
    const runs: unknown[][] = []
    for (const pool of pools)
      for (const cache of ['none', 'ram'] as const) {
        const loader = await train(dataset, pool, { cache, cacheFolder })
        runs.push([await collect(loader.epoch(0), fingerprint), await collect(loader.epoch(1), fingerprint)])
        await loader.close()
      }
    for (const run of runs) expect(run).toEqual(runs[0])
    expect(runs[0][0]).not.toEqual(runs[0][1])
  })

  it('has every image once per epoch, the smaller batch last, in another order each time', async () => {
    const { dataset } = await setUp()
    const loader = await train(dataset, two)
    expect([loader.batches, loader.images]).toEqual([3, 7])
    const orders: number[][] = []
    for (const epoch of [0, 1, 2]) {
      const indices = (await collect(loader.epoch(epoch), ({ indices }) => Array.from(indices))) as number[][]
      expect(indices.map(({ length }) => length)).toEqual([3, 3, 1])
      expect(indices.flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
      orders.push(indices.flat())
    }
    expect(new Set(orders.map(String)).size).toBe(3)
    await loader.close()
  })

  it('depends on the seed, not on what was loaded before', async () => {
    const { dataset } = await setUp()
    const loader = await train(dataset, two)
    const straight = await collect(loader.epoch(3), fingerprint)
    for await (const _ of loader.epoch(0)) break
    expect(await collect(loader.epoch(3), fingerprint)).toEqual(straight)
    const other = await train(dataset, two, { seed: 6 })
    expect(await collect(other.epoch(3), fingerprint)).not.toEqual(straight)
    await Promise.all([loader.close(), other.close()])
  })

  it('fills both layouts with the same pictures', async () => {
    const { dataset } = await setUp()
    const pictures: Uint8Array[] = []
    for (const layout of [{ kind: 'plain' }, { kind: 'blocked', block: 8 }, { kind: 'blocked', block: 16 }] as const) {
      const loader = await train(dataset, two, { layout })
      for await (const { images, batch, height, width } of loader.epoch(0)) {
        pictures.push(toPlainImages(images, layout, batch, height, width))
        break
      }
      await loader.close()
    }
    expect(pictures[1]).toEqual(pictures[0])
    expect(pictures[2]).toEqual(pictures[0])
  })

  it('keeps a batch as it is while the next one is loaded', async () => {
    const { dataset } = await setUp()
    const loader = await train(dataset, two)
    let previous: { batch: TrainBatch; copy: Uint8Array } | undefined
    for await (const batch of loader.epoch(0)) {
      if (previous) expect(previous.batch.images).toEqual(previous.copy)
      previous = { batch, copy: batch.images.slice() }
    }
    await loader.close()
  })

  it('numbers the images of targets, which lie inside the picture', async () => {
    const { dataset } = await setUp()
    const loader = await train(dataset, two)
    for await (const { targets, batch } of loader.epoch(0)) {
      expect(targets.length % 6).toBe(0)
      for (let i = 0; i < targets.length; i += 6) {
        const [image, label, x, y, w, h] = targets.subarray(i, i + 6)
        expect(image).toBeLessThan(batch)
        expect([0, 1]).toContain(label)
        for (const [centre, length] of [
          [x, w],
          [y, h],
        ]) {
          expect(centre - length / 2).toBeGreaterThan(-1e-6)
          expect(centre + length / 2).toBeLessThan(1 + 1e-6)
        }
      }
    }
    await loader.close()
  })

  it.each([0, 1])('keeps decoded images for the next loader (%i threads)', async (threads) => {
    const { dataset } = await setUp()
    const pool = createDataPool(threads)
    onTestFinished(() => pool.close())
    const first = await train(dataset, pool)
    await collect(first.epoch(0))
    await first.close()
    for (const path of dataset.paths) rmSync(path)
    const second = await train(dataset, pool, { seed: 9 })
    expect(await collect(second.epoch(0))).toHaveLength(3)
    await second.close()
  })

  it('takes a given order', async () => {
    const { dataset } = await setUp()
    const loader = await train(dataset, two, { order: (epoch) => [epoch, 4, 2, 4] })
    expect(await collect(loader.epoch(1), ({ indices }) => Array.from(indices))).toEqual([[1, 4, 2], [4]])
    await loader.close()
  })

  it('makes rectangular batches of similar aspect, unshuffled and without mosaic', async () => {
    const { dataset } = await setUp()
    const loader = await train(dataset, two, { rect: true, hyp: augmentHyp({ mosaic: 1 }) })
    const batches = (await collect(loader.epoch(0), ({ indices, height, width }) => ({
      aspects: Array.from(indices, (i) => dataset.sizes[2 * i + 1] / dataset.sizes[2 * i]),
      frame: [height, width],
    }))) as { aspects: number[]; frame: number[] }[]
    const aspects = batches.flatMap((batch) => batch.aspects)
    expect(aspects).toEqual([...aspects].sort((a, b) => a - b))
    for (const { frame } of batches) expect(frame.every((side) => side % 32 === 0 && side <= 64)).toBe(true)
    await loader.close()
  })

  it('scales full batches to one of several sizes, the same with any number of threads', async () => {
    const { dataset } = await setUp(10)
    const runs: [string, string, string, string][][] = []
    for (const pool of pools) {
      const loader = await train(dataset, pool, { sizes: [32, 64, 96] })
      const batches: unknown[] = []
      for (const epoch of [0, 1, 2]) batches.push(...(await collect(loader.epoch(epoch), fingerprint)))
      runs.push(batches as (typeof runs)[number])
      await loader.close()
    }
    for (const run of runs) expect(run).toEqual(runs[0])
    const frames = runs[0].map(([, , , frame]) => frame)
    expect(new Set(frames.filter((_, i) => i % 4 !== 3))).toEqual(new Set(['3,32,32', '3,64,64', '3,96,96']))
    expect(frames.filter((_, i) => i % 4 === 3)).toEqual(['1,64,64', '1,64,64', '1,64,64'])

    // The pictures are those of the unscaled batches, made smaller or larger; the labels stay.
    const [plain, scaled] = [await train(dataset, inline), await train(dataset, inline, { sizes: [32] })]
    const [before, after] = await Promise.all([plain, scaled].map((loader) => collect(loader.epoch(0))))
    for (const [i, batch] of (after as TrainBatch[]).slice(0, 3).entries()) {
      const original = (before as TrainBatch[])[i]
      expect([batch.targets, batch.indices]).toEqual([original.targets, original.indices])
    }
    await Promise.all([plain, scaled].map((loader) => loader.close()))
  })

  it('halves a picture exactly when it is scaled to half its size', async () => {
    const { dataset } = await setUp(3)
    const pictures: Uint8Array[] = []
    for (const sizes of [[], [32]]) {
      const loader = await train(dataset, inline, { sizes })
      for await (const { images } of loader.epoch(0)) pictures.push(images.slice())
      await loader.close()
    }
    const [large, small] = pictures
    const mean = (plane: number, y: number, x: number) => {
      const at = (plane * 64 + 2 * y) * 64 + 2 * x
      return (large[at] + large[at + 1] + large[at + 64] + large[at + 65] + 2) >> 2
    }
    expect(small).toEqual(
      Uint8Array.from({ length: 9 * 32 * 32 }, (_, i) => mean(Math.floor(i / 1024), (i >> 5) & 31, i & 31)),
    )
  })

  it('draws images by weights that are asked for when their epoch begins', async () => {
    const { dataset } = await setUp(6)
    const asked: number[] = []
    const weights = [
      [0, 1, 0, 0, 0, 1],
      [0, 0, 0, 0, 0, 0],
    ]
    const imageWeights = (epoch: number) => {
      asked.push(epoch)
      return weights[epoch]
    }
    const loader = await train(dataset, two, { imageWeights, epochs: 2, batchSize: 6 })
    const [first] = (await collect(loader.epoch(0))) as TrainBatch[]
    expect(asked).toEqual([0])
    expect(new Set(first.indices)).toEqual(new Set([1, 5]))
    // The same image twice is augmented twice.
    const bytes = first.images.length / 6
    const pictures = Array.from(first.indices, (_, i) => first.images.slice(i * bytes, (i + 1) * bytes).join())
    expect(new Set(pictures).size).toBe(6)
    // Without any weight all images are alike.
    const [second] = (await collect(loader.epoch(1))) as TrainBatch[]
    expect(asked).toEqual([0, 1])
    expect(new Set(second.indices).size).toBeGreaterThan(2)
    await loader.close()
  })

  it('takes the other tiles of mosaics by weight too', async () => {
    const { root, dataset } = await setUp(4)
    for (const other of dataset.paths.slice(1)) rmSync(other) // they would be missed
    const loader = await train(dataset, inline, {
      hyp: augmentHyp({ mosaic: 1 }),
      imageWeights: () => [1, 0, 0, 0],
      cacheFolder: join(root, 'other'),
    })
    expect(await collect(loader.epoch(0), ({ indices }) => Array.from(indices))).toEqual([[0, 0, 0], [0]])
    await loader.close()
  })

  it('prepares nothing beyond the last epoch', async () => {
    const { dataset } = await setUp()
    const asked = new Set<number>()
    const order = (epoch: number) => {
      asked.add(epoch)
      return [0, 1, 2]
    }
    const loader = await train(dataset, two, { epochs: 2, order })
    await collect(loader.epoch(0))
    await collect(loader.epoch(1))
    expect([...asked]).toEqual([0, 1])
    await loader.close()
  })
})

describe('validation', () => {
  it('letterboxes, tells where pictures came from, and gives the same again', async () => {
    const { dataset } = await setUp(1, 5, 'val')
    const passes: unknown[] = []
    for (const pool of pools)
      for (const keepBytes of [0, 1e9]) {
        const loader = await createValLoader({ dataset, pool, imagePx: 64, batchSize: 2, keepBytes })
        expect([loader.batches, loader.images]).toEqual([3, 5])
        passes.push(
          await collect(loader.all(), fingerprint as never),
          await collect(loader.all(), fingerprint as never),
        )
        for await (const { originals, height, width, indices } of loader.all())
          for (const [i, original] of originals.entries()) {
            const { ratio, pad } = original
            expect(original.path).toBe(dataset.paths[indices[i]])
            const loaded = loadSize(original.height, original.width, 64)
            expect(ratio).toEqual([loaded.height / original.height, loaded.width / original.width])
            expect(original.width * ratio[1] + 2 * pad[0]).toBeCloseTo(width)
            expect(original.height * ratio[0] + 2 * pad[1]).toBeCloseTo(height)
          }
        await loader.close()
      }
    for (const pass of passes) expect(pass).toEqual(passes[0])
  })
})

describe('what goes wrong', () => {
  it.each([0, 1, 2])('names an image that was broken after the scan (%i threads)', async (threads) => {
    const { dataset } = await setUp()
    writeFileSync(dataset.paths[4], 'broken')
    const loader = await train(dataset, pools[threads], { hyp: augmentHyp({}) })
    const error = { code: 'IMAGE_UNREADABLE', file: dataset.paths[4] }
    await expect(collect(loader.epoch(0))).rejects.toMatchObject(error)
    await expect(collect(loader.epoch(0))).rejects.toMatchObject(error)
    await loader.close()
  })

  it('names an image that has another size now', async () => {
    const { dataset } = await setUp()
    writeFileSync(dataset.paths[1], readFileSync(dataset.paths[3]))
    const loader = await train(dataset, two, { hyp: augmentHyp({}) })
    await expect(collect(loader.epoch(0))).rejects.toThrow(/it was 46 x 60 pixels, now it is 58 x 52/)
    await loader.close()
  })

  it('rejects instead of hanging when a thread dies, and stays rejected', async () => {
    const { dataset } = await setUp()
    const pool = createDataPool(1)
    onTestFinished(() => pool.close())
    const loader = await train(dataset, pool)
    // A source whose file of decoded images is gone cannot be opened: that ends the thread.
    ;(pool as Pool).openSource({
      ...dataset,
      labels: dataset,
      imagePx: 64,
      augment: true,
      layout: { kind: 'plain' },
      cacheFile: '/nowhere/gone.images',
    })
    await expect(collect(loader.epoch(0))).rejects.toMatchObject({ code: 'DATA_WORKER' })
    await expect(collect(loader.epoch(0))).rejects.toMatchObject({ code: 'DATA_WORKER' })
  })

  it.each([0, 1, 2])('stops when told to (%i threads)', async (threads) => {
    const { dataset } = await setUp()
    const controller = new AbortController()
    const loader = await train(dataset, pools[threads], { signal: controller.signal })
    const loading = (async () => {
      for await (const _ of loader.epoch(0)) controller.abort(new Error('enough'))
    })()
    await expect(loading).rejects.toThrow('enough')
    await loader.close()
  })

  it('refuses to go on after closing; the pool closes in the middle of work', async () => {
    const { dataset } = await setUp()
    const pool = createDataPool(2)
    const loader: TrainLoader = await train(dataset, pool)
    for await (const _ of loader.epoch(0)) break
    await pool.close()
    await pool.close()
    await expect(collect(loader.epoch(1))).rejects.toMatchObject({ code: 'DATA_WORKER' })
    await loader.close()
    await loader.close()
    await expect(collect(loader.epoch(1))).rejects.toThrow('the loader was closed')
  })
})

describe('the file of decoded images', () => {
  const options = (dataset: Dataset, cacheFolder: string, pool: DataPool) => ({
    ...{ dataset, cacheFolder, pool, imagePx: 64, batchSize: 4, cache: 'disk' as const },
  })

  it('is built once, also when several want it at the same time', async () => {
    const { dataset, cacheFolder } = await setUp()
    let built = 0
    const onProgress = ({ done, total }: { done: number; total: number }) => {
      if (done === total) built++
    }
    const files = await Promise.all(
      pools.map((pool) => imageCacheFile({ ...options(dataset, cacheFolder, pool), onProgress }, true)),
    )
    expect(new Set(files).size).toBe(1)
    expect(built).toBe(1)
    expect(readdirSync(join(cacheFolder, 'images'))).toHaveLength(1)
    let bytes = 4096
    for (let i = 0; i < 7; i++) {
      const size = loadSize(dataset.sizes[2 * i + 1], dataset.sizes[2 * i], 64)
      bytes += 3 * size.height * size.width
    }
    expect(statSync(files[0]!).size).toBe(bytes)
  })

  it('leaves nothing behind when an image cannot be decoded', async () => {
    const { dataset, cacheFolder } = await setUp()
    writeFileSync(dataset.paths[2], 'broken')
    await expect(imageCacheFile(options(dataset, cacheFolder, two), true)).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      file: dataset.paths[2],
    })
    expect(readdirSync(join(cacheFolder, 'images'))).toEqual([])
  })

  it('takes over from a build that died', async () => {
    const { dataset, cacheFolder } = await setUp()
    const file = (await imageCacheFile(options(dataset, cacheFolder, two), true))!
    const lock = writeText(`${file.replace(/linear/, 'area')}.lock`, '')
    utimesSync(lock, new Date(0), new Date(0))
    expect(await imageCacheFile(options(dataset, cacheFolder, two), false)).toBe(file.replace(/linear/, 'area'))
  })

  it('says that a folder cannot be written', async () => {
    const { dataset, root } = await setUp()
    const blocked = writeText(join(root, 'a-file'), '')
    await expect(imageCacheFile(options(dataset, blocked, two), true)).rejects.toMatchObject({
      code: 'IMAGE_CACHE_WRITE',
    })
  })

  const mountable = canMount()
  if (!mountable) console.warn('SKIPPED: full disk (needs root on Linux to mount a small tmpfs)')

  it.skipIf(!mountable)('is told in time when it will not fit', async () => {
    const { dataset } = await setUp()
    const folder = mountedFolder('32k')
    const notes: string[] = []
    const file = await imageCacheFile({ ...options(dataset, folder, two), onNote: (note) => notes.push(note) }, true)
    expect(file).toBeUndefined()
    expect(notes).toEqual([expect.stringMatching(/do not fit into the 0 MB free/)])
  })

  it.skipIf(!mountable)('leaves nothing behind when the disk fills up meanwhile', async () => {
    const { dataset } = await setUp()
    // Another program takes the space between the check and the writing; it may come too late, then again.
    for (let round = 0; round < 20; round++) {
      const folder = mountedFolder('128k')
      mkdirSync(join(folder, 'images'))
      const building = imageCacheFile(options(dataset, folder, two), true).catch((error: unknown) => error)
      while (!readdirSync(join(folder, 'images')).some((name) => /images(\.\d+)?$/.test(name)))
        await new Promise(setImmediate)
      expect(() => writeFileSync(join(folder, 'other'), Buffer.alloc(200_000))).toThrow(/ENOSPC/)
      const outcome = await building
      if (typeof outcome === 'string') continue
      expect(outcome).toMatchObject({ code: 'IMAGE_CACHE_WRITE', problem: 'the disk is full' })
      expect(readdirSync(join(folder, 'images'))).toEqual([])
      return
    }
    expect.fail('the disk was never full in time')
  })
})
