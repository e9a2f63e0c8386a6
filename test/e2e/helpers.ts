// The built command line as a process, and a data set and model so small that a training takes seconds.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

export { kill9 } from '../soak/processes.ts'

export const main = fileURLToPath(new URL('../../dist/app/cli/main.js', import.meta.url))
if (!existsSync(main)) throw new Error('dist is missing: run npm run build before the end-to-end tests')

export interface Finished {
  /** Exit code; null if a signal ended it. */
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A running command line. */
export interface Running {
  readonly child: ChildProcess
  /** What it wrote so far, stdout and stderr together. */
  output(): string
  /** Resolves when the output matches; rejects if the process ends first. */
  until(pattern: RegExp): Promise<void>
  readonly finished: Promise<Finished>
}

/** Starts any command and watches its output. */
export function start(
  command: string,
  words: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): Running {
  const child = spawn(command, words, {
    cwd,
    env: { ...process.env, ...env },
    stdio: [stdin, 'pipe', 'pipe'],
    detached: true,
  })
  const parts = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      parts[name] += text
      for (const watcher of watchers) watcher()
    })
  const output = () => parts.stdout + parts.stderr
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve({ status, signal, ...parts }))
  })
  const until = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const watcher = () => {
        if (!pattern.test(output())) return
        watchers.delete(watcher)
        resolve()
      }
      watchers.add(watcher)
      watcher()
      void finished.then(() => reject(new Error(`it ended without ${pattern}:\n${output()}`)), reject)
    })
  return { child, output, until, finished }
}

/** Starts `hypevolve …`. */
export const startCli = (words: readonly string[], cwd: string, env?: NodeJS.ProcessEnv): Running =>
  start(process.execPath, [main, ...words], cwd, env)

/** Runs `hypevolve …` to its end. */
export const cli = (words: readonly string[], cwd: string, env?: NodeJS.ProcessEnv): Promise<Finished> =>
  startCli(words, cwd, env).finished

/** A fresh folder and a function that removes it. */
export function scratch(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-e2e-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Eight training and four validation images with one or two coloured squares, a data.yaml and a tiny model. */
export async function tinyProject(folder: string): Promise<void> {
  for (const [split, count] of [
    ['train', 8],
    ['val', 4],
  ] as const) {
    mkdirSync(join(folder, 'images', split), { recursive: true })
    mkdirSync(join(folder, 'labels', split), { recursive: true })
    for (let index = 0; index < count; index++) {
      const name = `${split}${index}`
      const squares = Array.from({ length: 1 + (index % 2) }, (_, square) => ({
        class: (index + square) % 2,
        left: 4 + ((index * 7 + square * 30) % 36),
        top: 4 + ((index * 11 + square * 17) % 36),
        side: 16 + 2 * (index % 4),
      }))
      await sharp({ create: { width: 64, height: 64, channels: 3, background: { r: 90, g: 90, b: 90 } } })
        .composite(
          squares.map(({ class: kind, left, top, side }) => ({
            input: {
              create: {
                width: side,
                height: side,
                channels: 3 as const,
                background: kind === 0 ? { r: 230, g: 40, b: 40 } : { r: 40, g: 60, b: 230 },
              },
            },
            left,
            top,
          })),
        )
        .png()
        .toFile(join(folder, 'images', split, `${name}.png`))
      const lines = squares.map(({ class: kind, left, top, side }) =>
        [kind, (left + side / 2) / 64, (top + side / 2) / 64, side / 64, side / 64].join(' '),
      )
      writeFileSync(join(folder, 'labels', split, `${name}.txt`), `${lines.join('\n')}\n`)
    }
  }
  writeFileSync(
    join(folder, 'data.yaml'),
    'path: .\ntrain: images/train\nval: images/val\ntest: images/val\nnames:\n  0: red\n  1: blue\n',
  )
  writeFileSync(join(folder, 'tiny.yaml'), tinyModel)
}

/** A detector of YOLOv5's blocks with two levels, some ten thousand weights. */
const tinyModel = `nc: 80
depth_multiple: 0.33
width_multiple: 0.125
anchors:
  - [10, 13, 16, 30, 33, 23]
  - [30, 61, 62, 45, 59, 119]
backbone:
  - [-1, 1, Conv, [64, 6, 2, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 1, C3, [128]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 1, SPPF, [128, 5]]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 3], 1, Concat, [1]]
  - [-1, 1, C3, [128, False]]
  - [[8, 5], 1, Detect, [nc, anchors]]
`

/** Flags of a training of that project that takes a few seconds. */
export const tinyFlags = [
  ...['--data', 'data.yaml', '--cfg', 'tiny.yaml', '--weights', ''],
  ...['--imgsz', '64', '--batch-size', '4', '--workers', '1', '--threads', '1'],
]

/** A cache folder of this test run, so that tests do not write into the user's. */
export const cacheEnv = (folder: string) => ({
  HYPEVOLVE_CACHE: join(folder, 'cache'),
  XDG_CACHE_HOME: join(folder, 'cache'),
})

/** A folder with a program `hypevolve`, as npm links it, at the front of the search path. */
export function pathEnv(folder: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  const program = join(bin, 'hypevolve')
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
  chmodSync(program, 0o755)
  return { PATH: `${bin}${delimiter}${process.env['PATH']}` }
}

/** Whether a process runs (a dead one that nobody waited for does not). */
export const alive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

/** Process ids whose parent is this one. */
export function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number)
}

/** Ids of the live processes whose working folder is this one. */
export function processesIn(folder: string): number[] {
  const at = (pid: string) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`)
    } catch {
      return undefined // it has ended, or belongs to somebody else
    }
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && at(name) === folder)
  return pids.map(Number).filter(alive)
}

/** Waits until a condition holds. */
export async function waitFor(condition: () => boolean, what: string, limitMs = 60_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s`)
    await wait(50)
  }
}

export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
