// Programs of a few lines that work on a study as processes of their own, to be killed at any time.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface ProgramProcess {
  readonly process: ChildProcess
  /** What it wrote to standard output so far. */
  said(): string
  /** What it wrote to standard error so far. */
  complaint(): string
  /** With all that it wrote to standard error. */
  readonly ended: Promise<string>
}

export interface Program {
  /** A folder for the tests of the file. */
  readonly folder: string
  /** Begins a process, which is killed after the test at the latest. */
  start(...words: string[]): ProgramProcess
  /** All that were begun in the test under way. */
  readonly running: readonly ProgramProcess[]
}

/**
 * To be called once at the top of a test file.
 *
 * @param source - TypeScript that may import `./study/index.ts` and what else is in `src`
 */
export function testProgram(name: string, source: string): Program {
  const file = join(root, 'node_modules/.cache/hypevolve-test', `${name}-${process.pid}.mjs`)
  const running: ProgramProcess[] = []
  let folder = ''

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
    await build({
      stdin: { contents: source, resolveDir: join(root, 'src'), loader: 'ts' },
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      outfile: file,
    })
  })
  afterEach(() => {
    for (const each of running.splice(0)) each.process.kill('SIGKILL')
  })
  afterAll(() => {
    rmSync(folder, { recursive: true })
    rmSync(file)
  })

  return {
    running,
    get folder() {
      return folder
    },
    start(...words) {
      const child = spawn(process.execPath, [file, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
      let said = ''
      let complaint = ''
      child.stdout.on('data', (chunk) => (said += chunk))
      child.stderr.on('data', (chunk) => (complaint += chunk))
      const ended = new Promise<string>((resolve) => child.on('close', () => resolve(complaint)))
      const started = { process: child, said: () => said, complaint: () => complaint, ended }
      running.push(started)
      return started
    },
  }
}
