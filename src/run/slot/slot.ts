// A slot: one long-lived child process that trains. A training that hangs, dies or grows takes only its process along.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  compiledEntry,
  keepingAllocator,
  SlotCrashedError,
  SlotHungError,
  TrainingFailedError,
} from '../../base/index.ts'
import type { TrainEvent, TrainOptions, TrainResult } from '../../detect/index.ts'
import type { FromSlot, ToSlot } from './protocol.ts'

/** How a slot guards its process. */
export interface SlotOptions {
  /** Kill and replace the process if it says nothing for this long while training. */
  readonly silenceMs?: number
  /** Replace the process after a training that leaves it larger than this. */
  readonly memoryBytes?: number
  /** How long an interrupted training may take to save and stop before its process is killed. */
  readonly graceMs?: number
}

const outputLines = 40

/** One training at a time in a child process of its own. */
export class Slot {
  readonly #options: Required<SlotOptions>
  #child: ChildProcess | undefined
  #busy = false
  /** Last lines that the process wrote to stdout and stderr, for the report of a crash. */
  #output: string[] = []

  constructor(options: SlotOptions = {}) {
    this.#options = { silenceMs: 30 * 60_000, memoryBytes: 8 * 2 ** 30, graceMs: 60_000, ...options }
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
   * @throws {@link TrainingFailedError} with the code and message of the error that ended the training
   * @throws {@link SlotCrashedError} if the process died (its last output lines are in the error)
   * @throws {@link SlotHungError} if it fell silent and was killed
   */
  async train(options: TrainOptions, onEvent: (event: TrainEvent) => void, signal?: AbortSignal): Promise<TrainResult> {
    if (this.#busy) throw new Error('a slot runs one training at a time')
    this.#busy = true
    try {
      const child = (this.#child ??= this.#start())
      const { outcome, memoryBytes } = await this.#converse(child, options, onEvent, signal)
      if (memoryBytes > this.#options.memoryBytes) await this.close()
      return outcome
    } finally {
      this.#busy = false
    }
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
    const child = fork(fileURLToPath(compiledEntry('./slot-process.js', import.meta.url)), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [],
      env: { ...process.env, ...keepingAllocator },
    })
    this.#output = []
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output.push(...text.split(/\r?\n/).filter((line) => line !== ''))
        this.#output.splice(0, this.#output.length - outputLines)
      })
    }
    return child
  }

  /** Sends the job and follows the process until the job ends one way or another. */
  #converse(
    child: ChildProcess,
    options: TrainOptions,
    onEvent: (event: TrainEvent) => void,
    signal: AbortSignal | undefined,
  ): Promise<{ outcome: TrainResult; memoryBytes: number }> {
    const { silenceMs, graceMs } = this.#options
    return new Promise((resolve, reject) => {
      let silence: NodeJS.Timeout | undefined
      let grace: NodeJS.Timeout | undefined
      const listen = () => {
        clearTimeout(silence)
        silence = setTimeout(() => {
          fail(new SlotHungError(silenceMs, this.#output))
          child.kill('SIGKILL')
        }, silenceMs)
      }
      const interrupt = () => {
        if (child.connected) child.send({ type: 'abort' } satisfies ToSlot)
        grace = setTimeout(() => child.kill('SIGKILL'), graceMs)
      }
      const settle = () => {
        clearTimeout(silence)
        clearTimeout(grace)
        signal?.removeEventListener('abort', interrupt)
        child.off('message', onMessage).off('exit', onExit).off('error', onError)
      }
      const fail = (error: Error) => {
        settle()
        if (!(error instanceof TrainingFailedError)) this.#child = undefined
        reject(error)
      }
      const onMessage = (message: FromSlot) => {
        listen()
        if (message.type === 'event') {
          onEvent(message.event)
        } else if (message.type === 'finished') {
          settle()
          resolve({ outcome: message.result, memoryBytes: message.memoryBytes })
        } else if (message.type === 'failed') {
          fail(new TrainingFailedError(message.failure))
        }
      }
      const onExit = (code: number | null, killedBy: NodeJS.Signals | null) =>
        fail(new SlotCrashedError(code, killedBy, this.#output))
      const onError = (error: Error) => fail(error)

      child.on('message', onMessage).on('exit', onExit).on('error', onError)
      child.send({ type: 'train', options } satisfies ToSlot, (error) => error && onError(error))
      listen()
      if (signal?.aborted) interrupt()
      else signal?.addEventListener('abort', interrupt, { once: true })
    })
  }
}
