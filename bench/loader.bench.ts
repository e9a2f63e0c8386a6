// How fast training batches come: mosaic and default augmentation on blood cells, batch 16, by image size, threads and
// cache; and how long a trainer waits for data whose steps block its thread.
//   npm run build && node bench/run.mjs loader [-- seconds per case]
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  augmentHyp,
  createDataPool,
  createTrainLoader,
  createValLoader,
  openDataset,
  readDatasetYaml,
} from '../src/detect/data/index.ts'
import { bccd } from './peers.ts'

const [seconds = 4] = process.argv.slice(2).map(Number)
const definition = readDatasetYaml(bccd())
const cacheFolder = await mkdtemp(join(tmpdir(), 'hypevolve-bench-'))
const low = augmentHyp({ hsv_h: 0.015, hsv_s: 0.7, hsv_v: 0.4, translate: 0.1, scale: 0.5, fliplr: 0.5, mosaic: 1 })
const layout = { kind: 'blocked', block: 8 } as const

interface Case {
  readonly imagePx: number
  readonly workers: number
  readonly cache: 'none' | 'ram'
  /** Milliseconds that each batch blocks the thread, as a training step does. */
  readonly stepMs?: number
}

/** Images per second, processor milliseconds per image, and the share of time spent waiting for data. */
async function measure({ imagePx, workers, cache, stepMs = 0 }: Case) {
  const pool = createDataPool(workers)
  const dataset = await openDataset({ definition, split: 'train', pool, cacheFolder })
  const options = { dataset, pool, imagePx, batchSize: 16, hyp: low, seed: 0, layout, cache, cacheFolder }
  const loader = await createTrainLoader(options)
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for await (const _ of loader.epoch(0)); // warms up: compiled code, kept images
  const before = { at: performance.now(), cpu: process.cpuUsage(), waitMs: loader.waitMs }
  let images = 0
  for (let epoch = 1; performance.now() - before.at < 1000 * seconds; epoch++)
    for await (const { batch } of loader.epoch(epoch)) {
      images += batch
      if (stepMs > 0) Atomics.wait(sleeper, 0, 0, stepMs)
    }
  const ms = performance.now() - before.at
  const { user, system } = process.cpuUsage(before.cpu)
  const waiting = (loader.waitMs - before.waitMs) / ms
  await loader.close()
  await pool.close()
  return { perSecond: (1000 * images) / ms, cpuMs: (user + system) / 1000 / images, waiting }
}

try {
  console.log(`${availableParallelism()} cores; images/s, processor ms per image, time spent waiting for data`)
  const threads = [0, 1, 2]
  const cases: Case[] = [
    ...threads.map((workers) => ({ imagePx: 160, workers, cache: 'ram' }) as const),
    { imagePx: 160, workers: 1, cache: 'none' },
    { imagePx: 320, workers: 1, cache: 'ram' },
    { imagePx: 640, workers: 1, cache: 'ram' },
    { imagePx: 640, workers: 1, cache: 'none' },
    { imagePx: 160, workers: 1, cache: 'ram', stepMs: 100 },
  ]
  for (const entry of cases) {
    const { perSecond, cpuMs, waiting } = await measure(entry)
    const { imagePx, workers, cache, stepMs } = entry
    const name = `${imagePx} px, ${workers} threads, cache ${cache}${stepMs ? `, steps of ${stepMs} ms` : ''}`
    const figures = [perSecond.toFixed(0).padStart(6), cpuMs.toFixed(2).padStart(7), `${(100 * waiting).toFixed(1)} %`]
    console.log(`${name.padEnd(44)} ${figures.join('  ')}`)
  }

  const pool = createDataPool(1)
  const dataset = await openDataset({ definition, split: 'val', pool, cacheFolder })
  const loader = await createValLoader({ dataset, pool, imagePx: 160, batchSize: 32, cacheFolder })
  for (const pass of ['first', 'second']) {
    const start = performance.now()
    for await (const _ of loader.all());
    console.log(
      `validation, 160 px, ${loader.images} images, ${pass} pass: ${(performance.now() - start).toFixed(0)} ms`,
    )
  }
  await loader.close()
  await pool.close()
} finally {
  rmSync(cacheFolder, { recursive: true, force: true })
}
