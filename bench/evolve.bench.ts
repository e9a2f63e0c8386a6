// Trials per hour of an evolution on processors: `hypevolve train --evolve` against live YOLOv5 7.0.14 `--evolve`, both as
// a user starts them, with cached images; then where the time of a trial goes. Blood cells, YOLOv5n from scratch, batch 16.
//   npm run bench:evolve [-- --sizes 128,160] [-- --blocks 2] [-- --trials 2] [-- --epochs 20] [-- --jobs 2] [-- --no-phases]
// Each block runs the same number of trials on each side, in alternating order, start and end of the programs included.
// Needs npm run setup-peers. PyTorch gets as many threads as there are cores, which is faster than what YOLOv5 sets.
// With --blocks 0 only the phases are measured.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { keepingAllocator } from '../src/base/index.ts'
import { loadHyp, type TrainEvent, TrainingHost, type TrainOptions, trainDefaults } from '../src/detect/index.ts'
import { bccd, median, runPeer } from './peers.ts'

const cores = availableParallelism()
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '128,160' },
    blocks: { type: 'string', default: '2' },
    trials: { type: 'string', default: '2' },
    epochs: { type: 'string', default: '20' },
    jobs: { type: 'string', default: String(cores) },
    'no-phases': { type: 'boolean', default: false },
    /** Of a process that this program starts: the phases at this size. */
    measure: { type: 'string' },
  },
})
const [blocks, trials, epochs, jobs] = [values.blocks, values.trials, values.epochs, values.jobs].map(Number) as [
  number,
  number,
  number,
  number,
]
const batch = 16
const wanted = 2

/** Seconds from the start to the end of the command, and the largest memory of a slot where the system tells it. */
function ourEvolution(imagePx: number): Promise<{ seconds: number; slotMb: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-bench-'))
  const main = fileURLToPath(new URL('../dist/app/cli/main.js', import.meta.url))
  const flags = {
    ...{ data: bccd(), cfg: 'yolov5n.yaml', weights: '', hyp: 'scratch-low', imgsz: imagePx, 'batch-size': batch },
    ...{ epochs, evolve: trials, jobs, cache: 'ram', project: folder, storage: join(folder, 'bench.db') },
  }
  const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)])
  const began = performance.now()
  const child = spawn(process.execPath, [main, 'train', ...words], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  let slotMb = 0
  const watch = setInterval(() => (slotMb = Math.max(slotMb, ...childrenMb(child.pid!))), 1000)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearInterval(watch)
      const lines = readEvolveCsv(folder)
      rmSync(folder, { recursive: true, force: true })
      if (code !== 0 || lines !== trials)
        return reject(new Error(`hypevolve ended with ${code} after ${lines} trials:\n${errors.slice(-3000)}`))
      resolve({ seconds: (performance.now() - began) / 1000, slotMb })
    })
  })
}

/** Trials in the evolve.csv of the one run in a project's folder. */
function readEvolveCsv(project: string): number {
  const file = join(project, 'exp', 'evolve.csv')
  try {
    return readFileSync(file, 'utf8').trim().split('\n').length - 1
  } catch {
    return 0
  }
}

/** Largest memory so far of each child process; Linux only. */
function childrenMb(parent: number): number[] {
  if (process.platform !== 'linux') return [0]
  const peaks = readdirSync('/proc').map((name) => {
    if (!/^\d+$/.test(name)) return 0
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8')
      const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
      return number('PPid') === parent ? number('VmHWM') / 1024 : 0
    } catch {
      return 0 // it has ended meanwhile
    }
  })
  return [0, ...peaks]
}

async function theirEvolution(imagePx: number): Promise<{ seconds: number; ofTrials: number[]; peakMb: number }> {
  const began = performance.now()
  const events = await runPeer('yolov5', {
    ...{ data: bccd(), imgsz: imagePx, 'batch-size': batch, epochs, evolve: trials, cache: 'ram' },
    ...{ workers: Math.min(2, cores), threads: cores },
  })
  const seconds = (performance.now() - began) / 1000
  const ofTrials = events.filter(({ event }) => event === 'trial').map((event) => event.trial_seconds!)
  if (ofTrials.length !== trials) throw new Error(`YOLOv5 did ${ofTrials.length} trials instead of ${trials}`)
  return { seconds, ofTrials, peakMb: events.at(-1)!.peak_rss_mb! }
}

