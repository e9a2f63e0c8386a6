// One training as a process group: started, listened to, ended where it must be, and its end explained.
import type { FailureClass } from '../../search/index.ts'
import type { Outcome } from '../trainer.ts'
import { type Explanation, explainExit, explainOutput } from './classify.ts'
import { type Exit, type ProcessGroup, startGroup } from './group.ts'
import { markTraining } from './mark.ts'
import { groupMemory, machineMemory } from './memory.ts'
import type { MetricReader } from './metric-reader.ts'
import { LineSplitter, Tail, type TrialLog } from './output.ts'
import { limit } from './timer.ts'

/** What ends a training that would not end by itself. */
export interface ProcessLimits {
  /** Longest time of one training; default no limit. */
  readonly timeoutMs?: number | undefined
  /** Longest time without any output and any news in its files; default 30 minutes, 0 for no limit. */
  readonly hangMs?: number | undefined
  /** A group that takes more memory is killed; default nine tenths of what this machine (or container) has. */
  readonly memoryBytes?: number | undefined
  /** How long it may take to end after SIGTERM before it is killed; default 30 s. */
  readonly graceMs?: number | undefined
}

/** A program with its whole environment. */
export interface TrainingProcess {
  readonly words: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Default: the folder of this process. */
  readonly cwd?: string
}

export interface TrainProcessOptions {
  readonly plan: TrainingProcess
  /** Where the program says what it measured. Its `poll` is called about every half second, and once after the end. */
  readonly reader: MetricReader
  /** Gets all that the program prints, and why it failed. */
  readonly log: TrialLog
  readonly limits?: ProcessLimits
  /** Interrupts the training: SIGTERM, and SIGKILL after the grace. */
  readonly signal: AbortSignal
  /** Told once the program runs, to kill it from outside. */
  readonly onStart?: (group: ProcessGroup) => void
  /** What this program's own messages say of a failure; `undefined` leaves it to what all programs say. */
  readonly classify?: (exit: Exit, output: readonly string[]) => Explanation | undefined
}

/** Why we ended a training. */
type Stop = 'interrupted' | Extract<FailureClass, 'time-out' | 'hang' | 'out-of-memory'>

const defaultHangMs = 30 * 60_000
const memoryPeriodMs = 5000
const pollPeriodMs = 500

/**
 * Trains with a program until it ends. It is complete if it exits with 0 and its metrics were read.
 *
 * @throws the error of the system if no process can be started
 */
export async function trainProcess(options: TrainProcessOptions): Promise<Outcome> {
  const { plan, reader, log, limits = {}, signal, onStart, classify } = options
  if (signal.aborted) return { state: 'interrupted' }
  const mark = markTraining()
  const env = { ...plan.env, ...mark.env }
  const group = await startGroup(plan.words, { env, ...(plan.cwd !== undefined && { cwd: plan.cwd }) })
  onStart?.(group)
  const guard = watch(group, limits, signal)
  const tail = listen(group, reader, log, guard.heard)
  const files = followFiles(reader, guard.heard)
  const exit = await group.ended
  const stop = guard.end()
  mark.release()
  await files.end()
  reader.end?.()

  const { metrics } = reader
  if (exit.code === 0 && stop === undefined && metrics) return { state: 'complete', metrics }
  // A training that ended well may leave others at work (an upload); what is left of any other only holds memory.
  await mark.killStrays()
  if (stop === 'interrupted') {
    log.note('interrupted')
    return { state: 'interrupted' }
  }
  const { failure, reason } = explain()
  log.note(`failed (${failure}): ${reason}`)
  return { state: 'failed', failure, output: [...tail.lines, reason] }

  function explain(): Explanation {
    if (stop !== undefined && stop !== 'interrupted') return { failure: stop, reason: stopReason(stop, limits) }
    const own = classify?.(exit, tail.lines)
    if (own) return own
    if (exit.code !== 0) return explainExit(exit, tail.lines)
    const said = explainOutput(tail.lines)
    const problem = reader.problem ?? 'It ended well, but without any metrics.'
    return said
      ? { failure: said.failure, reason: `${said.reason} (Its exit code was 0 all the same.)` }
      : { failure: 'bad-configuration', reason: problem }
  }
}

/** Output to log, reader and memory. @returns its last lines */
function listen({ child }: ProcessGroup, reader: MetricReader, log: TrialLog, heard: () => void): Tail {
  const tail = new Tail()
  for (const name of ['stdout', 'stderr'] as const) {
    const lines = new LineSplitter((line, whole) => {
      tail.add(line)
      if (whole) reader.line?.(line, name)
    })
    child[name]!.on('data', (bytes: Buffer) => {
      heard()
      log.write(bytes)
      lines.write(bytes)
    })
      .on('error', () => {})
      .on('close', () => lines.end())
  }
  return tail
}

/** Polls a reader, one look after the other. */
function followFiles(reader: MetricReader, heard: () => void): { end(): Promise<void> } {
  if (!reader.poll) return { end: async () => {} }
  let looking = Promise.resolve()
  let busy = false
  const look = async () => {
    const { progress, metrics } = reader
    await reader.poll!()
    if (reader.progress !== progress || reader.metrics !== metrics) heard()
  }
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    // A disk that fails now and then shows itself in the last look, or never.
    looking = look()
      .catch(() => {})
      .finally(() => {
        busy = false
      })
  }, pollPeriodMs)
  return {
    async end() {
      clearInterval(timer)
      await looking
      await look()
    },
  }
}

/** Ends a training that is interrupted, takes too long, falls silent or takes too much memory. */
function watch(group: ProcessGroup, limits: ProcessLimits, signal: AbortSignal) {
  const { timeoutMs, hangMs = defaultHangMs, graceMs = 30_000, memoryBytes = machineMemory() * 0.9 } = limits
  let stop: Stop | undefined
  let kill: NodeJS.Timeout | undefined

  const end = (why: Stop) => {
    if (stop !== undefined) return
    stop = why
    group.kill(why === 'out-of-memory' ? 'SIGKILL' : 'SIGTERM')
    group.kill('SIGCONT') // a stopped process hears nothing
    kill = setTimeout(() => group.kill('SIGKILL'), graceMs)
  }
  const interrupt = () => end('interrupted')
  signal.addEventListener('abort', interrupt, { once: true })
  if (signal.aborted) interrupt()
  const timeout = limit(timeoutMs, () => end('time-out'))
  const hang = limit(hangMs, () => end('hang'))
  const memory = setInterval(async () => {
    const bytes = await groupMemory(group.pid, memoryBytes).catch(() => undefined)
    if (bytes !== undefined && bytes > memoryBytes) end('out-of-memory')
  }, memoryPeriodMs)

  return {
    /** It said something. */
    heard: () => void hang?.refresh(),
    /** It is gone. @returns why we ended it, if we did */
    end(): Stop | undefined {
      signal.removeEventListener('abort', interrupt)
      for (const timer of [kill, timeout, hang]) clearTimeout(timer)
      clearInterval(memory)
      const ended = stop
      stop ??= 'interrupted' // nothing more is to be sent to this group
      return ended
    },
  }
}

function stopReason(stop: Exclude<Stop, 'interrupted'>, limits: ProcessLimits): string {
  const seconds = (ms = 0) => `${Math.round(ms / 1000)} s`
  if (stop === 'time-out') return `It was stopped after its time, ${seconds(limits.timeoutMs)} (--trial-timeout).`
  if (stop === 'hang')
    return `It was stopped after ${seconds(limits.hangMs ?? defaultHangMs)} without a word (--hang-timeout).`
  return 'It was stopped because it took nearly all memory of this machine.'
}
