// Readers with faults of every kind, so that the tests know that each is found.
import type { FuzzTarget } from './target.ts'
import { utf8 } from './target.ts'

const kept: unknown[] = []

const faults: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new TypeError('not one of ours')
  },
  rejects: () => Promise.reject(new RangeError('not one of ours')),
  warns: () => process.emitWarning('something odd'),
  hangs: () => {
    for (;;);
  },
  waits: () => new Promise((resolve) => setTimeout(resolve, 1_000_000)),
  grows: () => Buffer.alloc(700 << 20, 1).length,
  'fills the heap': () => {
    for (;;) kept.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
  },
  dies: () => process.abort(),
}

/** Each fails for some inputs, not for its valid one. */
export const faulty: readonly FuzzTarget[] = Object.entries(faults).map(([name, fail]) => ({
  name: `faulty: ${name}`,
  seeds: () => [utf8('fine')],
  run: (bytes) => (Buffer.from(bytes).toString() === 'fine' ? undefined : fail()),
}))
