// Worker threads that share jobs chunk by chunk. A job is announced to all threads at once and each takes the next chunk
// from a shared counter, so work goes on while the calling thread is busy (a training step blocks it).
import { Worker } from 'node:worker_threads'
import { compiledEntry, DataWorkerError, ImageUnreadableError } from '../../base/index.ts'
import { type SourceConfig, type TaskKind, type TaskKinds, TaskRunner } from './tasks.ts'
import type { DataPool } from './types.ts'

/** What the calling thread tells a worker. */
export type ToWorker =
  | { readonly type: 'open'; readonly id: number; readonly config: SourceConfig }
  | { readonly type: 'close'; readonly id: number }
  | {
      readonly type: 'job'
      readonly serial: number
      readonly kind: TaskKind
      readonly payload: unknown
      readonly count: number
      readonly chunk: number
      /** Next item to be taken; at least `count` when there is nothing left (or the job is called off). */
      readonly next: Int32Array
    }
  | { readonly type: 'end' }

/** What a worker answers. */
export type FromWorker =
  | { readonly serial: number; readonly from: number; readonly result: unknown }
  | { readonly serial: number; readonly item: number; readonly failure: Failure }

/** An error on its way between threads: classes do not survive the journey. */
export type Failure =
  | { readonly kind: 'image'; readonly file: string; readonly problem: string }
  | { readonly kind: 'system'; readonly code: string; readonly message: string }
  | { readonly kind: 'other'; readonly message: string; readonly stack: string }

export function toFailure(error: unknown): Failure {
  if (error instanceof ImageUnreadableError) return { kind: 'image', file: error.file, problem: error.problem }
  const { code, message, stack } = error as NodeJS.ErrnoException
  if (code) return { kind: 'system', code, message }
  return { kind: 'other', message: message ?? String(error), stack: stack ?? '' }
}

/** An operating system's error (`code` as ENOSPC) while images were decoded into a file. */
export class DecodeJobError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

function toError(failure: Failure, kind: TaskKind, file: string | undefined): Error {
  if (failure.kind === 'image') return new ImageUnreadableError(failure.file, failure.problem)
  if (failure.kind === 'system' && kind === 'decode') return new DecodeJobError(failure.code, failure.message)
  return new DataWorkerError(failure.message, file, { cause: failure })
}

export interface JobOptions<Kind extends TaskKind> {
  readonly kind: Kind
  readonly payload: TaskKinds[Kind]['payload']
  /** Number of items, and of those taken at once. */
  readonly count: number
  readonly chunk: number
  /** Told for every chunk, in any order. */
  readonly onResult: (from: number, result: TaskKinds[Kind]['result']) => void
  /** Names the file of an item, for errors. */
  readonly fileOf: (item: number) => string | undefined
  readonly signal?: AbortSignal | undefined
}

interface OpenJob {
  readonly options: JobOptions<TaskKind>
  readonly next: Int32Array
  left: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** The pool as this folder sees it. */
export class Pool implements DataPool {
  readonly #workers: Worker[] = []
  /** Job and item that each worker is at. [workers * 2] */
  readonly #places: Int32Array
  readonly #inline: TaskRunner | undefined
  readonly #jobs = new Map<number, OpenJob>()
  #serial = 0
  #sources = 0
  #failure: Error | undefined
  #closing: Promise<void> | undefined

  constructor(readonly workers: number) {
    this.#places = new Int32Array(new SharedArrayBuffer(8 * Math.max(workers, 1)))
    this.#inline = workers === 0 ? new TaskRunner() : undefined
    for (let i = 0; i < workers; i++) this.#workers.push(this.#start(i))
  }

