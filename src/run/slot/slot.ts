// A slot: one long-lived child process that trains. A training that hangs, dies or grows takes only its process along.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  compiledEntry,
  keepingAllocator,
  SlotCrashedError,
  SlotHungError,
  SlotMemoryError,
  TrainingFailedError,
} from '../../base/index.ts'
import type { TrainEvent, TrainOptions, TrainResult } from '../../detect/index.ts'
import { guardGroup, killGroup, LineSplitter, limit, machineMemory, releaseGroup, Tail } from '../process/index.ts'
import type { FromSlot, ToSlot } from './protocol.ts'

/** How a slot guards its process. */
export interface SlotOptions {
  /** Its number, for process lists. */
  readonly slot?: number
  /** Kill and replace the process if it says nothing for this long while training; 0 waits for ever. */
  readonly silenceMs?: number
  /** Replace the process after a training that leaves it larger than this. */
  readonly memoryBytes?: number
  /** Kill the process if it gets larger than this while training; default nine tenths of the machine's memory. */
  readonly limitBytes?: number
  /** How long an interrupted training may take to save and stop before its process is killed. */
  readonly graceMs?: number
  /** Whatever the process writes to stdout and stderr. */
  readonly onOutput?: (bytes: Buffer) => void
}

/** Room for the title that the process gives itself: it cannot be longer than its arguments were. */
const titleRoom = ' '.repeat(80)

/** One training at a time in a child process of its own. */
export class Slot {
  readonly #options: Required<SlotOptions>
  #child: ChildProcess | undefined
  #busy = false
  /** Last lines that the process wrote to stdout and stderr, for the report of a crash. */
  #output = new Tail()

  constructor(options: SlotOptions = {}) {
    this.#options = {
      slot: 0,
      silenceMs: 30 * 60_000,
      memoryBytes: 8 * 2 ** 30,
      limitBytes: 0.9 * machineMemory(),
      graceMs: 60_000,
      onOutput: () => {},
      ...options,
    }
  }

  /** Process id of the child, while one runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Trains; starts the process if none runs.
   *
   * @param onEvent - called with every event in order
   * @param signal - interrupts: the training saves its state and resolves with `ended: 'interrupted'`
   * @param title - what process lists show of the training, as `exp2 trial 17`
   * @throws {@link TrainingFailedError} with the code and message of the error that ended the training
   * @throws {@link SlotCrashedError} if the process died (its last output lines are in the error)
   * @throws {@link SlotHungError} if it fell silent and was killed
   * @throws {@link SlotMemoryError} if it grew too large and was killed
   */
  async train(
    options: TrainOptions,
    onEvent: (event: TrainEvent) => void,
    signal?: AbortSignal,
    title = 'training',
  ): Promise<TrainResult> {
    if (this.#busy) throw new Error('a slot runs one training at a time')
    this.#busy = true
    try {
      const child = (this.#child ??= this.#start())
      const { outcome, memoryBytes } = await this.#converse(child, { type: 'train', options, title }, onEvent, signal)
      if (memoryBytes > this.#options.memoryBytes) await this.close()
      return outcome
    } finally {
      this.#busy = false
    }
  }

  /** Kills the process, without waiting. */
  kill(): void {
    if (this.#child?.pid !== undefined) killGroup(this.#child.pid, 'SIGKILL')
  }

  /** Ends the process: politely, then by force. */
  async close(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    if (child.connected) child.send({ type: 'exit' } satisfies ToSlot)
    const force = setTimeout(() => child.kill('SIGKILL'), this.#options.graceMs)
    await gone
    clearTimeout(force)
  }

  #start(): ChildProcess {
    const { slot, onOutput } = this.#options
    const name = `hypevolve slot ${slot}`
    const child = fork(fileURLToPath(compiledEntry('./slot-process.js', import.meta.url)), [name, titleRoom], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [],
      env: { ...process.env, ...keepingAllocator },
      detached: true,
    })
    const { pid } = child
    if (pid !== undefined) guardGroup(pid, 'soon')
    child.once('exit', () => {
      if (pid !== undefined) releaseGroup(pid)
      if (this.#child === child) this.#child = undefined
    })
    this.#output = new Tail()
    for (const stream of [child.stdout!, child.stderr!]) {
      const lines = new LineSplitter((line) => this.#output.add(line))
      stream.on('data', (bytes: Buffer) => {
        onOutput(bytes)
        lines.write(bytes)
      })
      stream.on('close', () => lines.end())
    }
    return child
  }

  /** Sends the job and follows the process until the job ends one way or another. */
  #converse(
    child: ChildProcess,
    job: Extract<ToSlot, { type: 'train' }>,
    onEvent: (event: TrainEvent) => void,
    signal: AbortSignal | undefined,
  ): Promise<{ outcome: TrainResult; memoryBytes: number }> {
    const { silenceMs, graceMs, limitBytes } = this.#options
    return new Promise((resolve, reject) => {
      let silence: NodeJS.Timeout | undefined
      let grace: NodeJS.Timeout | undefined
      const listen = () => {
        clearTimeout(silence)
        silence = limit(silenceMs, () => {
          fail(new SlotHungError(silenceMs, this.#output.lines))
          child.kill('SIGKILL')
        })
      }
      const interrupt = () => {
        if (child.connected) child.send({ type: 'abort' } satisfies ToSlot)
        grace = setTimeout(() => child.kill('SIGKILL'), graceMs)
      }
      const settle = () => {
        clearTimeout(silence)
        clearTimeout(grace)
        signal?.removeEventListener('abort', interrupt)
        child.off('message', onMessage).off('close', onExit).off('error', onError)
      }
      const fail = (error: Error) => {
        settle()
        if (!(error instanceof TrainingFailedError)) this.#child = undefined
        reject(error)
      }
      const onMessage = (message: FromSlot) => {
        listen()
        if (message.type === 'event') {
          const { event } = message
          onEvent(event)
          if (event.type === 'batch' && event.memoryBytes > limitBytes) {
            fail(new SlotMemoryError(event.memoryBytes, this.#output.lines))
            child.kill('SIGKILL')
          }
        } else if (message.type === 'finished') {
          settle()
          resolve({ outcome: message.result, memoryBytes: message.memoryBytes })
        } else if (message.type === 'failed') {
          fail(new TrainingFailedError(message.failure))
        }
      }
      const onExit = (code: number | null, killedBy: NodeJS.Signals | null) =>
        fail(new SlotCrashedError(code, killedBy, this.#output.lines))
      const onError = (error: Error) => fail(error)

      child.on('message', onMessage).on('close', onExit).on('error', onError)
      child.send(job, (error) => error && onError(error))
      listen()
      if (signal?.aborted) interrupt()
      else signal?.addEventListener('abort', interrupt, { once: true })
    })
  }
}
