// Processes of one run, found by a mark in their environment: whatever they started inherits it, so that an orphan is
// seen whoever its parent is now. Linux only (/proc).
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Name of the environment variable that carries the mark. */
export const markVariable = 'HYPEVOLVE_TEST_MARK'

/** A process as /proc shows it. */
export interface Process {
  readonly pid: number
  readonly parent: number
  /** Words of its command line, separated by blanks; its title if it set one. */
  readonly command: string
}

/** Processes that carry the mark and are not dead yet, by pid. */
export function marked(mark: string): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
        if (!environment.includes(`${markVariable}=${mark}`)) return []
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        if (state === 'Z' || state === 'X') return []
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        return [{ pid: Number(name), parent: Number(parent), command }]
      } catch {
        return [] // it ended while we looked, or belongs to somebody else
      }
    })
}

/** Sends SIGKILL; a process that is gone already is no error. */
export function kill9(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Waits until no process carries the mark.
 *
 * @returns those that are still there after `limitMs`; they are killed
 */
export async function waitUntilGone(mark: string, limitMs: number): Promise<Process[]> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const left = marked(mark)
    if (left.length === 0) return []
    if (performance.now() > deadline) {
      for (const { pid } of left) kill9(pid)
      return left
    }
    await delay(20)
  }
}

/** Kills all processes that carry the mark, in one go: a power cut. Returns how many. */
export function killAll(mark: string): number {
  let killed = 0
  // One that was just being started may be missed by the first look.
  for (let left = marked(mark); left.length > 0; left = marked(mark)) {
    for (const { pid } of left) kill9(pid)
    killed += left.length
  }
  return killed
}
