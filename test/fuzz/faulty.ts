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

/** Each takes what comes first, as its valid input does, and nothing after it. */
export const faulty: readonly FuzzTarget[] = Object.entries(faults).map(([name, fail]) => {
  let taken = 0
  return { name: `faulty: ${name}`, seeds: () => [utf8('fine')], run: () => (taken++ === 0 ? undefined : fail()) }
})
