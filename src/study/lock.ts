// One writer per study: a lock file that names its holder, so that the lock of a process that died is seen and broken.
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'
import { StudyLockedError, StudyWriteError } from '../base/index.ts'

const holder = z.object({
  pid: z.int(),
  host: z.string(),
  /** Identifies this start of the machine; missing where the system tells none. */
  boot: z.string().optional(),
  /** When the process began, in the system's ticks: process ids are used again. */
  started: z.string().optional(),
})

type Holder = z.infer<typeof holder>

/** A lock that this process holds. */
export interface Lock {
  release(): Promise<void>
}

/**
 * Takes the lock, or breaks it if its holder is gone.
 *
 * @throws {@link StudyLockedError} if a living process holds it, or one on another machine (whose life is not seen here)
 */
export async function acquireLock(path: string): Promise<Lock> {
  const content = JSON.stringify(await thisProcess())
  for (let attempt = 0; attempt < 10; attempt++) {
    if (await createWith(path, content)) {
      return {
        async release() {
          if ((await readFile(path, 'utf8').catch(() => '')) === content) await rm(path, { force: true })
        },
      }
    }
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text === undefined) continue // released meanwhile
    const other = parseHolder(text)
    if (other ? await isAlive(other) : await isFresh(path))
      throw new StudyLockedError(path, other?.host ?? 'an unknown machine', other?.pid ?? 0)
    await breakLock(path, text)
  }
  throw new StudyLockedError(path, 'a machine that takes it again and again', 0)
}

/** Creates the file with its content in one step; false if it exists. */
async function createWith(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  try {
    await writeFile(temporary, content)
    try {
      await link(temporary, path)
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EEXIST') return false
      // a file system without hard links
      await writeFile(path, content, { flag: 'wx' })
      return true
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new StudyWriteError(path, '', error as NodeJS.ErrnoException)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Removes the lock with this content. If another process was faster and holds a new one, that one is put back. */
async function breakLock(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}.stale`
  try {
    await rename(path, aside)
  } catch {
    return // gone meanwhile
  }
  if ((await readFile(aside, 'utf8').catch(() => text)) !== text) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

function parseHolder(text: string): Holder | undefined {
  try {
    return holder.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** A lock file without readable content is just being written, if it is young. */
const isFresh = async (path: string) => Date.now() - (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs < 10_000

async function isAlive(other: Holder): Promise<boolean> {
  if (other.host !== hostname()) return true
  if (other.boot !== undefined && other.boot !== (await bootId())) return false
  try {
    process.kill(other.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
  const started = await processStart(other.pid)
  return other.started === undefined || started === undefined || started === other.started
}

async function thisProcess(): Promise<Holder> {
  const [boot, started] = await Promise.all([bootId(), processStart(process.pid)])
  return { pid: process.pid, host: hostname(), ...(boot ? { boot } : {}), ...(started ? { started } : {}) }
}

/** Linux only. */
const bootId = async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => undefined))?.trim()

/** Linux only: field 22 of /proc/<pid>/stat; the name in field 2 may hold blanks and brackets. */
async function processStart(pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return line?.slice(line.lastIndexOf(')') + 2).split(' ')[19]
}
