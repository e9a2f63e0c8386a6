// Nothing that was started survives this process, not even `kill -9` of it: a small shell script, the guardian, holds the
// reading end of a pipe and knows the process groups. When the pipe breaks, it kills those that are left.
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/** Groups with a grace may first leave by themselves; 10 s. */
const script = `
now= soon=
drop() { kept=; for g in $2; do [ "$g" = "$1" ] || kept="$kept $g"; done; }
while read -r verb group grace; do
  drop "$group" "$now"; now=$kept
  drop "$group" "$soon"; soon=$kept
  case $verb:$grace in
    add:now) now="$now $group" ;;
    add:soon) soon="$soon $group" ;;
  esac
done
for g in $now; do kill -s KILL -- "-$g" 2>/dev/null; done
n=0
while [ -n "$soon" ] && [ "$n" -lt 10 ]; do
  sleep 1
  n=$((n + 1))
  kept=
  for g in $soon; do kill -s 0 -- "-$g" 2>/dev/null && kept="$kept $g"; done
  soon=$kept
done
for g in $soon; do kill -s KILL -- "-$g" 2>/dev/null; done
`

/** When a group is killed after this process is gone: at once, or if it has not left within 10 s. */
type Grace = 'now' | 'soon'

const groups = new Map<number, Grace>()
let guardian: ChildProcess | undefined

/**
 * Puts a process group under guard. What was written to the guardian is read even if this process dies right after.
 *
 * @param group - id of the group: the pid of its leader, which was started with `detached: true`
 */
export function guardGroup(group: number, grace: Grace): void {
  if (process.platform === 'win32') return
  groups.set(group, grace)
  if (guardian) tell(guardian, `add ${group} ${grace}`)
  else start()
}

/** Takes a group that has ended from the guard. The guardian leaves with the last one. */
export function releaseGroup(group: number): void {
  if (!groups.delete(group) || !guardian) return
  tell(guardian, `remove ${group}`)
  if (groups.size > 0) return
  guardian.stdin?.end()
  guardian = undefined
}

function start(): void {
  const child = spawn('/bin/sh', ['-c', 'eval "$HYPEVOLVE_GUARDIAN"', `hypevolve guardian of ${process.pid}`], {
    // A session of its own: what ends this process, such as Ctrl-C or a lost terminal, does not end the guardian.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'], HYPEVOLVE_GUARDIAN: script },
  })
  guardian = child
  child.on('error', () => {}) // no shell, no guard
  child.on('exit', () => {
    if (guardian !== child) return
    guardian = undefined
    if (groups.size > 0 && child.pid !== undefined) start() // somebody killed it
  })
  child.stdin!.on('error', () => {})
  child.unref()
  ;(child.stdin as Socket).unref()
  for (const [group, grace] of groups) tell(child, `add ${group} ${grace}`)
}

const tell = (child: ChildProcess, line: string) => void child.stdin?.write(`${line}\n`)
