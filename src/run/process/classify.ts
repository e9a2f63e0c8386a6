// Why a process that trained ended without results: from its exit code, the signal that ended it, and what it said.
import type { FailureClass } from '../../search/index.ts'
import type { Exit } from './group.ts'

const memoryPatterns = [
  /out of memory/i, // CUDA, torch.OutOfMemoryError, JavaScript heap, oom-killer
  /OutOfMemoryError/,
  /cannot allocate memory/i,
  /std::bad_alloc/,
  /\bMemoryError\b/, // Python, numpy's _ArrayMemoryError
  /unable to allocate .* for an array/i,
  /failed to allocate memory/i, // ONNX Runtime
  /ERR_WORKER_OUT_OF_MEMORY/,
  /CUBLAS_STATUS_ALLOC_FAILED/,
]

const divergedPatterns = [/loss\b.{0,40}(\bis|\bbecame|[:=])\s*(nan|inf|infinite)\b/i, /\bnon-?finite loss\b/i]

/** With exit code 2, argparse and its kin. */
const usagePattern = /^usage:|error: (unrecognized arguments|argument |the following arguments are required)/im

const configurationPatterns = [
  /can't open file .*\[Errno 2\]/, // python
  /^ModuleNotFoundError: No module named/m,
  /^Error: Cannot find module/m, // node
]

/**
 * The class of an exit that nobody here caused.
 *
 * @param output - last lines that it wrote
 */
export function classifyExit({ code, signal }: Exit, output: readonly string[]): FailureClass {
  const text = output.join('\n')
  if (memoryPatterns.some((pattern) => pattern.test(text))) return 'out-of-memory'
  // Nobody but the system (or a person) sends SIGKILL, and the system does it when memory is used up. 137 = 128 + 9 comes
  // from a shell in between.
  if (signal === 'SIGKILL' || code === 137) return 'out-of-memory'
  if (divergedPatterns.some((pattern) => pattern.test(text))) return 'diverged'
  // 126 and 127: a shell could not run the program.
  if (code === 126 || code === 127) return 'bad-configuration'
  if (code === 2 && usagePattern.test(text)) return 'bad-configuration'
  if (configurationPatterns.some((pattern) => pattern.test(text))) return 'bad-configuration'
  return 'crash'
}

/** Why a training failed, and a sentence for people. */
export interface Explanation {
  readonly failure: FailureClass
  readonly reason: string
}

/** {@link classifyExit} and {@link describeExit} in one. */
export const explainExit = (exit: Exit, output: readonly string[]): Explanation => ({
  failure: classifyExit(exit, output),
  reason: describeExit(exit),
})

/** How it ended, in a sentence. */
export function describeExit({ code, signal }: Exit): string {
  if (signal === 'SIGKILL' || code === 137)
    return 'It was killed from outside (SIGKILL): the system does that when memory is used up.'
  if (signal) return `It was ended by ${signal}.`
  if (code === 127) return 'Exit code 127: the program, or one that it needs, was not found.'
  if (code === 126) return 'Exit code 126: the program may not be run.'
  return `Exit code ${code}.`
}
