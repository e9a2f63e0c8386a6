// How fast the memory of a study is: ask and tell at 100,000 trials, opening, memory, replay, processes that cooperate.
//   npm run bench:study [-- --trials 100000] [-- --storage postgres://…]
// Each measurement is a process of its own, so that its memory is its own.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { samplers, yolov5Space } from '../src/search/index.ts'
import { openStorage, Study, type StudyDefinition, studyKey } from '../src/study/index.ts'

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '100000' },
    storage: { type: 'string' },
    // of the processes that this program starts
    measure: { type: 'string' },
    work: { type: 'string' },
    study: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
  },
})

/** YOLOv5 v7.0's low augmentation, with anchors: 29 hyperparameters. */
const start = {
  ...{ lr0: 0.01, lrf: 0.01, momentum: 0.937, weight_decay: 0.0005, warmup_epochs: 3, warmup_momentum: 0.8 },
  ...{ warmup_bias_lr: 0.1, box: 0.05, cls: 0.5, cls_pw: 1, obj: 1, obj_pw: 1, iou_t: 0.2, anchor_t: 4, anchors: 3 },
  ...{ fl_gamma: 0, hsv_h: 0.015, hsv_s: 0.7, hsv_v: 0.4, degrees: 0, translate: 0.1, scale: 0.5, shear: 0 },
  ...{ perspective: 0, flipud: 0, fliplr: 0.5, mosaic: 1, mixup: 0, copy_paste: 0 },
}

const space = yolov5Space(start)

const definitionOf = (mode: 'native' | 'replay'): StudyDefinition => ({
  seed: 1,
  space: space.toJSON() as StudyDefinition['space'],
  sampler: { name: 'yolov5', options: samplers.yolov5.options.parse({ mode }) as never },
  direction: 'maximize',
  fitness: '0.1*mAP50 + 0.9*mAP50to95',
  identity: { mode },
  settings: {},
})

/** Stands for a training. */
const metricsOf = (i: number) => {
  const u = Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1
  return {
    ...{ precision: u, recall: 1 - u, mAP50: u * 0.9123456789, mAP50to95: u * 0.6123456789 },
    ...{ boxLoss: u / 10, objLoss: u / 20, clsLoss: u / 30 },
  }
}

if (values.measure) await measure(values.measure, Number(values.study), Number(values.count))
else if (values.work) await work(values.work, Number(values.study), Number(values.count))
else await main()

/** Opens a study, then asks and tells. */
async function measure(url: string, id: number, count: number): Promise<void> {
  const began = performance.now()
  const storage = await openStorage(url)
  const record = (await storage.studies()).find((study) => study.id === id)!
  const study = await Study.open(storage, record)
  const opened = performance.now() - began
  const { size } = study.history
  const asks: number[] = []
  const tells: number[] = []
  for (let i = 0; i < count; i++) {
    let from = performance.now()
    const trial = (await study.ask())!
    asks.push(performance.now() - from)
    const metrics = metricsOf(trial.number)
    from = performance.now()
    await study.tell(trial, metrics)
    tells.push(performance.now() - from)
  }
  await study.close()
  await storage.close()
  const peak = Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024
  console.log(JSON.stringify({ size, opened, ask: quantiles(asks), tell: quantiles(tells), peak }))
}

/** One of several processes on one study. */
async function work(url: string, id: number, count: number): Promise<void> {
  const storage = await openStorage(url)
  const study = await Study.open(storage, (await storage.studies()).find((each) => each.id === id)!)
  const asks: number[] = []
  for (let i = 0; i < count; i++) {
    const from = performance.now()
    const trial = (await study.ask())!
    asks.push(performance.now() - from)
    await study.tell(trial, metricsOf(trial.number))
  }
  await study.close()
  await storage.close()
  console.log(JSON.stringify(quantiles(asks)))
}

function quantiles(times: number[]) {
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]
  return { median: at(0.5), p99: at(0.99), slowest: times.at(-1)! }
}

