// Evolutions whose trainings are those of the real YOLOv5 and the real Ultralytics, as they are (npm run setup-peers).
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../helpers/peers.ts'
import { cacheEnv, cli, kill9, scratch, startCli, tinyProject, waitFor } from './helpers.ts'

const openSans = fileURLToPath(new URL('../../assets/fonts/OpenSans-Regular.ttf', import.meta.url))
const peer = (name: string) => fileURLToPath(new URL(`../../.peers/${name}/bin/python`, import.meta.url))
const imports = (python: string, module: string) =>
  existsSync(python) &&
  spawnSync(python, ['-c', `import importlib.util as u; exit(u.find_spec('${module}') is None)`]).status === 0

interface Peer {
  readonly name: string
  readonly python: string
  /** Flags that make its smallest training. */
  readonly words: readonly string[]
  /** Titles of its results.csv. */
  readonly columns: { readonly mAP50: string; readonly mAP50to95: string }
}

const peers: readonly Peer[] = [
  {
    name: 'yolov5',
    python: peer('venv'),
    words: ['--module', 'yolov5.train', '--cfg', 'tiny.yaml', '--weights', '', '--batch-size', '4', '--workers', '0'],
    columns: { mAP50: 'metrics/mAP_0.5', mAP50to95: 'metrics/mAP_0.5:0.95' },
  },
  {
    name: 'ultralytics',
    python: [peer('ultralytics'), peer('venv')].find((python) => imports(python, 'ultralytics')) ?? '',
    words: ['--model', 'yolov8n.yaml', '--batch-size', '4', '--workers', '0'],
    columns: { mAP50: 'metrics/mAP50(B)', mAP50to95: 'metrics/mAP50-95(B)' },
  },
]

interface TrialRow {
  readonly number: number
  readonly state: string
  readonly fitness: number
  readonly attempts: number
  readonly metrics: Readonly<Record<string, number>>
}

