// Signals: Ctrl-C and SIGTERM end a training politely (what was done is saved), a second one at once; a log-out does not
// end what was started with nohup.
import type { Terminal } from './console/terminal.ts'

/** Exit codes by signal, 128 + its number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
type Watched = keyof typeof exitCodes

export interface Interrupts {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal
  /** What the process should exit with, once a signal came. */
  readonly exitCode: number | undefined
  /** Called before a hard exit, to end child processes. */
  onHardExit(end: () => void): void
  stop(): void
}

/**
 * Watches the signals until {@link Interrupts.stop}.
 *
 * Node sets SIGHUP back to "end the process" when it starts, which undoes `nohup`; so there is a listener. nohup gives a
 * program another standard input than the terminal: where that is so, the log-out is survived; where the terminal is
 * still the input, its end is an interruption.
 */
export function watchInterrupts(terminal: Terminal, { detached = process.stdin.isTTY !== true } = {}): Interrupts {
  const controller = new AbortController()
  const ends: (() => void)[] = []
  let exitCode: number | undefined

  const interrupt = (name: Watched) => {
    if (exitCode !== undefined) {
      for (const end of ends) end()
      process.exit(exitCode)
    }
    exitCode = exitCodes[name]
    terminal.line(
      name === 'SIGINT'
        ? 'Stopping: what is done is being saved. Press Ctrl-C again to stop at once.'
        : `Stopping (${name}): what is done is being saved.`,
    )
    controller.abort()
  }
  const handlers = new Map<Watched, () => void>([
    ['SIGINT', () => interrupt('SIGINT')],
    ['SIGTERM', () => interrupt('SIGTERM')],
    [
      'SIGHUP',
      () => (detached ? terminal.line('The terminal is gone (SIGHUP); going on without it.') : interrupt('SIGHUP')),
    ],
  ])
  for (const [name, handler] of handlers) process.on(name, handler)

  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode
    },
    onHardExit: (end) => void ends.push(end),
    stop: () => {
      for (const [name, handler] of handlers) process.off(name, handler)
    },
  }
}