async function fill(url: string, mode: 'native' | 'replay', count: number): Promise<number> {
  const storage = await openStorage(url)
  const definition = definitionOf(mode)
  const { study: record } = await storage.begin(undefined, () => ({
    create: { name: `${mode} ${count}`, key: studyKey(definition), definition, target: undefined },
  }))
  for (let first = 0; first < count; first += 5000) {
    const part = Array.from({ length: Math.min(5000, count - first) }, (_, k) => {
      const i = first + k
      const noise = (j: number) => 1 + 0.2 * Math.sin(i * 7.1 + j * 3.3)
      const hyp = space.toHyp(space.keys.map((key, j) => Number(start[key as keyof typeof start]) * noise(j)))
      const metrics = metricsOf(i)
      const fitness = 0.1 * metrics.mAP50 + 0.9 * metrics.mAP50to95
      return { hyp, ending: { state: 'complete' as const, fitness, metrics } }
    })
    await storage.importTrials(record.id, part)
  }
  await storage.close()
  return record.id
}

function child(...words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const program = spawn(process.execPath, [process.argv[1], ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    program.stdout.on('data', (chunk) => (said += chunk))
    program.on('close', (code) => (code === 0 ? resolve(said) : reject(new Error(`exit code ${code}`))))
  })
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-bench-'))
  const url = values.storage ?? join(folder, 'studies.db')
  const ms = (value: number) => value.toFixed(2).padStart(8)
  const line = (name: string, { median, p99, slowest }: ReturnType<typeof quantiles>) =>
    console.log(`${name.padEnd(34)}${ms(median)}${ms(p99)}${ms(slowest)}`)
  try {
    const total = Number(values.trials)
    const native = await fill(url, 'native', total)
    const replay = await fill(url, 'replay', 1000)
    const size = values.storage ? '' : `, file ${(statSync(url).size / 2 ** 20).toFixed(0)} MB`
    console.log(`${total} trials of ${space.keys.length} hyperparameters${size}`)
    console.log(`${'ms'.padEnd(34)}  median     p99 slowest   (limit at p99: 5)`)
    const big = JSON.parse(await child('--measure', url, '--study', String(native), '--count', '1000'))
    line(`ask at ${big.size}, native`, big.ask)
    line(`tell at ${big.size}, native`, big.tell)
    const small = JSON.parse(await child('--measure', url, '--study', String(replay), '--count', '500'))
    line(`ask at ${small.size}, replay`, small.ask)
    line(`tell at ${small.size}, replay`, small.tell)
    console.log(`opening ${big.size} trials: ${big.opened.toFixed(0)} ms (limit 1000)`)
    console.log(`memory of that process at its peak: ${big.peak.toFixed(0)} MB (limit 300)`)
    await together(url, line)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function together(url: string, line: (name: string, times: ReturnType<typeof quantiles>) => void) {
  const id = await fill(url, 'native', 0)
  const began = performance.now()
  const words = ['--work', url, '--study', String(id), '--count', '1000']
  const said = await Promise.all([0, 1, 2, 3].map(() => child(...words)))
  const seconds = (performance.now() - began) / 1000
  const storage = await openStorage(url)
  const numbers = (await storage.changes(id, 0)).trials.map(({ trial }) => trial.number).sort((a, b) => a - b)
  const whole = numbers.length === 4000 && numbers.every((number, i) => number === i)
  const lost = (await storage.attempts(id)).filter(({ ending }) => ending !== 'complete').length
  await storage.close()
  if (!whole || lost > 0) throw new Error(`${numbers.length} trials, ${lost} lost: not those of 4 processes x 1000`)
  for (const [i, text] of said.entries()) line(`ask, process ${i + 1} of 4`, JSON.parse(text))
  console.log(`4 processes x 1000 trials: ${seconds.toFixed(1)} s, no error, no gap`)
}
