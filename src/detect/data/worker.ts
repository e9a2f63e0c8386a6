// Entry of a worker thread: does what `tasks.ts` says, one chunk after the other, and never more than it is told.
import { parentPort, workerData } from 'node:worker_threads'
import { type FromWorker, type ToWorker, toFailure } from './pool.ts'
import { type TaskKinds, TaskRunner } from './tasks.ts'

const port = parentPort!
const place = (workerData as { place: Int32Array }).place
const runner = new TaskRunner()
let ended = false
let queue = Promise.resolve()

port.on('message', (message: ToWorker) => {
  if (message.type === 'end') {
    ended = true
    void queue.then(() => port.close())
    return
  }
  queue = queue.then(() => handle(message))
})

async function handle(message: Exclude<ToWorker, { type: 'end' }>): Promise<void> {
  if (message.type === 'open') runner.openSource(message.id, message.config)
  else if (message.type === 'close') runner.closeSource(message.id)
  else await work(message)
}

async function work({ serial, kind, payload, count, chunk, next }: Extract<ToWorker, { type: 'job' }>): Promise<void> {
  while (!ended) {
    const from = Atomics.add(next, 0, chunk)
    if (from >= count) return
    const at = (item: number) => {
      Atomics.store(place, 0, serial)
      Atomics.store(place, 1, item)
    }
    let answer: FromWorker
    try {
      const to = Math.min(from + chunk, count)
      answer = {
        serial,
        from,
        result: await runner.run(kind, payload as TaskKinds[typeof kind]['payload'], from, to, at),
      }
    } catch (error) {
      answer = { serial, item: Atomics.load(place, 1), failure: toFailure(error) }
    }
    port.postMessage(answer)
  }
}
