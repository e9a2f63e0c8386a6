// Which processes are alive: a trial whose process is gone is given to another. Also that of other machines, by the
// signs of life that they leave in the storage.
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import type { WorkerInfo, WorkerRecord } from './storage.ts'

/** So long a worker on another machine may be silent before it counts as vanished. */
export const leaseMs = 60_000

let self: WorkerInfo | undefined

/** This process as others can recognise it. */
export function thisWorker(): WorkerInfo {
  self ??= {
    host: hostname(),
    pid: process.pid,
    startedAt: `${kernel()}/${processStart(process.pid)?.ticks ?? began()}`,
  }
  return self
}

const began = () => new Date(Date.now() - process.uptime() * 1000).toISOString()

/**
 * Whether the worker is alive. A process of this machine is looked up; of others (and where the system has no /proc) the
 * last sign of life decides. One machine is: the same host name, start of the system, and space of process ids: after a
 * reboot, or in a container of the same name, the same pid says nothing.
 *
 * @param now - milliseconds, by the clock that stamped the sign of life
 */
export function isAlive(
  worker: Pick<WorkerRecord, keyof WorkerInfo | 'heartbeatAt' | 'endedAt'>,
  now: number,
): boolean {
  if (worker.endedAt !== undefined) return false
  const recent = now - Date.parse(worker.heartbeatAt) <= leaseMs
  const [boot, start] = splitStart(worker.startedAt)
  if (worker.host !== thisWorker().host || boot !== splitStart(thisWorker().startedAt)[0]) return recent
  try {
    process.kill(worker.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const found = processStart(worker.pid)
  if (!found) return recent
  return found.ticks === start && !found.ended
}

const splitStart = (text: string) => {
  const slash = text.lastIndexOf('/')
  return [text.slice(0, slash), text.slice(slash + 1)] as const
}

/** Identifies this start of the system and this space of process ids; empty where the system does not tell. */
function kernel(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return ''
  }
}

/** Linux only: field 22 of /proc/<pid>/stat, when it began; field 3, whether it has ended and nobody took notice. */
function processStart(pid: number): { ticks: string; ended: boolean } | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ') // the name in field 2 may hold blanks and brackets
    return { ticks: fields[19], ended: 'ZX'.includes(fields[0]) }
  } catch {
    return undefined
  }
}