async function compare(imagePx: number): Promise<void> {
  console.log(
    `\n${imagePx} px, batch ${batch}, ${epochs} epochs: ${trials} trials on each side per block, ${cores} cores, ours with ${jobs} jobs; load ${loadavg()[0]!.toFixed(1)}`,
  )
  const ratios: number[] = []
  const perHour: Record<'ours' | 'theirs', number[]> = { ours: [], theirs: [] }
  for (let block = 0; block < blocks; block++) {
    let ours: Awaited<ReturnType<typeof ourEvolution>>
    let theirs: Awaited<ReturnType<typeof theirEvolution>>
    if (block % 2 === 0) {
      ours = await ourEvolution(imagePx)
      theirs = await theirEvolution(imagePx)
    } else {
      theirs = await theirEvolution(imagePx)
      ours = await ourEvolution(imagePx)
    }
    ratios.push(theirs.seconds / ours.seconds)
    perHour.ours.push((3600 * trials) / ours.seconds)
    perHour.theirs.push((3600 * trials) / theirs.seconds)
    console.log(
      `block ${block + 1}  hypevolve ${ours.seconds.toFixed(1)} s, ${ours.slotMb.toFixed(0)} MB a slot; ` +
        `yolov5 ${theirs.seconds.toFixed(1)} s (trials ${theirs.ofTrials.map((s) => s.toFixed(1)).join(', ')}), ` +
        `${theirs.peakMb.toFixed(0)} MB; ratio ${ratios.at(-1)!.toFixed(2)}`,
    )
  }
  console.log(
    `trials per hour: hypevolve ${median(perHour.ours).toFixed(0)}, yolov5 ${median(perHour.theirs).toFixed(0)}; ` +
      `${median(ratios).toFixed(2)} x (blocks ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}; wanted ${wanted})`,
  )
}

/** Seconds of one trial by what they are spent on. */
interface Phases {
  /** Labels, images, model, anchors, until the first epoch begins. */
  readonly prepare: number
  /** What the first epoch takes beyond a later one: tracing, building and first run of the sessions. */
  readonly sessions: number
  readonly training: number
  /** Of that time, waiting for images. */
  readonly waiting: number
  readonly validation: number
  /** The rest: results, files, end. */
  readonly rest: number
  readonly total: number
}

async function measureTrial(host: TrainingHost, options: TrainOptions): Promise<Phases> {
  const began = performance.now()
  let startedAt = began
  const parts: Extract<TrainEvent, { type: 'epoch' }>['seconds'][] = []
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'start') startedAt = performance.now()
    if (event.type === 'epoch') parts.push(event.seconds)
  }
  await host.train(options, { onEvent })
  const total = (performance.now() - began) / 1000
  const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0)
  const usual = parts.length > 1 ? median(parts.slice(1).map(({ train }) => train)) : parts[0]!.train
  const sessions = Math.max(parts[0]!.train - usual, 0)
  const prepare = (startedAt - began) / 1000
  const training = sum(parts.map(({ train }) => train)) - sessions
  const validation = sum(parts.map(({ val }) => val))
  const waiting = sum(parts.map(({ waitForData }) => waitForData))
  const rest = total - prepare - sessions - training - validation
  return { prepare, sessions, training, waiting, validation, rest, total }
}

/** Two trials in one process with the threads of one slot, as a slot runs them. */
async function measurePhases(imagePx: number): Promise<{ trials: Phases[]; peakMb: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-bench-'))
  const host = new TrainingHost()
  const threads = Math.max(Math.floor(cores / jobs), 1)
  const options: TrainOptions = {
    ...{ ...trainDefaults, data: bccd(), cfg: 'yolov5n.yaml', weights: '', hyp: loadHyp('scratch-low').hyp },
    ...{ imagePx, batchSize: batch, epochs, cache: 'ram', workers: Math.min(2, cores), threads },
    ...{ save: 'resume', validate: 'last', plots: false, patience: 0, saveDir: folder },
  }
  try {
    const first = await measureTrial(host, options)
    const later = await measureTrial(host, options)
    return { trials: [first, later], peakMb: process.resourceUsage().maxRSS / 1024 }
  } finally {
    await host.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function tellPhases(imagePx: number): void {
  const { status, stdout } = spawnSync(process.execPath, [...process.argv.slice(1), '--measure', String(imagePx)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...keepingAllocator },
  })
  if (status !== 0) throw new Error('measuring the phases of a trial failed')
  const measured = JSON.parse(stdout.trim().split('\n').at(-1)!) as Awaited<ReturnType<typeof measurePhases>>
  const threads = Math.max(Math.floor(cores / jobs), 1)
  console.log(
    `\nseconds of a trial in one slot with ${threads} thread${threads > 1 ? 's' : ''} by itself, ${imagePx} px, ${epochs} epochs; ` +
      `${measured.peakMb.toFixed(0)} MB`,
  )
  console.log(`${''.padEnd(34)} first trial   later trial`)
  const rows: [keyof Phases, string][] = [
    ['prepare', 'labels, images, model'],
    ['sessions', 'building and warming sessions'],
    ['training', 'training'],
    ['waiting', '  of it waiting for images'],
    ['validation', 'validation'],
    ['rest', 'rest'],
    ['total', 'total'],
  ]
  for (const [phase, title] of rows)
    console.log(
      `${title.padEnd(34)} ${measured.trials
        .map(
          (trial) =>
            trial[phase].toFixed(2).padStart(7) +
            ` (${((100 * trial[phase]) / trial.total).toFixed(0).padStart(3)} %)`.padEnd(8),
        )
        .join(' ')}`,
    )
}

if (values.measure !== undefined) {
  console.log(JSON.stringify(await measurePhases(Number(values.measure))))
} else {
  for (const imagePx of values.sizes.split(',').map(Number)) {
    if (blocks > 0) await compare(imagePx)
    if (!values['no-phases']) tellPhases(imagePx)
  }
}
