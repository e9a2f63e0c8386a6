// Looking at processes from tests (Linux).
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** State and process group of a process; undefined if there is none. A killed one may stay as zombie `Z` for a while. */
function look(pid: string): { state: string; group: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: state!, group: Number(group) }
  } catch {
    return undefined
  }
}

/** Whether a process is there and no zombie. */
export function isRunning(pid: number): boolean {
  const found = look(String(pid))
  return found !== undefined && found.state !== 'Z'
}

/** Living processes of a process group. */
export function members(group: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    const found = /^\d+$/.test(pid) ? look(pid) : undefined
    return found?.group === group && found.state !== 'Z'
  })
}

/** Waits for a condition. */
export async function until(condition: () => boolean, ms = 5000): Promise<void> {
  for (const end = Date.now() + ms; !condition(); await delay(20))
    if (Date.now() > end) throw new Error(`not within ${ms} ms`)
}
