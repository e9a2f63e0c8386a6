// The two random streams that the originals use side by side.
import { NumpyRandom } from './numpy-random.ts'
import { PythonRandom } from './python-random.ts'

/** `python` stands for the module `random`, `numpy` for `np.random`. */
export interface Random {
  readonly python: PythonRandom
  readonly numpy: NumpyRandom
}

/**
 * The random numbers of one trial. They depend on nothing but these two numbers, so a restart or a second worker
 * proposes the same. (The originals seed from the clock: trials within one second came out identical.)
 *
 * In Python: `random.seed(studySeed * 2**32 + trialNumber)`, `np.random.seed([low, high, trialNumber, 1])` with the two
 * halves of the study's seed (the last word keeps the two streams apart).
 *
 * @param studySeed - integer in [0, 2^53)
 * @param trialNumber - integer in [0, 2^32)
 */
export function randomFor(studySeed: number, trialNumber: number): Random {
  const python = new PythonRandom(BigInt(studySeed) * 4294967296n + BigInt(trialNumber))
  const numpy = new NumpyRandom([studySeed % 4294967296, Math.floor(studySeed / 4294967296), trialNumber, 1])
  return { python, numpy }
}