for (const { name, python, words, columns } of peers) {
  const there = python !== '' && imports(python, name)
  describeWith(there, `the real ${name} (npm run setup-peers)`)(`real ${name} (npm run setup-peers)`, () => {
    let place: ReturnType<typeof scratch>
    let env: NodeJS.ProcessEnv
    beforeAll(async () => {
      place = scratch()
      // A font that YOLOv5 and Ultralytics would fetch is there.
      const config = join(place.folder, 'config')
      mkdirSync(config)
      for (const font of ['Arial.ttf', 'Arial.Unicode.ttf']) copyFileSync(openSans, join(config, font))
      env = {
        ...cacheEnv(place.folder),
        OMP_NUM_THREADS: '1',
        YOLO_CONFIG_DIR: config,
        YOLOV5_CONFIG_DIR: config,
        YOLOv5_CONFIG_DIR: config,
      }
      await tinyProject(place.folder)
      // YOLOv5 looks for relative paths in its own folder.
      const data = join(place.folder, 'data.yaml')
      writeFileSync(data, readFileSync(data, 'utf8').replace(/^path: .*$/m, `path: ${place.folder}`))
    })
    afterAll(() => place.remove())

    const train = (...more: string[]) => [
      ...['train', '--trainer', name, '--python', python, '--data', 'data.yaml', '--imgsz', '64', ...words],
      ...['--seed', '3', ...more],
    ]
    const study = join('runs', 'evolve', 'exp')
    const trials = async (): Promise<TrialRow[]> =>
      JSON.parse((await cli(['trials', study, '--json'], place.folder, env)).stdout)
    const inStudy = (...path: string[]) => join(place.folder, study, ...path)

    it('three trainings in two slots, one of them killed and tried again; then resumed for a fourth', async () => {
      const running = startCli(
        train('--epochs', '2', '--evolve', '3', '--jobs', '2', '--keep', 'all'),
        place.folder,
        env,
      )
      // In the middle of an epoch, as both say by its heading, all of its processes die, as if the system did it.
      const log = inStudy('trials', '0', 'train.log')
      const isTraining = () => existsSync(log) && /Epoch +GPU_mem/.test(readFileSync(log, 'utf8'))
      await waitFor(isTraining, 'an epoch of trial 0', 240_000)
      kill9(trainingOf(place.folder, join('trials', '0'))!)
      const { status, stdout, stderr } = await running.finished
      expect(stderr).not.toMatch(/at .*\.js:\d+/)
      expect(status, stdout + stderr).toBe(0)
      expect(stdout).toContain('It trains')
      expect(stdout).toMatch(/out-of-memory|killed/i) // SIGKILL from outside: what the system does when memory is used up

      const rows = await trials()
      expect(rows.map(({ number, state }) => [number, state])).toEqual([0, 1, 2].map((number) => [number, 'complete']))
      for (const { number, metrics } of rows) {
        const last = lastRow(inStudy('trials', String(number), 'out'))
        expect(metrics['mAP50']).toBeCloseTo(last[columns.mAP50]!, 5)
        expect(metrics['mAP50to95']).toBeCloseTo(last[columns.mAP50to95]!, 5)
        // So short a training finds nothing yet, but has its losses.
        expect(last['val/box_loss']).toBeGreaterThan(0)
        expect(metrics['boxLoss']).toBeCloseTo(last['val/box_loss']!, 5)
      }
      expect(readFileSync(inStudy('trials', '0', 'train.log'), 'utf8')).toMatch(/attempt 2/)
      expect(readFileSync(inStudy('evolve.csv'), 'utf8').trim().split('\n')).toHaveLength(4)

      // The same command for one more; the study goes on where it was.
      const more = await cli(train('--epochs', '2', '--evolve', '4', '--jobs', '2', '--keep', 'all'), place.folder, env)
      expect(more.status, more.stdout + more.stderr).toBe(0)
      expect(more.stdout).not.toContain('It trains') // what is known to work is not tried again
      expect((await trials()).map(({ number }) => number)).toEqual([0, 1, 2, 3])
    }, 900_000)

    it('an interrupted evolution goes on with resume', async () => {
      const running = startCli(
        train('--epochs', '3', '--evolve', '2', '--name', 'again', '--no-smoke'),
        place.folder,
        env,
      )
      const folder = join(place.folder, 'runs', 'evolve', 'again')
      await waitFor(() => resultsOf(join(folder, 'trials', '0', 'out')) !== undefined, 'an epoch', 300_000)
      running.child.kill('SIGINT')
      expect((await running.finished).status).toBe(130)
      const resumed = await cli(['resume'], place.folder, env)
      expect(resumed.status, resumed.stdout + resumed.stderr).toBe(0)
      const { stdout } = await cli(['trials', 'runs/evolve/again', '--json'], place.folder, env)
      const rows = JSON.parse(stdout) as TrialRow[]
      expect(rows.map(({ state }) => state)).toEqual(['complete', 'complete'])
    }, 900_000)

    it('a mistake ends it before the first trial, with the reason', async () => {
      const { status, stdout, stderr } = await cli(
        [
          ...train('--epochs', '2', '--evolve', '3', '--name', 'broken').map((word) =>
            word === 'data.yaml' ? 'nowhere.yaml' : word,
          ),
        ],
        place.folder,
        env,
      )
      expect(status, stdout).toBe(1)
      expect(stderr).toContain('no trial was begun')
      expect(stderr).toContain('nowhere.yaml')
      expect(stderr).not.toMatch(/at .*\.js:\d+/)
    }, 300_000)

    it('doctor finds what is needed', async () => {
      const words = ['doctor', '--trainer', name, '--python', python]
      const { status, stdout } = await cli(
        name === 'yolov5' ? [...words, '--module', 'yolov5.train'] : words,
        place.folder,
        env,
      )
      expect(stdout).toMatch(new RegExp(`ok {2}trainer +${name} `))
      expect(stdout).toMatch(/pytorch +\d/)
      expect(status, stdout).toBe(0)
    }, 300_000)
  })
}

