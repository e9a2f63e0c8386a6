// Trains with Hypevolve's own trainer, in a process of its own, and reports as yolov5_train.py does: one JSON line per
// event. Called by bench/epoch.bench.ts and bench/accuracy.bench.ts.
//   node bench/peers/hypevolve_train.mjs --data data.yaml --imgsz 160 --batch-size 16 --epochs 4 --seed 0 --threads 2
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    cfg: { type: 'string', default: 'yolov5n.yaml' },
    weights: { type: 'string', default: '' },
    hyp: { type: 'string', default: 'scratch-low' },
    imgsz: { type: 'string', default: '160' },
    'batch-size': { type: 'string', default: '16' },
    epochs: { type: 'string', default: '4' },
    seed: { type: 'string', default: '0' },
    workers: { type: 'string', default: '2' },
    threads: { type: 'string', default: '0' },
    cache: { type: 'string', default: 'none' },
    layout: { type: 'string', default: 'auto' },
    spin: { type: 'boolean', default: false },
  },
})

const { loadHyp, TrainingHost, trainDefaults } = await import(new URL('../../dist/detect/index.js', import.meta.url))
const emit = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
const saveDir = mkdtempSync(join(tmpdir(), 'hypevolve-bench-'))
const host = new TrainingHost()
const began = performance.now()
let trainingBegan
try {
  const result = await host.train(
    {
      ...trainDefaults,
      data: values.data,
      cfg: values.cfg,
      weights: values.weights,
      hyp: loadHyp(values.hyp).hyp,
      imagePx: Number(values.imgsz),
      batchSize: Number(values['batch-size']),
      epochs: Number(values.epochs),
      seed: Number(values.seed),
      workers: Number(values.workers),
      threads: Number(values.threads),
      cache: values.cache,
      layout: values.layout,
      spin: values.spin,
      plots: false,
      saveDir,
    },
    {
      onEvent: (event) => {
        if (event.type === 'start') {
          trainingBegan = performance.now()
          emit({ event: 'start', device: event.device, parameters: event.parameters })
        } else if (event.type === 'epoch') {
          emit({
            event: 'epoch',
            epoch: event.epoch,
            at: (performance.now() - trainingBegan) / 1000,
            seconds: event.seconds,
            metrics: event.results && {
              'metrics/mAP_0.5': event.results.mAP50,
              'metrics/mAP_0.5:0.95': event.results.mAP50to95,
            },
          })
        }
      },
    },
  )
  emit({
    event: 'end',
    seconds: (performance.now() - began) / 1000,
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    final: result.results,
    fitness: { last: result.fitness, best: result.bestFitness },
  })
} finally {
  await host.close()
  rmSync(saveDir, { recursive: true, force: true })
}