  #start(number: number): Worker {
    const worker = new Worker(compiledEntry('./worker.js', import.meta.url), {
      // Flags of the parent, such as --input-type, are not for worker threads.
      execArgv: [],
      workerData: { place: this.#places.subarray(2 * number, 2 * number + 2) },
      name: `data-${number}`,
    })
    worker.unref()
    worker.on('message', (message: FromWorker) => this.#receive(message))
    worker.on('error', (error) => this.#fail(number, error.message, error))
    worker.on('exit', (code) => {
      if (!this.#closing) this.#fail(number, `it ended with code ${code}`)
    })
    return worker
  }

  /** Opens a data set in all threads; the number goes into the payload of its batches. */
  openSource(config: SourceConfig): number {
    const id = ++this.#sources
    this.#inline?.openSource(id, config)
    this.#tell({ type: 'open', id, config })
    return id
  }

  closeSource(id: number): void {
    this.#inline?.closeSource(id)
    if (!this.#closing) this.#tell({ type: 'close', id })
  }

  /**
   * Runs a job. Resolves when all chunks are done; rejects with the first error, or the signal's reason, and then takes no
   * further chunk (those under way end by themselves).
   */
  run<Kind extends TaskKind>(options: JobOptions<Kind>): Promise<void> {
    options.signal?.throwIfAborted()
    if (this.#failure) return Promise.reject(this.#failure)
    if (this.#closing) return Promise.reject(new DataWorkerError('the pool was closed', undefined))
    if (options.count === 0) return Promise.resolve()
    return this.#inline ? runInline(this.#inline, options) : this.#runThreads(options)
  }

  #runThreads<Kind extends TaskKind>(options: JobOptions<Kind>): Promise<void> {
    const { kind, payload, count, chunk, signal } = options
    const serial = ++this.#serial
    const next = new Int32Array(new SharedArrayBuffer(4))
    const done = new Promise<void>((resolve, reject) => {
      this.#jobs.set(serial, {
        options: options as unknown as JobOptions<TaskKind>,
        next,
        left: count,
        resolve,
        reject,
      })
    })
    if (this.#jobs.size === 1) for (const worker of this.#workers) worker.ref()
    this.#tell({ type: 'job', serial, kind, payload, count, chunk, next })
    if (!signal) return done
    const abort = () => this.#settle(serial, signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    return done.finally(() => signal.removeEventListener('abort', abort))
  }

  #receive(message: FromWorker): void {
    const job = this.#jobs.get(message.serial)
    if (!job) return
    if ('failure' in message) {
      const { kind, fileOf } = job.options
      this.#settle(message.serial, toError(message.failure, kind, fileOf(message.item)))
      return
    }
    const { count, chunk, onResult } = job.options
    onResult(message.from, message.result as never)
    job.left -= Math.min(chunk, count - message.from)
    if (job.left === 0) this.#settle(message.serial)
  }

  #settle(serial: number, ...error: [reason?: unknown]): void {
    const job = this.#jobs.get(serial)
    if (!job) return
    Atomics.store(job.next, 0, job.options.count)
    this.#jobs.delete(serial)
    if (this.#jobs.size === 0 && !this.#closing) for (const worker of this.#workers) worker.unref()
    if (error.length > 0) job.reject(error[0])
    else job.resolve()
  }

  /** A thread is gone: nothing that runs can be trusted to end. */
  #fail(number: number, problem: string, cause?: Error): void {
    const [serial, item] = [Atomics.load(this.#places, 2 * number), Atomics.load(this.#places, 2 * number + 1)]
    const file = this.#jobs.get(serial)?.options.fileOf(item)
    this.#failure ??= new DataWorkerError(problem, file, cause ? { cause } : undefined)
    for (const open of [...this.#jobs.keys()]) this.#settle(open, this.#failure)
  }

  #tell(message: ToWorker): void {
    for (const worker of this.#workers) worker.postMessage(message)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const open of [...this.#jobs.keys()]) this.#settle(open, new DataWorkerError('the pool was closed', undefined))
    const ended = this.#workers.map(
      (worker) =>
        new Promise<void>((resolve) => {
          if (worker.threadId === -1) return resolve()
          worker.ref()
          worker.once('exit', () => resolve())
          worker.postMessage({ type: 'end' } satisfies ToWorker)
          // Threads end between two items; one that does not is ended.
          setTimeout(() => void worker.terminate(), 5000).unref()
        }),
    )
    await Promise.all(ended)
  }
}

async function runInline<Kind extends TaskKind>(runner: TaskRunner, options: JobOptions<Kind>): Promise<void> {
  const { kind, payload, count, chunk, onResult, fileOf, signal } = options
  let item = 0
  for (let from = 0; from < count; from += chunk) {
    signal?.throwIfAborted()
    try {
      onResult(
        from,
        await runner.run(kind, payload, from, Math.min(from + chunk, count), (at) => {
          item = at
        }),
      )
    } catch (error) {
      throw toError(toFailure(error), kind, fileOf(item))
    }
  }
}

/**
 * A pool of worker threads; 0 works in the calling thread. The threads do not keep the process alive while idle.
 */
export function createDataPool(workers: number): DataPool {
  return new Pool(workers)
}

/** All pools are ours; the interface hides what only this folder needs. */
export function asPool(pool: DataPool): Pool {
  if (!(pool instanceof Pool)) throw new TypeError('make the pool with createDataPool()')
  return pool
}
