// The training step of YOLOv5n against PyTorch's, as YOLOv5 7.0.14 runs it: same images, real loss with matching, groups,
// decay, clipping, EMA, accumulation to 64 images. Every contestant is a process of its own; they take turns in blocks and
// sleep meanwhile.
//   npm run bench:engine [-- --blocks 8] [-- --only 128] [-- --threads 1] [-- --no-slots] [-- --no-profile]
// Needs npm run setup-peers. With `--newest` there, the newest PyTorch joins.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median, peerPython } from './peers.ts'

const { values: options } = parseArgs({
  options: {
    blocks: { type: 'string', default: '8' },
    steps: { type: 'string', default: '4' },
    only: { type: 'string' },
    threads: { type: 'string' },
    'no-slots': { type: 'boolean', default: false },
    'no-profile': { type: 'boolean', default: false },
  },
})
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'hypevolve-bench-'))
const ours = [process.execPath, path('./engine/step.mjs')]
const debian = [peerPython(), path('./engine/step.py')]
const newestPython = path('../.peers/newest/bin/python')

interface Setting {
  readonly size: number
  readonly batch: number
}

interface Block {
  readonly ms: number[]
  readonly cpu_ms: number[]
  readonly rss_mb: number
}

class Contestant {
  readonly blocks: Block[] = []
  private readonly lines: AsyncIterator<string>

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }

  static async start(name: string, command: string[], setting: Setting, threads: number, more: string[] = []) {
    const words = Object.entries({ data: dataFor(setting), ...setting, threads }).flatMap(([key, value]) => [
      `--${key}`,
      String(value),
    ])
    const child = spawn(command[0]!, [...command.slice(1), ...words, ...more], { stdio: ['pipe', 'pipe', 'pipe'] })
    let errors = ''
    child.stderr!.on('data', (text) => (errors += text))
    const contestant = new Contestant(name, child)
    const { done } = await contestant.lines.next()
    if (done) throw new Error(`${name} did not start:\n${errors.slice(-2000)}`)
    await contestant.run(4)
    return contestant
  }

  async run(steps: number): Promise<Block> {
    this.child.stdin!.write(`${JSON.stringify({ steps })}\n`)
    const { value, done } = await this.lines.next()
    if (done) throw new Error(`${this.name} ended`)
    return JSON.parse(value)
  }

  async measure(steps: number): Promise<void> {
    this.blocks.push(await this.run(steps))
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.child.once('close', resolve))
    this.child.stdin!.end()
    await closed
  }
}

/** Where the Python with YOLOv5 keeps its packages. */
function yolov5Folder(): string {
  const lib = path('../.peers/venv/lib')
  return join(lib, readdirSync(lib).find((name) => name.startsWith('python'))!, 'site-packages')
}

/** Random images and boxes, the same for all; four batches. */
function dataFor({ size, batch }: Setting): string {
  const folder = join(scratch, `${size}-${batch}`)
  if (existsSync(folder)) return folder
  mkdirSync(folder)
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  writeFileSync(
    join(folder, 'images.bin'),
    Uint8Array.from({ length: 4 * batch * 3 * size * size }, () => random() * 256),
  )
  const targets = Array.from({ length: 4 }, () =>
    Array.from({ length: batch }, (_, image) =>
      Array.from({ length: 4 + Math.floor(random() * 9) }, () => {
        const [width, height] = [0.08 + 0.32 * random(), 0.08 + 0.32 * random()]
        const centre = (length: number) => length / 2 + (1 - length) * random()
        return [image, Math.floor(random() * 3), centre(width), centre(height), width, height]
      }),
    ).flat(),
  )
  writeFileSync(join(folder, 'targets.json'), JSON.stringify(targets))
  return folder
}

const medianOf = ({ ms }: Block) => median(ms)
const cpuOf = ({ cpu_ms }: Block) => median(cpu_ms)
const columns = (cells: readonly string[], widths: readonly number[]) =>
  cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' ')
const fixed = (value: number, digits = 1) => value.toFixed(digits)

async function compare(setting: Setting, threads: number): Promise<void> {
  const contestants = [await Contestant.start('hypevolve', ours, setting, threads)]
  if (threads > 1)
    contestants.push(await Contestant.start('hypevolve, spinning', ours, setting, threads, ['--spinning']))
  contestants.push(await Contestant.start('torch 1.13', debian, setting, threads))
  contestants.push(await Contestant.start('torch 1.13, channels last', debian, setting, threads, ['--channels-last']))
  if (existsSync(newestPython)) {
    const command = [newestPython, path('./engine/step.py'), '--yolov5', yolov5Folder()]
    contestants.push(await Contestant.start('newest torch', command, setting, threads))
    contestants.push(
      await Contestant.start('newest torch, channels last', command, setting, threads, ['--channels-last']),
    )
  }
  for (let block = 0; block < Number(options.blocks); block++)
    for (const contestant of contestants) await contestant.measure(Number(options.steps))
  for (const contestant of contestants) await contestant.stop()

  const [first] = contestants
  const widths = [30, 8, 8, 8, 22, 14, 10]
  console.log(
    `\n${setting.size} px, batch ${setting.batch}, ${threads} thread${threads > 1 ? 's' : ''}; load ${fixed(loadavg()[0]!)}`,
  )
  console.log(columns(['', 'best', 'median', 'cpu', 'time / ours (blocks)', 'cpu / ours', 'peak MB'], widths))
  for (const { name, blocks } of contestants) {
    const ratios = blocks.map((block, i) => medianOf(block) / medianOf(first!.blocks[i]!)).sort((a, b) => a - b)
    const busy = blocks.map((block, i) => cpuOf(block) / cpuOf(first!.blocks[i]!))
    const all = blocks.flatMap(({ ms }) => ms)
    console.log(
      columns(
        [
          name,
          fixed(Math.min(...all)),
          fixed(median(all)),
          fixed(median(blocks.map(cpuOf))),
          `${fixed(median(ratios), 2)} (${fixed(ratios[0]!, 2)}-${fixed(ratios.at(-1)!, 2)})`,
          fixed(median(busy), 2),
          fixed(Math.max(...blocks.map(({ rss_mb }) => rss_mb)), 0),
        ],
        widths,
      ),
    )
  }
}

