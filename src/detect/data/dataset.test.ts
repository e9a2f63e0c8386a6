import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  canMount,
  mountedFolder,
  temporaryFolder,
  writeDataset,
  writeImage,
  writeText,
} from '../../../test/helpers/data-set.ts'
import { openDataset } from './dataset.ts'
import { readDatasetYaml } from './dataset-yaml.ts'
import { createDataPool } from './pool.ts'
import { datasetStatistics } from './statistics.ts'
import type { DataProgress, DatasetOptions } from './types.ts'

const pool = createDataPool(0)

/** Opens a split; says whether images were scanned or the scan was at hand. */
async function open(yaml: string, options: Partial<DatasetOptions> = {}) {
  const steps: DataProgress[] = []
  const dataset = await openDataset({
    definition: readDatasetYaml(yaml),
    split: 'train',
    pool,
    cacheFolder: join(yaml, '../cache'),
    onProgress: (progress) => steps.push(progress),
    ...options,
  })
  return { dataset, scanned: steps.at(-1)?.done ?? 0 }
}

it('reads paths, sizes and labels', async () => {
  const root = temporaryFolder()
  const { dataset, scanned } = await open(await writeDataset(root, 3))
  expect(scanned).toBe(3)
  expect(dataset.paths).toEqual(['000', '001', '002'].map((name) => join(root, `images/train/${name}.png`)))
  expect(Array.from(dataset.sizes)).toEqual([40, 64, 46, 60, 52, 56])
  expect(Array.from(dataset.labelStart)).toEqual([0, 2, 4, 6])
  expect(dataset.labels.slice(5, 10)).toEqual(Float32Array.of(0, 0.3, 0.6, 0.2, 0.3))
  expect(dataset.counts).toEqual({ images: 3, found: 3, missing: 0, empty: 0, corrupt: 0, damaged: 0, duplicates: 0 })
  expect(datasetStatistics(dataset)).toMatchObject({
    images: 3,
    background: 0,
    instances: 6,
    instancesPerClass: [5, 1],
    imagesPerClass: [3, 1],
  })
})

it('takes the scan from the cache until a file changes', async () => {
  const root = temporaryFolder()
  const yaml = await writeDataset(root, 3)
  const first = await open(yaml)
  const again = await open(yaml)
  expect([first.scanned, again.scanned]).toEqual([3, 0])
  expect(again.dataset).toEqual(first.dataset)

  writeText(join(root, 'labels/train/001.txt'), '1 0.5 0.5 0.5 0.5\n')
  const changed = await open(yaml)
  expect(changed.scanned).toBe(3)
  expect(changed.dataset.labelStart[2] - changed.dataset.labelStart[1]).toBe(1)
  expect(changed.dataset.hash).not.toBe(first.dataset.hash)
  expect(changed.dataset.imageHash).toBe(first.dataset.imageHash)

  utimesSync(join(root, 'images/train/000.png'), new Date(), new Date())
  expect((await open(yaml)).dataset.imageHash).not.toBe(first.dataset.imageHash)
})

it('scans again where the kept scan is broken, and goes on where it cannot be kept', async () => {
  const root = temporaryFolder()
  const yaml = await writeDataset(root, 3)
  await open(yaml)
  const kept = join(root, 'cache/labels', readdirSync(join(root, 'cache/labels'))[0])
  writeFileSync(kept, readFileSync(kept).subarray(0, -9))
  expect((await open(yaml)).scanned).toBe(3)
  expect((await open(yaml)).scanned).toBe(0)

  const notes: string[] = []
  const blocked = writeText(join(root, 'a-file'), '')
  const { dataset } = await open(yaml, { cacheFolder: blocked, onNote: (note) => notes.push(note) })
  expect(dataset.paths).toHaveLength(3)
  expect(notes).toEqual([expect.stringMatching(/cannot be kept in .*a-file/)])
})

