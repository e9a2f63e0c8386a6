// One process at a time fetches a file; the others wait for it. The lock is a file that its holder touches now and then:
// if it has ended without taking the file away, the next one does.
import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

const touchMs = 5_000
/** A holder that was silent for so long is taken for dead, even where its process cannot be looked up. */
const deadAfterMs = 60_000

export interface LockOptions {
  readonly signal?: AbortSignal | undefined
  /** Told while another process holds it: at once, and again every second or so. */
  readonly onWait?: () => void
}

/**
 * Does something while no other process does it under the same lock file.
 *
 * @param work - may be asked to check that the lock is still its own (a machine that slept for long has lost it)
 */
export async function withLock<Result>(
  file: string,
  { signal, onWait }: LockOptions,
  work: (isMine: () => Promise<boolean>) => Promise<Result>,
): Promise<Result> {
  const token = JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() })
  for (let tries = 0; !(await take(file, token)); tries++) {
    signal?.throwIfAborted()
    const holder = await holderOf(file)
    if (holder && !holder.alive) await removeStale(file, holder.token)
    else {
      if (tries % 5 === 0) onWait?.()
      await delay(200, undefined, { signal }).catch(() => {})
    }
  }
  const touch = setInterval(() => {
    const now = new Date()
    utimes(file, now, now).catch(() => {})
  }, touchMs).unref()
  const isMine = async () => (await holderOf(file))?.token === token
  try {
    return await work(isMine)
  } finally {
    clearInterval(touch)
    if (await isMine()) await rm(file, { force: true })
  }
}

async function take(file: string, token: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx')
    try {
      await handle.writeFile(token)
    } finally {
      await handle.close()
    }
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function holderOf(file: string): Promise<{ token: string; alive: boolean } | undefined> {
  try {
    const [token, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    const silent = Date.now() - mtimeMs > deadAfterMs
    return { token, alive: !silent && !hasEnded(token) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Whether a process of this machine is gone. One that is just writing its name is not. */
function hasEnded(token: string): boolean {
  try {
    const { pid, host } = JSON.parse(token) as { pid: number; host: string }
    if (host !== hostname() || !Number.isInteger(pid)) return false
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Takes a dead holder's lock away. Whoever took it over in the same moment gets it back. */
async function removeStale(file: string, token: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
    const found = await readFile(aside, 'utf8')
    // If a third one has it by now, the second sees by its check that it lost it.
    if (found !== token) await take(file, found)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  } finally {
    await rm(aside, { force: true })
  }
}
