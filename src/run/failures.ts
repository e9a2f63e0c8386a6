// Why trainings fail, which of them are tried again, and when so many fail alike that the search should stop.
import { RepeatedFailureError } from '../base/index.ts'
import type { EndedTrial, FailedTrial, FailureClass } from '../search/index.ts'
import type { AttemptRecord } from '../study/index.ts'

/** What may be bad luck (a neighbour that took the memory, a driver's hiccup) is tried once more. */
const retried: ReadonlySet<FailureClass> = new Set<FailureClass>(['out-of-memory', 'crash', 'hang'])

/**
 * Whether a trial whose training has just failed is worth another attempt: once. Attempts that were interrupted or lost
 * with their process do not count.
 *
 * @param attempts - of this trial, the failed one included or not yet
 */
export function isRetried(failure: FailureClass, attempts: readonly Pick<AttemptRecord, 'ending'>[]): boolean {
  return retried.has(failure) && !attempts.some(({ ending }) => ending === 'failed')
}

/** As many failures alike, with nothing that worked before them, are no bad luck. */
const failuresAtStart = 3
/** So many in a row are no bad luck at any time. */
const failuresInARow = 10

/**
 * The error that ends a search whose last trials all failed alike.
 *
 * @param ended - in told order
 */
export function repeatedFailure(ended: readonly EndedTrial[]): RepeatedFailureError | undefined {
  const last = ended.at(-1)
  if (last?.state !== 'failed') return undefined
  let count = 0
  while (count < failuresInARow && count < ended.length) {
    const before = ended[ended.length - 1 - count]!
    if (before.state !== 'failed' || kindOf(before) !== kindOf(last)) break
    count++
  }
  const enough = count >= failuresInARow || (count >= failuresAtStart && count === ended.length)
  return enough ? new RepeatedFailureError(count, last.failure, last.output) : undefined
}

/** Failures of one kind have one cause: the class says it, and where it says little, the last line without its numbers. */
function kindOf({ failure, output }: FailedTrial): string {
  if (failure !== 'crash' && failure !== 'bad-configuration') return failure
  const line = output.findLast((text) => text.trim() !== '') ?? ''
  return `${failure}: ${line.replace(/0x[0-9a-f]+|\d+/gi, '#')}`
}
