// Kills a search again and again, at random instants and in several ways, lets it go on, and looks after each kill
// whether anything was lost. `npm run soak` does many rounds (soak.ts), `npm test` a few (kill.test.ts).
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { randomFor } from '../../src/base/index.ts'
import type { Trial } from '../../src/search/index.ts'
import { openStorage, type StudyOverview } from '../../src/study/index.ts'
import { type Acknowledged, faultsAtTheEnd, faultsOf, faultsOfTable, type Measured } from './checks.ts'
import { kill9, killAll, marked, markVariable, waitUntilGone } from './processes.ts'

/** How a search is disturbed. */
export const disturbances = {
  coordinator: 'kill -9 of the coordinator',
  child: 'kill -9 of a slot or a training',
  'one of four': 'kill -9 of one of four cooperating processes',
  everything: 'kill -9 of everything, as a power cut',
  server: 'restart of the database server without warning',
} as const
export type Disturbance = keyof typeof disturbances

/** A database server that can be taken away for a moment. */
export interface Server {
  readonly url: string
  /** `immediate` is a crash. */
  restart(mode: 'immediate', pauseMs: number): Promise<void>
}

export interface SoakOptions {
  readonly rounds: number
  readonly seed: number
  /** An empty folder: working folder of the searches. */
  readonly folder: string
  /** Trials of a study. */
  readonly trials: number
  /** Least and most milliseconds of an epoch; a training has three. */
  readonly paceMs?: readonly [number, number]
  /** A server in place of an SQLite file in the folder. */
  readonly server?: Server
  /** Told a line now and then. */
  readonly say?: (line: string) => void
}

export interface SoakFigures {
  readonly disturbed: Readonly<Partial<Record<Disturbance, number>>>
  readonly studies: number
  readonly complete: number
  readonly failed: number
  readonly attempts: number
  /** Attempts whose process vanished. */
  readonly lost: number
  /** Results that a coordinator said were kept. */
  readonly acknowledged: number
  readonly seconds: number
  /** What was wrong, with its round; empty if all is well. */
  readonly faults: readonly string[]
}

/** Where the log of {@link Measured} lies, in the study's folder. */
const measuredLog = 'measured.jsonl'
const database = 'runs/hypevolve.db'
// Tests and soak run in the repository's root.
const main = resolve('dist/app/cli/main.js')
const training = resolve('test/soak/training.mjs')

/** A coordinator in the background. */
interface Coordinator {
  readonly process: ChildProcess
  readonly output: () => string
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  killed: boolean
}

export async function soak(options: SoakOptions): Promise<SoakFigures> {
  const { rounds, seed, server, say = () => {} } = options
  const began = performance.now()
  const random = randomFor(seed, 0).numpy
  const below = (limit: number) => Math.floor(random.uniform() * limit)
  const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)]!
  const kinds = (Object.keys(disturbances) as Disturbance[]).filter((kind) => kind !== 'server' || server)
  const search = new Search(options)
  const disturbed: Partial<Record<Disturbance, number>> = {}
  const faults: string[] = []

  for (let round = 0; round < rounds; round++) {
    const kind = kinds[round % kinds.length]!
    let hit = true
    const cooperating = kind === 'one of four' || (kind !== 'coordinator' && pick([true, false])) ? 4 : 1
    const coordinators = Array.from({ length: cooperating }, () => search.start(cooperating === 1 ? 2 : 1))
    // A third of the kills come while it starts, the others after some trials.
    const complete = below(3) === 0 ? 0 : 1 + below(5)
    if (complete > 0) await search.progress(coordinators, complete)
    await delay(below(complete > 0 ? 400 : 2000))
    if (round % 25 === 24) say(`${round + 1} rounds, ${((performance.now() - began) / 1000).toFixed(0)} s`)
    const complaint = (text: string) => faults.push(`round ${round} (${kind}): ${text}`)

    if (kind === 'coordinator') search.kill(coordinators[0]!)
    else if (kind === 'everything') search.powerCut(coordinators)
    else {
      if (kind === 'one of four') search.kill(pick(coordinators))
      else if (kind === 'server') await server!.restart('immediate', below(1500))
      else hit = await search.killChild(coordinators, below)
      await delay(200 + below(800))
      // The others go on, until they are told to stop or meet the power cut too.
      if (pick([true, false])) search.powerCut(coordinators)
      else for (const { process } of coordinators) process.kill('SIGINT')
    }
    if (hit) disturbed[kind] = (disturbed[kind] ?? 0) + 1
    for (const text of await search.settle(coordinators)) complaint(text)
    for (const text of await search.inspect()) complaint(text)
    if (faults.length > 0) break
  }

  if (faults.length === 0) for (const text of await search.finish()) faults.push(`in the end: ${text}`)
  return { disturbed, ...(await search.figures()), seconds: (performance.now() - began) / 1000, faults }
}