/** Two of our processes with one thread each at the same time, against one PyTorch process with two threads. */
async function slots(setting: Setting): Promise<void> {
  const pair = [await Contestant.start('a', ours, setting, 1), await Contestant.start('b', ours, setting, 1)]
  const one = await Contestant.start('torch 1.13', debian, setting, 2)
  const single = await Contestant.start('hypevolve', ours, setting, 2)
  const rates: Record<string, number[]> = {
    'hypevolve, 2 x 1 thread': [],
    'hypevolve, 1 x 2 threads': [],
    'torch 1.13, 1 x 2 threads': [],
  }
  const steps = Number(options.steps)
  const rate = async (contestants: readonly Contestant[]) => {
    const start = performance.now()
    await Promise.all(contestants.map((contestant) => contestant.run(steps)))
    return (contestants.length * steps * setting.batch * 1000) / (performance.now() - start)
  }
  for (let block = 0; block < Number(options.blocks); block++)
    for (const [i, group] of [pair, [single], [one]].entries()) Object.values(rates)[i]!.push(await rate(group))
  for (const contestant of [...pair, one, single]) await contestant.stop()
  console.log(
    `\nslots, ${setting.size} px, batch ${setting.batch}: images per second, median of ${options.blocks} blocks`,
  )
  for (const [name, list] of Object.entries(rates)) console.log(`${name.padEnd(30)} ${fixed(median(list))}`)
}

/** Where the time of one step goes, by kind of node. */
async function profile(setting: Setting): Promise<void> {
  const prefix = join(scratch, 'profile')
  const contestant = await Contestant.start('profile', ours, setting, 1, ['--profile', prefix])
  await contestant.run(8)
  await contestant.stop()
  const file = readdirSync(scratch).find((name) => name.startsWith('profile'))!
  const events = JSON.parse(readFileSync(join(scratch, file), 'utf8')) as {
    cat: string
    name: string
    dur: number
    args: { op_name: string; input_type_shape: Record<string, number[]>[] }
  }[]
  const nodes = new Map<string, { kind: string; best: number }>()
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue
    const kind = args.op_name === 'Conv' ? convKind(args.input_type_shape) : args.op_name
    const known = nodes.get(name)
    if (!known || dur < known.best) nodes.set(name, { kind, best: dur })
  }
  const kinds = new Map<string, { us: number; count: number }>()
  let total = 0
  for (const { kind, best } of nodes.values()) {
    const sum = kinds.get(kind) ?? { us: 0, count: 0 }
    kinds.set(kind, { us: sum.us + best, count: sum.count + 1 })
    total += best
  }
  console.log(
    `\nprofile, ${setting.size} px, batch ${setting.batch}, 1 thread: best time of each node, with the update;`,
  )
  console.log('the profiler itself adds about 4 us to each')
  for (const [kind, { us, count }] of [...kinds].sort((a, b) => b[1].us - a[1].us).slice(0, 20))
    console.log(
      columns([kind, `${fixed(us / 1000)} ms`, `${fixed((100 * us) / total)} %`, `${count} nodes`], [34, 10, 8, 10]),
    )
}

function convKind(inputs: readonly Record<string, number[]>[]): string {
  const [x, weight] = inputs.map((input) => Object.values(input)[0]!)
  if (x!.length === 5) return 'weight gradient, volume'
  if (weight![1] === 1)
    return weight!.slice(2).every((length) => length === 1) ? 'channel affine' : 'channel dot product'
  return weight![2]! > 3 ? 'weight gradient, batch inner' : `convolution, ${weight![2]} rows`
}

try {
  console.log(
    `${cpus()[0]!.model}, ${availableParallelism()} cores; ms per step of one batch, medians over alternating blocks`,
  )
  const settings: Setting[] = [
    { size: 128, batch: 16 },
    { size: 320, batch: 8 },
  ].filter(({ size }) => options.only === undefined || Number(options.only) === size)
  const counts = [1, 2].filter(
    (count) => count <= availableParallelism() && (!options.threads || Number(options.threads) === count),
  )
  for (const setting of settings) for (const threads of counts) await compare(setting, threads)
  if (!options['no-slots'] && availableParallelism() > 1) for (const setting of settings) await slots(setting)
  if (!options['no-profile']) for (const setting of settings) await profile(setting)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
