// The child process of a slot: trains one job after another and keeps data, sessions and decoded images between them.
// It ignores the terminal's signals: its parent decides when a training is interrupted.
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { HypevolveError } from '../../base/index.ts'
import { TrainingHost } from '../../detect/index.ts'
import type { FromSlot, SlotFailure, ToSlot } from './protocol.ts'

/** `hypevolve slot 1`, as its parent calls it. */
const name = process.argv[2] ?? 'hypevolve slot'
/** A training that does not stop within this is given up; the guardian of an absent parent waits a little longer. */
const leaveMs = 8_000

const host = new TrainingHost()
let abort: AbortController | undefined
let running: Promise<void> = Promise.resolve()

const send = (message: FromSlot) => process.send?.(message)

function toFailure(error: unknown): SlotFailure {
  if (error instanceof HypevolveError)
    return { code: error.code, message: error.message, ...(error.stack ? { stack: error.stack } : {}) }
  if (error instanceof Error) return { message: error.message, ...(error.stack ? { stack: error.stack } : {}) }
  return { message: String(error) }
}

async function train(message: Extract<ToSlot, { type: 'train' }>): Promise<void> {
  abort = new AbortController()
  process.title = `${name}: ${message.title}`
  try {
    const result = await host.train(message.options, {
      onEvent: (event) => send({ type: 'event', event }),
      signal: abort.signal,
    })
    send({ type: 'finished', result, memoryBytes: process.memoryUsage.rss() })
  } catch (error) {
    send({ type: 'failed', failure: toFailure(error), memoryBytes: process.memoryUsage.rss() })
  } finally {
    process.title = `${name}: idle`
  }
}

/** Ends the training in progress (it saves what resumes it), then the process. */
async function leave(): Promise<void> {
  abort?.abort()
  await Promise.race([running, delay(leaveMs, undefined, { ref: false })])
  await host.close()
  process.exit(0)
}

process.on('message', (message: ToSlot) => {
  if (message.type === 'train') running = running.then(() => train(message))
  else if (message.type === 'abort') abort?.abort()
  else void leave()
})
process.on('disconnect', () => void leave())
process.on('SIGTERM', () => void leave())
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
/** Where memory runs out, Linux shall choose a training, not the process that started it. */
function offerToOutOfMemoryKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500')
  } catch {
    // another system
  }
}

offerToOutOfMemoryKiller()
process.title = `${name}: idle`
send({ type: 'ready' })