/** The searches of one working folder and what is known about them. */
class Search {
  readonly #options: SoakOptions
  readonly #mark = `${process.pid}-${Math.random().toString(36).slice(2)}`
  /** What coordinators said is kept, by the name of the study. */
  readonly #acknowledged = new Map<string, Acknowledged[]>()
  readonly #before = new Map<string, readonly Trial[]>()

  constructor(options: SoakOptions) {
    this.#options = options
  }

  start(slots: number): Coordinator {
    const { folder, server, trials, paceMs = [20, 200] } = this.#options
    const words = [
      'train',
      '--data',
      'none.yaml',
      '--epochs',
      '3',
      '--sampler',
      'yolov5',
      '--evolve',
      String(trials),
      '--jobs',
      String(slots),
    ]
    if (server) words.push('--storage', server.url)
    const program = [
      process.execPath,
      training,
      ...paceMs.map(String),
      '{out}',
      '{hyp}',
      '{epochs}',
      '{trial}',
      '{attempt}',
    ]
    const child = spawn(process.execPath, [main, ...words, '--trainer', 'command', '--', ...program], {
      cwd: folder,
      env: { ...process.env, [markVariable]: this.#mark },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    const ended = new Promise<number | NodeJS.Signals>((resolve) =>
      child.once('close', (code, signal) => resolve(code ?? signal!)),
    )
    return { process: child, output: () => output, ended, killed: false }
  }

  /** Waits until so many trials are complete, or all coordinators have ended. */
  async progress(coordinators: readonly Coordinator[], complete: number): Promise<void> {
    const count = () => coordinators.flatMap(({ output }) => output().match(/^trial \d+ complete/gm) ?? []).length
    const running = () => coordinators.some(({ process: { exitCode, signalCode } }) => exitCode === null && !signalCode)
    while (count() < complete && running()) await delay(10)
  }

  kill(coordinator: Coordinator): void {
    coordinator.killed = true
    kill9(coordinator.process.pid!)
  }

  powerCut(coordinators: readonly Coordinator[]): void {
    for (const coordinator of coordinators) coordinator.killed = true
    killAll(this.#mark)
  }

  /** Kills something that the coordinators started. @returns whether they had anything, until they were done */
  async killChild(coordinators: readonly Coordinator[], below: (limit: number) => number): Promise<boolean> {
    const own = new Set(coordinators.map(({ process }) => process.pid))
    for (;;) {
      const processes = marked(this.#mark)
      const children = processes.filter(({ pid }) => !own.has(pid))
      if (children.length > 0) {
        kill9(children[below(children.length)]!.pid)
        return true
      }
      if (processes.length === 0) return false
      await delay(5)
    }
  }

  /** Waits until all processes have ended; those that were not killed must end well. Takes down what they said. */
  async settle(coordinators: readonly Coordinator[], limitMs = 20_000): Promise<string[]> {
    const faults: string[] = []
    const orphans = await waitUntilGone(this.#mark, limitMs)
    if (orphans.length > 0) faults.push(`still running: ${orphans.map(({ pid, command }) => `${pid} ${command}`)}`)
    for (const { ended, killed, output } of coordinators) {
      const code = await ended
      // Told to stop it ends with 130, or by the signal if it had hardly begun.
      if (!killed && code !== 0 && code !== 130 && code !== 'SIGINT')
        faults.push(`a coordinator ended with ${code}:\n${output()}`)
      const [, name = ''] = /^evolve: (?:begins|joins|continues|extends) (\S+)/m.exec(output()) ?? []
      const list = this.#acknowledged.get(name) ?? []
      this.#acknowledged.set(name, list)
      for (const [, number, attempt = '1'] of output().matchAll(
        /^trial (\d+) complete: .*?(?:\(attempt (\d+)\).*)?\n/gm,
      ))
        list.push({ number: Number(number), attempt: Number(attempt) })
    }
    return faults
  }

  /** Looks at all studies and compares with what was said and measured. */
  async inspect(): Promise<string[]> {
    return this.#withStudies(async ({ name, target = Number.NaN }, trials) => {
      const faults = faultsOf({
        trials,
        target,
        acknowledged: this.#acknowledged.get(name) ?? [],
        measured: readMeasured(join(this.#options.folder, name, measuredLog)),
        before: this.#before.get(name) ?? [],
      })
      this.#before.set(name, trials)
      return [...faults, ...this.#faultsOfTable(name, trials)]
    })
  }

  /** evolve.csv is written after the result is kept: a kill in between leaves rows out at its end, and nothing else. */
  #faultsOfTable(study: string, trials: readonly Trial[]): string[] {
    const file = join(this.#options.folder, study, 'evolve.csv')
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    const rows = Math.max(0, text.split('\n').length - 2)
    const complete = trials.filter(({ state }) => state === 'complete')
    return faultsOfTable(text, complete.slice(0, rows))
  }

  /** Lets the last study come to its end undisturbed. */
  async finish(): Promise<string[]> {
    const last = this.start(2)
    const faults = await this.settle([last], 300_000)
    if ((await last.ended) !== 0) faults.push(`the last run ended with ${await last.ended}:\n${last.output()}`)
    faults.push(...(await this.inspect()))
    faults.push(
      ...(await this.#withStudies(async ({ name, target = Number.NaN }, trials) => [
        ...faultsAtTheEnd({ trials, target }),
        ...faultsOfTable(readFileSync(join(this.#options.folder, name, 'evolve.csv'), 'utf8'), trials),
      ])),
    )
    const temporary = readdirSync(this.#options.folder, { recursive: true, encoding: 'utf8' })
    faults.push(...temporary.filter((path) => /\.(tmp|part|lock)|~$/.test(path)).map((path) => `left over: ${path}`))
    return faults
  }

  async figures(): Promise<Omit<SoakFigures, 'disturbed' | 'seconds' | 'faults'>> {
    const sum = { studies: 0, complete: 0, failed: 0, attempts: 0, lost: 0, acknowledged: 0 }
    await this.#withStudies(async ({ name, counts }, _trials, attempts) => {
      sum.studies++
      sum.complete += counts.complete
      sum.failed += counts.failed
      sum.attempts += attempts.length
      sum.lost += attempts.filter(({ ending }) => ending === 'lost').length
      sum.acknowledged += this.#acknowledged.get(name)?.length ?? 0
      return []
    })
    return sum
  }

  /** Opens the storage as a new process would, and calls `look` for each study. */
  async #withStudies(
    look: (
      study: StudyOverview,
      trials: readonly Trial[],
      attempts: Awaited<ReturnType<Awaited<ReturnType<typeof openStorage>>['attempts']>>,
    ) => Promise<string[]>,
  ): Promise<string[]> {
    const { server, folder } = this.#options
    const file = join(folder, database)
    if (!server && !existsSync(file)) return [] // killed before anything began
    const storage = await openStorage(server?.url ?? file)
    try {
      const faults: string[] = []
      for (const study of await storage.studies()) {
        const { trials } = await storage.changes(study.id, 0)
        const found = await look(
          study,
          trials.map(({ trial }) => trial),
          await storage.attempts(study.id),
        )
        faults.push(...found.map((text) => `${study.name}: ${text}`))
      }
      return faults
    } finally {
      await storage.close()
    }
  }
}

/** The log of trainings; a line may be cut off by a kill. */
function readMeasured(file: string): Measured[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Measured]
    } catch {
      return []
    }
  })
}