it('tells every fault with its file, counts them, and leaves out what cannot be used', async () => {
  const root = temporaryFolder()
  const yaml = await writeDataset(root, 9)
  const image = (i: number) => join(root, `images/train/00${i}.png`)
  const label = (i: number) => join(root, `labels/train/00${i}.txt`)
  writeText(image(0), 'garbage')
  writeText(label(1), '')
  writeText(label(2), '0 0.5 0.5 1.5 0.5\n')
  writeText(label(3), '0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n')
  writeText(label(4), Buffer.from([0xff, 0xfe, 0x30, 0x00]))
  await writeImage(image(5), 9, 30, 1)
  writeText(join(root, 'images/train/lonely.dng'), '')
  writeText(label(8), '0 0.1 0.1 0.5 0.1 0.5 0.4 0.1 0.4\n')
  const { dataset } = await open(yaml)
  expect(dataset.paths).toEqual([1, 3, 6, 7, 8].map(image))
  expect(dataset.counts).toEqual({ images: 10, found: 5, missing: 0, empty: 1, corrupt: 5, damaged: 0, duplicates: 2 })
  expect(dataset.faults.map(({ kind, file }) => [kind, file])).toEqual([
    ['image-corrupt', image(0)],
    ['label-empty', label(1)],
    ['label-corrupt', label(2)],
    ['label-duplicates', label(3)],
    ['label-corrupt', label(4)],
    ['image-corrupt', image(5)],
    ['image-corrupt', join(root, 'images/train/lonely.dng')],
  ])
  expect(Array.from(dataset.polygonStart)).toEqual([0, 0, 0, 0, 0, 1])
  expect(Array.from(dataset.pointStart)).toEqual([0, 4])
  expect(dataset.points).toHaveLength(8)
})

it('counts images without a label file as background', async () => {
  const root = temporaryFolder()
  const yaml = await writeDataset(root, 2)
  await writeImage(join(root, 'images/train/zzz.png'), 20, 20, 1)
  const { dataset } = await open(yaml)
  expect(dataset.counts).toMatchObject({ images: 3, found: 2, missing: 1 })
  expect(datasetStatistics(dataset).background).toBe(1)
})

describe('refuses', () => {
  it('classes without a name, unless all count as one', async () => {
    const root = temporaryFolder()
    const yaml = await writeDataset(root, 3)
    const file = writeText(join(root, 'labels/train/001.txt'), '7 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n')
    await expect(open(yaml)).rejects.toMatchObject({
      code: 'LABEL_CLASS_OUT_OF_RANGE',
      names: 2,
      largest: 7,
      files: [`${file} (1 row with class up to 7)`],
    })
    const { dataset } = await open(yaml, { singleClass: true })
    expect(dataset.names).toEqual(['item'])
    expect(datasetStatistics(dataset).instancesPerClass).toEqual([6])
  })

  it('a split without images, without an entry, without labels, with nothing usable', async () => {
    const root = temporaryFolder()
    const yaml = await writeDataset(root, 1, 1)
    await expect(open(yaml, { split: 'test' })).rejects.toMatchObject({ code: 'DATASET_SPLIT_MISSING', split: 'test' })
    writeText(join(root, 'labels/train/000.txt'), '')
    await expect(open(yaml)).rejects.toMatchObject({ code: 'DATASET_UNLABELLED', images: 1 })
    writeText(join(root, 'images/train/000.png'), '')
    await expect(open(yaml)).rejects.toMatchObject({ code: 'DATASET_EMPTY' })
    writeText(join(root, 'data.yaml'), 'train: labels\nval: images/val\nnames: [a]\n')
    await expect(open(yaml)).rejects.toThrow(/No file there has the extension of an image/)
  })
})

it('stops when told to', async () => {
  const yaml = await writeDataset(temporaryFolder(), 3)
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(open(yaml, { signal })).rejects.toThrow('enough')
})

const root = process.getuid?.() === 0
const protectable = !root || canMount()
if (!protectable) console.warn('SKIPPED: read-only data set (root needs to mount a small tmpfs for it)')
it.skipIf(!protectable)('works on a data set that cannot be written to', async () => {
  const folder = root ? mountedFolder('4m') : temporaryFolder()
  const yaml = await writeDataset(folder, 2)
  if (root) execFileSync('mount', ['-o', 'remount,ro', folder])
  else chmodSync(folder, 0o500)
  expect(() => writeText(join(folder, 'x'), '')).toThrow()
  expect((await open(yaml, { cacheFolder: temporaryFolder() })).dataset.paths).toHaveLength(2)
  if (!root) chmodSync(folder, 0o700)
})

const bccd = fileURLToPath(new URL('../../../../shared/data/bccd/data.yaml', import.meta.url))
if (!existsSync(bccd)) console.warn(`SKIPPED: the real data set ${bccd} is not beside this checkout`)
it.skipIf(!existsSync(bccd))('reads the blood cell photographs', async () => {
  const cacheFolder = temporaryFolder()
  const { dataset } = await open(bccd, { cacheFolder })
  expect(dataset.counts).toEqual({
    images: 205,
    found: 205,
    missing: 0,
    empty: 0,
    corrupt: 0,
    damaged: 0,
    duplicates: 0,
  })
  expect(datasetStatistics(dataset).instancesPerClass).toEqual([2381, 214, 209])
  const val = await open(bccd, { cacheFolder, split: 'val' })
  expect(val.dataset.paths).toHaveLength(87)
})
