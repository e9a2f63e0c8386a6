// Any program as trainer: `--trainer command -- prog {hyp} {epochs} {out} {device} {seed}`. It says what it measured as
// JSON lines on its standard output; docs/trainers.md is the manual. One process group per training.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FailureClass, formatHyp, type Metrics } from '../../search/index.ts'
import {
  classifyExit,
  describeExit,
  groupMemory,
  LineSplitter,
  limit,
  machineMemory,
  type ProcessGroup,
  parseMetricLine,
  startGroup,
  Tail,
  TrialLog,
} from '../process/index.ts'
import type { EpochReport, Outcome, SlotResources, Trainer, TrainJob } from '../trainer.ts'
import { type CommandFacts, checkCommand, commandEnvironment, fillCommand, usesPlaceholder } from './command-line.ts'

export interface CommandOptions {
  /** Program and arguments, with placeholders. */
  readonly command: readonly string[]
  /** Keys of the search, for `{hyp.<key>}`. */
  readonly hypKeys: readonly string[]
  /** Told to the program as `{epochs}` and `{imgsz}`. */
  readonly epochs: number
  readonly imagePx: number
  /** Longest time of one training; default no limit. */
  readonly timeoutMs?: number | undefined
  /** Longest time without any output; default 30 minutes, 0 for no limit. */
  readonly hangMs?: number | undefined
  /** A group that takes more memory is killed; default nine tenths of what this machine (or container) has. */
  readonly memoryBytes?: number | undefined
  /** How long it may take to end after SIGTERM before it is killed; default 30 s. */
  readonly graceMs?: number | undefined
}

/** Why we ended a training. */
type Stop = 'interrupted' | Extract<FailureClass, 'time-out' | 'hang' | 'out-of-memory'>

const memoryPeriodMs = 5000

/**
 * @throws {@link CommandPlaceholderError}, {@link CommandNotFoundError} for a command that can train nothing
 */
export function commandTrainer(options: CommandOptions, slot: SlotResources): Trainer {
  const { command, hypKeys } = options
  checkCommand(command, hypKeys)
  let running: ProcessGroup | undefined

  async function train(job: TrainJob, onEpoch: (report: EpochReport) => void, signal: AbortSignal): Promise<Outcome> {
    const directory = job.directory ?? (await mkdtemp(join(tmpdir(), 'hypevolve-trial-')))
    const log = new TrialLog(job.directory && join(directory, 'train.log'))
    try {
      return await follow(job, directory, log, onEpoch, signal)
    } finally {
      running = undefined
      log.close()
      if (job.directory === undefined) await rm(directory, { recursive: true, force: true })
    }
  }

  async function follow(
    job: TrainJob,
    directory: string,
    log: TrialLog,
    onEpoch: (report: EpochReport) => void,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const facts = factsOf(job, directory, options, slot)
    await mkdir(facts.out, { recursive: true })
    await writeFile(facts.hyp, formatHyp(job.hyp))
    if (signal.aborted) return { state: 'interrupted' }
    const words = fillCommand(command, facts, job.hyp)
    log.note(`${new Date().toISOString()} trial ${job.trial}, attempt ${job.attempt}: ${words.join(' ')}`)
    const group = (running = await startGroup(words, { env: environmentOf(facts, job, command, slot) }))
    const tail = new Tail()
    const said = readMetrics(onEpoch)
    const guard = watch(group, options, signal)
    for (const [stream, read] of [
      [group.child.stdout!, said.line],
      [group.child.stderr!, undefined],
    ] as const) {
      const lines = new LineSplitter((line, whole) => {
        tail.add(line)
        if (whole) read?.(line)
      })
      stream.on('data', (bytes: Buffer) => {
        guard.heard()
        log.write(bytes)
        lines.write(bytes)
      })
      stream.on('error', () => {}).on('close', () => lines.end())
    }
    const exit = await group.ended
    const stop = guard.end()

    if (exit.code === 0 && stop === undefined && said.metrics) return { state: 'complete', metrics: said.metrics }
    if (stop === 'interrupted') {
      log.note('interrupted')
      return { state: 'interrupted' }
    }
    const [failure, reason] =
      stop !== undefined
        ? [stop, stopReason(stop, options)]
        : exit.code === 0
          ? (['bad-configuration', noMetrics(said.brokenLine)] as const)
          : [classifyExit(exit, tail.lines), describeExit(exit)]
    log.note(`failed (${failure}): ${reason}`)
    return { state: 'failed', failure, output: [...tail.lines, reason] }
  }

  return {
    name: 'command',
    get pid() {
      return running?.pid
    },
    train,
    kill: () => running?.kill('SIGKILL'),
    async close() {
      running?.kill('SIGKILL')
      await running?.ended
    },
  }
}

