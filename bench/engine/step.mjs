// Our training step on given images: the other side of bench/engine.bench.ts; see step.py for the protocol.
// Matching, feeds, forward, loss, backward; every 64 images clipping, SGD, EMA.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import * as loss from '../../dist/detect/loss/index.js'
import * as models from '../../dist/detect/model/index.js'
import { TrainState, TrainStep } from '../../dist/nn/index.js'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    size: { type: 'string' },
    batch: { type: 'string' },
    threads: { type: 'string' },
    cfg: { type: 'string', default: 'yolov5n.yaml' },
    layout: { type: 'string', default: 'auto' },
    device: { type: 'string', default: 'cpu' },
    spinning: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})
const [size, batch, threads] = [values.size, values.batch, values.threads].map(Number)
const definition = models.loadModel(values.cfg, { classes: 3 })
const anchors = models.gridAnchors(definition)
const levels = definition.strides.map((stride, i) => ({ ny: size / stride, nx: size / stride, anchors: anchors[i] }))
const targets = JSON.parse(readFileSync(join(values.data, 'targets.json'), 'utf8')).map((rows) =>
  Float32Array.from(rows.flat()),
)
const bytes = readFileSync(join(values.data, 'images.bin'))
const numbers = {
  gains: { box: 0.05, cls: (0.5 * 3) / 80, obj: (size / 640) ** 2 },
  clsPositiveWeight: 1,
  objPositiveWeight: 1,
  focalGamma: 0,
  labelSmoothing: 0,
  balance: loss.levelBalance(3),
}
const match = (rows) => loss.matchTargets(rows, levels, 4)
const capacity = Math.max(...targets.map((rows) => loss.matchCapacity(loss.matchCount(match(rows)))))
const geometry = { batch, classes: 3, anchorsPerLevel: 3, levels, capacity, focal: false }
const state = new TrainState().load(models.initialWeights(definition, 0))
const started = performance.now()
const step = await TrainStep.create({
  state,
  threads,
  device: values.device,
  layout: values.layout,
  spinning: values.spinning,
  ...(values.profile ? { profile: values.profile } : {}),
  build(scope) {
    const heads = models.buildDetector(scope, definition, scope.image('image', batch, size, size))
    const { loss: total, items } = loss.detectionLoss(scope.graph, heads, geometry)
    return { loss: total, outputs: { items } }
  },
})
const createMs = performance.now() - started

/** The loader delivers images in the layout of the step; here they are packed before the clock starts. */
function pack(plain) {
  if (step.imageLayout.kind === 'plain') return Uint8Array.from(plain)
  const { block } = step.imageLayout
  const half = size / 2
  const packed = new Uint8Array(batch * 16 * half * half)
  for (let n = 0; n < batch; n++)
    for (let channel = 0; channel < 12; channel++) {
      const [dy, dx, colour] = [Math.floor(channel / 6), Math.floor(channel / 3) % 2, channel % 3]
      for (let y = 0; y < half; y++)
        for (let x = 0; x < half; x++)
          packed[
            (((n * (16 / block) + Math.floor(channel / block)) * half + y) * half + x) * block + (channel % block)
          ] = plain[((n * 3 + colour) * size + 2 * y + dy) * size + 2 * x + dx]
    }
  return packed
}
const perBatch = batch * 3 * size * size
const images = Array.from({ length: bytes.length / perBatch }, (_, i) =>
  pack(bytes.subarray(i * perBatch, (i + 1) * perBatch)),
)

const accumulate = Math.max(Math.round(64 / batch), 1)
let iteration = 0
let last
async function iterate() {
  const rows = match(targets[iteration % targets.length])
  const feeds = { image: images[iteration % images.length], ...loss.lossFeeds(rows, numbers, geometry) }
  iteration++
  const update = iteration % accumulate === 0
  last = await step.run(feeds, {
    step: update ? 1 : 0,
    learningRate: { bias: 0.01, decayed: 0.01, norm: 0.01 },
    momentum: 0.937,
    weightDecay: 5e-4,
    emaDecay: 0.9999 * (1 - Math.exp(-iteration / 2000)),
    maxNorm: 10,
  })
}
const peakRss = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024

console.log(
  JSON.stringify({
    layout: step.imageLayout,
    create_ms: createMs,
    model_mb: step.modelBytes / 2 ** 20,
    estimate_mb: step.bytes / 2 ** 20,
    capacity,
  }),
)
for await (const line of createInterface({ input: process.stdin })) {
  const { steps } = JSON.parse(line)
  const ms = []
  const cpu = []
  const busy = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  for (let i = 0; i < steps; i++) {
    const [start, before] = [performance.now(), busy()]
    await iterate()
    ms.push(performance.now() - start)
    cpu.push(busy() - before)
  }
  console.log(JSON.stringify({ ms, cpu_ms: cpu, rss_mb: peakRss(), loss: last.loss }))
}
await step.dispose()
