// Runs a child process over inputs and watches it: a reader may refuse an input with a typed error, but not throw
// anything else, print a warning, take long, fill the memory or take the process down.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type Assignment, type Job, type Report, reportDescriptor } from './protocol.ts'

export interface FuzzOptions {
  /** The compiled child.ts. */
  readonly child: string
  readonly jobs: readonly Job[]
  readonly seed: number
  /** A file to read in place of the inputs that the seed gives; one job of one input. */
  readonly input?: string
  /** Processor time that an input may take. */
  readonly cpuMs?: number
  /** Time that an input may take however little of the processor it gets. */
  readonly wallMs?: number
  /** By how much an input may let the process grow. */
  readonly grownBytes?: number
  /** What JavaScript's own objects may take. */
  readonly heapMiB?: number
  readonly onProgress?: (target: string, done: number) => void
}

export type FaultKind = 'error' | 'slow' | 'memory' | 'crash'

export interface Fault {
  readonly target: string
  readonly index: number
  readonly kind: FaultKind
  readonly text: string
}

export interface Figures {
  readonly accepted: number
  /** Refused inputs by the code of their error. */
  readonly refused: Readonly<Record<string, number>>
  readonly mostCpuMs: number
  readonly mostGrownBytes: number
}

export interface FuzzResult {
  readonly figures: ReadonlyMap<string, Figures>
  readonly faults: readonly Fault[]
}

/** So many faults of a target, and the rest of its inputs is left. */
const enoughFaults = 50

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { seed, input } = options
  const figures = new Map<string, Figures>(
    options.jobs.map(({ target }) => [target, { accepted: 0, refused: {}, mostCpuMs: 0, mostGrownBytes: 0 }]),
  )
  const faults: Fault[] = []
  let jobs = options.jobs
  while (jobs.length > 0) {
    const folder = mkdtempSync(join(tmpdir(), 'hypevolve-fuzz-'))
    try {
      const assignment: Assignment = { seed, folder, jobs, ...(input !== undefined && { input }) }
      const { last, ended } = await watch(options, assignment, figures, faults)
      if (ended) break
      const { target, index } = last
      const rest = jobs.slice(jobs.findIndex((job) => job.target === target))
      const spoilt = faults.filter((fault) => fault.target === target).length >= enoughFaults
      jobs = rest
        .map((job) => (job.target === target ? { ...job, from: spoilt ? job.to : index + 1 } : job))
        .filter(({ from, to }) => from < to)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return { figures, faults }
}

interface Place {
  readonly target: string
  readonly index: number
}

/** One child, until it has done all or something is wrong with it. */
async function watch(
  { child: program, cpuMs = 2000, wallMs = 60_000, grownBytes = 400 << 20, heapMiB = 512, onProgress }: FuzzOptions,
  assignment: Assignment,
  figures: Map<string, Figures>,
  faults: Fault[],
): Promise<{ ended: boolean; last: Place }> {
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', `--max-old-space-size=${heapMiB}`, program, JSON.stringify(assignment)],
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: { ...process.env, HYPEVOLVE_OFFLINE: '1' } },
  )
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)))

  let ready: string | undefined
  let begun: (Place & { readonly at: number; readonly cpuMs: number }) | undefined
  let last: Place | undefined
  let enough = false
  let killedFor: { kind: FaultKind; text: string } | undefined
  const fault = ({ target, index }: Place, kind: FaultKind, text: string) => faults.push({ target, index, kind, text })
  const kill = (kind: FaultKind, text: string) => {
    killedFor = { kind, text }
    child.kill('SIGKILL')
  }
  const take = (report: Report) => {
    if (report.type === 'ready') ready = report.target
    else if (report.type === 'begin') {
      const { target, index } = report
      last = { target, index }
      begun = { ...last, at: performance.now(), cpuMs: processorMs(child) }
      if (index % 500 === 0) onProgress?.(target, index)
    } else {
      const place = begun!
      begun = undefined
      count(figures, place.target, report)
      if (report.fault !== undefined) fault(place, 'error', report.fault)
      else if (report.cpuMs > cpuMs) fault(place, 'slow', `${(report.cpuMs / 1000).toFixed(1)} s of processor time`)
      else if (report.grownBytes > grownBytes)
        fault(place, 'memory', `the process grew by ${(report.grownBytes / 2 ** 20).toFixed(0)} MiB`)
      enough = faults.filter(({ target }) => target === place.target).length >= enoughFaults
      if (enough) child.kill('SIGKILL')
    }
  }
  createInterface({ input: child.stdio[reportDescriptor] as Readable }).on('line', (line) => take(JSON.parse(line)))
  const watchdog = setInterval(() => {
    if (!begun || killedFor) return
    const used = processorMs(child) - begun.cpuMs
    if (used > cpuMs) kill('slow', `more than ${cpuMs} ms of processor time`)
    else if (performance.now() - begun.at > wallMs) kill('slow', `more than ${wallMs} ms`)
    else if (residentBytes(child) > 4 * 2 ** 30) kill('memory', 'the process had 4 GiB')
  }, 50)
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once('close', (...ending) => resolve(ending)),
  )
  clearInterval(watchdog)

  if (code === 0) return { ended: true, last: last! }
  if (last === undefined || ready !== last.target)
    throw new Error(`The fuzzing process ended with ${signal ?? code} before its inputs:\n${output}`)
  if (killedFor) fault(last, killedFor.kind, killedFor.text)
  else if (!enough) fault(last, 'crash', `the process ended with ${signal ?? code}:\n${output}`)
  return { ended: false, last }
}

function count(figures: Map<string, Figures>, target: string, report: Extract<Report, { type: 'end' }>): void {
  const before = figures.get(target)!
  const { code, fault } = report
  figures.set(target, {
    accepted: before.accepted + Number(code === undefined && fault === undefined),
    refused: code === undefined ? before.refused : { ...before.refused, [code]: (before.refused[code] ?? 0) + 1 },
    mostCpuMs: Math.max(before.mostCpuMs, report.cpuMs),
    mostGrownBytes: Math.max(before.mostGrownBytes, report.grownBytes),
  })
}

/** Processor time of a process so far; 0 where /proc is missing. */
function processorMs({ pid }: ChildProcess): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    return 10 * (Number(user) + Number(system))
  } catch {
    return 0
  }
}

function residentBytes({ pid }: ChildProcess): number {
  try {
    return 4096 * Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  } catch {
    return 0
  }
}
