// A program in a process group of its own, under guard: it can be killed with all its children, and dies with us.
import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { guardGroup, releaseGroup } from './guardian.ts'

/** How a group's leader ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ProcessGroup {
  /** Id of the group and of its leader. */
  readonly pid: number
  readonly child: ChildProcess
  /** Resolves when the leader has ended, whatever is left of the group has been killed, and its output is read. */
  readonly ended: Promise<Exit>
  /** Signals all processes of the group. */
  kill(signal: NodeJS.Signals): void
}

/**
 * Waits for a word on channel 3, then becomes the program; the words are arguments, no shell text. Where memory runs out,
 * Linux shall choose a training, not the process that started it (see oom_score_adj in proc(5)).
 */
const gate = 'read -r go <&3 || exit 125; echo 500 2>/dev/null >/proc/self/oom_score_adj; exec "$@" 3<&-'

/** Whoever keeps our pipes open after the group's end (it left the group) is not waited for longer. */
const outputGraceMs = 2000

/**
 * Starts a program whose output is piped. It begins only when the guardian knows it, so that there is no moment at which
 * it could be left behind.
 *
 * @throws the error of the system if no process can be started
 */
export async function startGroup(
  [program, ...words]: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<ProcessGroup> {
  const gated = ['-c', gate, 'hypevolve', program!, ...words]
  const [file, args] = process.platform === 'win32' ? [program!, words] : ['/bin/sh', gated]
  const child = spawn(file, args, {
    ...options,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    windowsVerbatimArguments: program === 'cmd.exe', // it reads quotes in its own way
  })
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  child.on('error', () => {})

  const pid = child.pid!
  guardGroup(pid, 'now')
  const word = child.stdio[3] as Writable
  word.on('error', () => {}) // it was killed before it began
  word.end('go\n')

  const ended = exited.then(async (exit) => {
    killGroup(pid, 'SIGKILL')
    releaseGroup(pid)
    const cut = setTimeout(() => {
      child.stdout?.destroy()
      child.stderr?.destroy()
    }, outputGraceMs)
    await closed
    clearTimeout(cut)
    return exit
  })
  return { pid, child, ended, kill: (signal) => killGroup(pid, signal) }
}

/** Signals a group; one that is gone (or, on macOS, not yet buried) is no error. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}
