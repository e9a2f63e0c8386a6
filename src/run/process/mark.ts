// Which processes belong to which training, also those that began a session of their own (the workers of torchrun do):
// an environment variable goes down to all descendants, and Linux lets it be read.
import { readdir, readFile } from 'node:fs/promises'

const variable = 'HYPEVOLVE_PROCESS'
const running = new Set<string>()
let count = 0

export interface Mark {
  /** For the environment of the training. */
  readonly env: Readonly<Record<string, string>>
  /** The training has ended. */
  release(): void
  /** Kills what is left of the training wherever it went. Where that cannot be seen (not Linux), nothing. */
  killStrays(): Promise<void>
}

/** A mark for one training of this process. */
export function markTraining(): Mark {
  const value = `${process.pid}-${++count}`
  running.add(value)
  return {
    env: { [variable]: value },
    release: () => void running.delete(value),
    async killStrays() {
      for (const pid of await processes())
        if ((await markOf(pid)) === value)
          try {
            process.kill(pid, 'SIGKILL')
          } catch {
            // gone meanwhile
          }
    },
  }
}

/** Whether a process belongs to a training of ours that still runs; false where that cannot be seen. */
export async function isTraining(pid: number): Promise<boolean> {
  const mark = await markOf(pid)
  return mark !== undefined && running.has(mark)
}

async function processes(): Promise<number[]> {
  if (process.platform !== 'linux') return []
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
}

async function markOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
  const entry = text.split('\0').find((line) => line.startsWith(`${variable}=`))
  return entry?.slice(variable.length + 1)
}
