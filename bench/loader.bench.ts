// How fast training batches come on blood cells, batch 16: with the default hyperparameters by image size, threads and
// cache; with every augmentation on; and how long a trainer waits for data whose steps block its thread. A figure "per
// core" is images per second of processor time, which other work on the machine disturbs less than the clock.
//   npm run build && node bench/run.mjs loader [-- seconds per case]
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
const lowHyp = { hsv_h: 0.015, hsv_s: 0.7, hsv_v: 0.4, translate: 0.1, scale: 0.5, fliplr: 0.5, mosaic: 1 }
const turned = { ...lowHyp, degrees: 10, shear: 5, flipud: 0.5 }
const hyps = {
  low: augmentHyp(lowHyp),
  turned: augmentHyp(turned),
  heavy: augmentHyp({ ...turned, perspective: 0.0005, mixup: 0.5, copy_paste: 0.5 }),
}
const layout = { kind: 'blocked', block: 8 } as const

interface Case {
  /** `heavy` runs on labels that are polygons. */
  readonly hyp?: keyof typeof hyps
  readonly imagePx: number
  readonly workers: number
  readonly cache: 'none' | 'ram'
  /** Milliseconds that each batch blocks the thread, as a training step does. */
  readonly stepMs?: number
}

/** Images per second, processor milliseconds per image, and the share of time spent waiting for data. */
async function measure({ hyp = 'low', imagePx, workers, cache, stepMs = 0 }: Case) {
  const pool = createDataPool(workers)
  const data = hyp === 'heavy' ? polygons : definition
  const dataset = await openDataset({ definition: data, split: 'train', pool, cacheFolder })
  const options = { dataset, pool, imagePx, batchSize: 16, hyp: hyps[hyp], seed: 0, layout, cache, cacheFolder }
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

/** The blood cells with an outline of 24 corners in place of each box. */
function withPolygons(): typeof definition {
  const root = join(cacheFolder, 'polygons')
  for (const split of ['train', 'val'] as const)
    for (const place of definition[split]) {
      const labels = place.replace(/images(?!.*images)/, 'labels')
      mkdirSync(join(root, 'images'), { recursive: true })
      mkdirSync(join(root, 'labels', split), { recursive: true })
      symlinkSync(place, join(root, 'images', split))
      for (const name of readdirSync(labels).filter((name) => name.endsWith('.txt'))) {
        const lines = readFileSync(join(labels, name), 'utf8').trim().split('\n').filter(Boolean)
        const text = lines.map((line) => outline(line.split(' ').map(Number)))
        writeFileSync(join(root, 'labels', split, name), text.join('\n'))
      }
    }
  return { ...definition, root, train: [join(root, 'images/train')], val: [join(root, 'images/val')] }
}

function outline([label, x, y, width, height]: number[]): string {
  const inside = (value: number) => Math.min(Math.max(value, 0), 1).toFixed(6)
  const corners = Array.from({ length: 24 }, (_, i) => (i * Math.PI) / 12).map(
    (angle) => `${inside(x + (width / 2) * Math.cos(angle))} ${inside(y + (height / 2) * Math.sin(angle))}`,
  )
  return `${label} ${corners.join(' ')}`
}

const polygons = withPolygons()
try {
  console.log(`${availableParallelism()} cores; images/s, images/s per core, time spent waiting for data`)
  const threads = [0, 1, 2]
  const cases: Case[] = [
    ...threads.map((workers) => ({ imagePx: 160, workers, cache: 'ram' }) as const),
    { imagePx: 160, workers: 1, cache: 'none' },
    { imagePx: 320, workers: 1, cache: 'ram' },
    { imagePx: 640, workers: 1, cache: 'ram' },
    { imagePx: 640, workers: 1, cache: 'none' },
    { imagePx: 160, workers: 1, cache: 'ram', stepMs: 100 },
    ...[160, 320, 640].flatMap((imagePx) =>
      (['turned', 'heavy'] as const).map((hyp) => ({ hyp, imagePx, workers: 1, cache: 'ram' }) as const),
    ),
  ]
  for (const entry of cases) {
    const { perSecond, cpuMs, waiting } = await measure(entry)
    const { hyp = 'low', imagePx, workers, cache, stepMs } = entry
    const name = `${hyp}, ${imagePx} px, ${workers} threads, cache ${cache}${stepMs ? `, steps of ${stepMs} ms` : ''}`
    const figures = [
      perSecond.toFixed(0).padStart(6),
      (1000 / cpuMs).toFixed(0).padStart(6),
      `${(100 * waiting).toFixed(1)} %`,
    ]
    console.log(`${name.padEnd(50)} ${figures.join('  ')}`)
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
