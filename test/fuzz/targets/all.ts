// Several readers of one kind of file.
import { HypevolveError } from '../../../src/base/index.ts'

/** Lets each of them read, though one before refused; then says so, if one did. */
export async function all(...readers: readonly (() => unknown)[]): Promise<void> {
  let refusal: HypevolveError | undefined
  for (const read of readers)
    try {
      await read()
    } catch (error) {
      if (!(error instanceof HypevolveError)) throw error
      refusal ??= error
    }
  if (refusal) throw refusal
}