describe('whoever has a GPU and a trainer for it', () => {
  let place: ReturnType<typeof scratch>
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    place = scratch()
    await tinyProject(place.folder)
    // A driver that tells of one GPU, and a clone with the files that are looked at.
    const bin = join(place.folder, 'bin')
    const nvidia = "case $1 in *gpu=*) echo '0, GPU-1, Some GPU, 8192, 100';; esac"
    program(join(bin, 'nvidia-smi'), nvidia)
    const facts = { version: '3.11.2', packages: { torch: { version: '2.5', folder: '/torch' } } }
    program(join(bin, 'python3'), `echo '${JSON.stringify(facts)}'`)
    env = { ...cacheEnv(place.folder), PATH: `${bin}:${process.env['PATH']}` }
    const flags = [
      'weights',
      'cfg',
      'data',
      'hyp',
      'epochs',
      'imgsz',
      'device',
      'cos-lr',
      'seed',
      'project',
      'optimizer',
    ]
    mkdirSync(join(place.folder, 'yolov5/models'), { recursive: true })
    writeFileSync(join(place.folder, 'yolov5/models/yolov5s.yaml'), 'nc: 80\n')
    const lines = flags.map((flag) => `    parser.add_argument('--${flag}', type=str)`)
    writeFileSync(join(place.folder, 'yolov5/train.py'), `def parse_opt():\n${lines.join('\n')}\n`)
  })
  afterAll(() => place.remove())

  const words = ['--data', 'nowhere.yaml', '--cfg', 'tiny.yaml', '--weights', '', '--evolve', '2']
  it('is offered the command that uses them', async () => {
    const { stdout } = await cli(['train', ...words], place.folder, env)
    const [first] = stdout.split('\n')
    expect(first).toContain('Some GPU')
    expect(first).toMatch(
      /hypevolve train --trainer yolov5 --repo \S+\/yolov5 --device 0 --data nowhere.yaml .*--evolve 2$/,
    )
  })
  it('is not told again where a choice was made', async () => {
    for (const choice of [
      ['--device', 'cpu'],
      ['--trainer', 'embedded'],
    ]) {
      const { stdout } = await cli(['train', ...words, ...choice], place.folder, env)
      expect(stdout).not.toContain('--trainer yolov5')
    }
  })
})

describe('any program, as a line for the shell, with a table of its own', () => {
  it('is evolved, printed as a command that runs, and trained with the best', async () => {
    const { folder, remove } = scratch()
    try {
      const line = "echo 'epoch; map' > {out}/log.csv; for i in 1 2; do echo \"$i; {hyp.lr0}\" >> '{out}'/log.csv; done"
      const words = ['--epochs', '2', '--fitness', 'mAP50', '--metrics', 'csv:log.csv:mAP50=map', '--shell']
      const run = await cli(['train', '--evolve', '3', ...words, '--trainer', 'command', '--', line], folder)
      expect(run.status, run.stdout + run.stderr).toBe(0)
      const rows = JSON.parse((await cli(['trials', '--json'], folder)).stdout) as (TrialRow & {
        hyp: { lr0: number }
      })[]
      expect(rows.map(({ state, fitness, hyp }) => state === 'complete' && fitness === hyp.lr0)).toEqual([
        true,
        true,
        true,
      ])
      const best = Math.max(...rows.map(({ fitness }) => fitness))

      const printed = await cli(['best', '--format', 'cli'], folder)
      expect(spawnSync('sh', ['-c', printed.stdout], { cwd: folder }).status).toBe(0)
      expect(readFileSync(join(folder, 'runs/evolve/exp/final/log.csv'), 'utf8')).toBe(
        `epoch; map\n1; ${best}\n2; ${best}\n`,
      )
      const again = await cli(['best', '--train'], folder)
      expect(again.status, again.stderr).toBe(0)
      expect(readFileSync(join(folder, 'runs/train/exp/out/log.csv'), 'utf8')).toContain(`2; ${best}\n`)

      const mistake = await cli(
        ['train', '--evolve', '3', '--metrics', 'cvs:log.csv', '--trainer', 'command', '--', 'true'],
        folder,
      )
      expect([mistake.status, mistake.stdout]).toEqual([2, ''])
      expect(mistake.stderr).toContain('--metrics cvs:log.csv')
    } finally {
      remove()
    }
  })
})

function program(path: string, script: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

/** The Python process that trains this trial. */
function trainingOf(folder: string, trial: string): number | undefined {
  const found = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return /python/.test(words[0]!) && words.some((word) => word.includes(folder) && word.includes(trial))
    } catch {
      return false
    }
  })
  return found.length === 0 ? undefined : Number(found[0])
}

/** The results.csv with a row somewhere below this folder. */
function resultsOf(out: string): string | undefined {
  if (!existsSync(out)) return undefined
  const names = readdirSync(out, { recursive: true }) as string[]
  const file = names.map((entry) => join(out, entry)).find((entry) => entry.endsWith('results.csv'))
  return file !== undefined && readFileSync(file, 'utf8').trim().split('\n').length > 1 ? file : undefined
}

function lastRow(out: string): Record<string, number> {
  const lines = readFileSync(resultsOf(out)!, 'utf8').trim().split('\n')
  const [titles, last] = [lines[0]!, lines.at(-1)!].map((line) => line.split(',').map((cell) => cell.trim()))
  return Object.fromEntries(titles!.map((title, i) => [title, Number(last![i])]))
}
