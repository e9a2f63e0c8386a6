// Any program as trainer: `--trainer command -- prog {hyp} {epochs} {out} {device} {seed}`. It says what it measured on
// its output or in files; docs/trainers.md is the manual. One process group per training.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatHyp, type Hyp } from '../../search/index.ts'
import { waitForGpu } from '../gpus.ts'
import { hypForLength, shortHypFile, type TrainerTraits, warmupKey } from '../length.ts'
import { type MetricSource, type ProcessGroup, type ProcessLimits, TrialLog, trainProcess } from '../process/index.ts'
import type { EpochReport, Outcome, SlotResources, Trainer, TrainJob } from '../trainer.ts'
import {
  type CommandFacts,
  checkCommand,
  checkShellCommand,
  commandEnvironment,
  fillCommand,
  takesFact,
  usesPlaceholder,
} from './command-line.ts'
import { shellCommand } from './command-shell.ts'
import { jsonLines } from './metrics/json-lines.ts'

export interface CommandOptions extends ProcessLimits {
  /** Program and arguments, with placeholders. */
  readonly command: readonly string[]
  /** Keys of the search, for `{hyp.<key>}`. */
  readonly hypKeys: readonly string[]
  /** Keys whose values are whole numbers, and stay so in short trainings; default none. */
  readonly wholeKeys?: readonly string[]
  /** Told to the program as `{epochs}` and `{imgsz}`. */
  readonly epochs: number
  readonly imagePx: number
  /** Where the program says what it measured; default JSON lines on its standard output. */
  readonly metrics?: MetricSource
  /** The command is one line for the shell. */
  readonly shell?: boolean
  /** Told while a training waits for its GPU, one sentence. */
  readonly onWait?: (text: string) => void
}

/** What a command can do, as far as it can be seen from outside. */
export const commandTraits = ({ command }: Pick<CommandOptions, 'command'>): TrainerTraits => ({
  anyLength: takesFact(command, 'epochs'),
  seeded: takesFact(command, 'seed'),
  warmupEpochs: ({ [warmupKey]: warmup }) => (typeof warmup === 'number' ? warmup : 0),
})

/**
 * @throws {@link CommandPlaceholderError}, {@link CommandNotFoundError}, UsageError for a command that can train nothing
 */
export function commandTrainer(options: CommandOptions, slot: SlotResources): Trainer {
  const {
    command,
    hypKeys,
    wholeKeys,
    epochs,
    imagePx,
    metrics = jsonLines,
    shell = false,
    onWait,
    ...limits
  } = options
  if (shell) checkShellCommand(command, hypKeys)
  else checkCommand(command, hypKeys)
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
    const { length } = job
    if (length !== undefined && length.epochs !== epochs && !commandTraits({ command }).anyLength)
      return {
        state: 'failed',
        failure: 'bad-configuration',
        output: [
          `The command has no {epochs}, so it cannot be asked for ${length.epochs} epochs instead of ${epochs}. Put {epochs} where it takes their number.`,
        ],
      }
    const out = join(directory, 'out')
    await mkdir(out, { recursive: true })
    const resume = job.attempt > 1 && (await readdir(out)).length > 0 ? out : ''
    const hyp = hypForLength(job.hyp, length, wholeKeys)
    const facts = {
      ...factsOf(job, { epochs: length?.epochs ?? epochs, imagePx, out, resume }, slot),
      hyp: join(directory, hyp === job.hyp ? 'hyp.yaml' : shortHypFile),
    }
    await writeFile(join(directory, 'hyp.yaml'), formatHyp(job.hyp))
    await writeFile(facts.hyp, formatHyp(hyp))
    const tellWait = (text: string) => {
      log.note(text)
      onWait?.(text)
    }
    await waitForGpu(slot.device, { signal, onWait: tellWait })
    if (signal.aborted) return { state: 'interrupted' }
    const filled = fillCommand(command, facts, hyp)
    log.note(`${new Date().toISOString()} trial ${job.trial}, attempt ${job.attempt}: ${filled.join(' ')}`)
    const started = shell ? shellCommand(command[0]!, facts, hyp) : { words: filled, env: {} }
    return trainProcess({
      plan: { words: started.words, env: { ...environmentOf(facts, hyp, command, slot), ...started.env } },
      reader: metrics({ out, onEpoch, after: 0 }),
      log,
      limits,
      signal,
      onStart: (group) => {
        running = group
      },
    })
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

function factsOf(
  job: TrainJob,
  of: { epochs: number; imagePx: number; out: string; resume: string },
  slot: SlotResources,
): Omit<CommandFacts, 'hyp'> {
  return {
    epochs: of.epochs,
    out: of.out,
    device: slot.device.replaceAll('+', ','),
    seed: job.seed,
    trial: job.trial,
    attempt: job.attempt,
    imgsz: of.imagePx,
    threads: slot.threads,
    resume: of.resume,
  }
}

/**
 * Ours plus the facts. Who names `{device}` chooses its GPU by number, so it must see all of them; any other program sees
 * only those of its slot.
 */
function environmentOf(
  facts: CommandFacts,
  hyp: Hyp,
  command: readonly string[],
  { device, threads }: SlotResources,
): NodeJS.ProcessEnv {
  const gpus = /^\d/.test(device) && !usesPlaceholder(command, 'device')
  return {
    PYTHONUNBUFFERED: '1', // lines are heard when they are written
    OMP_NUM_THREADS: String(threads),
    ...process.env,
    ...commandEnvironment(facts, hyp),
    // By the numbers of nvidia-smi, not by speed.
    ...(gpus && {
      CUDA_VISIBLE_DEVICES: facts.device,
      CUDA_DEVICE_ORDER: process.env['CUDA_DEVICE_ORDER'] ?? 'PCI_BUS_ID',
    }),
  }
}