function factsOf(job: TrainJob, directory: string, options: CommandOptions, slot: SlotResources): CommandFacts {
  return {
    hyp: join(directory, 'hyp.yaml'),
    epochs: options.epochs,
    out: join(directory, 'out'),
    device: slot.device.replaceAll('+', ','),
    seed: job.seed,
    trial: job.trial,
    attempt: job.attempt,
    imgsz: options.imagePx,
    threads: slot.threads,
  }
}

/**
 * Ours plus the facts. Who names `{device}` chooses its GPU by number, so it must see all of them; any other program sees
 * only those of its slot.
 */
function environmentOf(
  facts: CommandFacts,
  job: TrainJob,
  command: readonly string[],
  { device, threads }: SlotResources,
): NodeJS.ProcessEnv {
  const gpus = /^\d/.test(device) && !usesPlaceholder(command, 'device')
  return {
    PYTHONUNBUFFERED: '1', // lines are heard when they are written
    OMP_NUM_THREADS: String(threads),
    ...process.env,
    ...commandEnvironment(facts, job.hyp),
    ...(gpus && { CUDA_VISIBLE_DEVICES: facts.device }),
  }
}

/** Listens for metrics on standard output. */
function readMetrics(onEpoch: (report: EpochReport) => void) {
  const said = {
    /** Those of the last line that had any: the result of the training. */
    metrics: undefined as Metrics | undefined,
    /** A line that looked like metrics but cannot be read. */
    brokenLine: undefined as string | undefined,
    line(text: string): void {
      const line = parseMetricLine(text)
      if (!line) {
        if (/^\s*\{.*["']?(epoch|mAP|precision|recall|loss|fitness|score|accuracy)\b/.test(text)) said.brokenLine = text
        return
      }
      const { metrics, ...progress } = line
      if (Object.keys(metrics).length > 0) said.metrics = metrics
      if (progress.epoch !== undefined) onEpoch({ epoch: progress.epoch, ...progress, metrics })
    },
  }
  return said
}

function noMetrics(brokenLine: string | undefined): string {
  const wanted = 'Metrics are expected as a JSON object on a line of standard output, as {"epoch": 3, "mAP50": 0.41}.'
  return brokenLine === undefined
    ? `It ended well, but said nothing about its metrics. ${wanted}`
    : `It ended well, but its metrics cannot be read: ${brokenLine.slice(0, 200)}. ${wanted}`
}

/** Ends a training that is interrupted, takes too long, falls silent or takes too much memory. */
function watch(group: ProcessGroup, options: CommandOptions, signal: AbortSignal) {
  const { timeoutMs, hangMs = 30 * 60_000, graceMs = 30_000, memoryBytes = machineMemory() * 0.9 } = options
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

function stopReason(stop: Exclude<Stop, 'interrupted'>, options: CommandOptions): string {
  const seconds = (ms = 0) => `${Math.round(ms / 1000)} s`
  if (stop === 'time-out') return `It was stopped after its time, ${seconds(options.timeoutMs)} (--trial-timeout).`
  if (stop === 'hang')
    return `It was stopped after ${seconds(options.hangMs ?? 30 * 60_000)} without a word (--hang-timeout).`
  return 'It was stopped because it took nearly all memory of this machine.'
}
