import { expect, it } from 'vitest'
import { classifyExit, describeExit, type Exit } from './index.ts'

const code = (value: number): Exit => ({ code: value, signal: null })
const signal = (value: NodeJS.Signals): Exit => ({ code: null, signal: value })

it.each<[Exit, string, string]>([
  [signal('SIGKILL'), 'epoch 3', 'out-of-memory'],
  [code(137), '', 'out-of-memory'],
  [code(1), 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB', 'out-of-memory'],
  [code(1), 'RuntimeError: CUDA error: out of memory', 'out-of-memory'],
  [code(1), 'numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.4 GiB for an array', 'out-of-memory'],
  [code(1), 'MemoryError', 'out-of-memory'],
  [signal('SIGABRT'), "terminate called after throwing an instance of 'std::bad_alloc'", 'out-of-memory'],
  [code(134), 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory', 'out-of-memory'],
  [code(1), 'OSError: [Errno 12] Cannot allocate memory', 'out-of-memory'],
  [code(1), 'Error [ERR_WORKER_OUT_OF_MEMORY]: Worker terminated due to reaching memory limit', 'out-of-memory'],
  [code(1), 'RuntimeError: loss is nan, stopping', 'diverged'],
  [code(1), 'loss = NaN', 'diverged'],
  [code(1), 'box_loss: nan', 'diverged'],
  [code(127), 'sh: 1: pyhton: not found', 'bad-configuration'],
  [code(126), '', 'bad-configuration'],
  [code(2), 'usage: train.py [-h]\ntrain.py: error: unrecognized arguments: --imgz', 'bad-configuration'],
  [code(2), "python: can't open file '/x/train.py': [Errno 2] No such file or directory", 'bad-configuration'],
  [code(1), "ModuleNotFoundError: No module named 'torch'", 'bad-configuration'],
  [code(1), "Error: Cannot find module '/x/train.js'", 'bad-configuration'],
  [code(1), 'Traceback (most recent call last):\nKeyError: 3', 'crash'],
  [code(2), 'KeyError: 3', 'crash'],
  [signal('SIGSEGV'), '', 'crash'],
  [signal('SIGTERM'), '', 'crash'],
  [code(0), '', 'crash'],
])('%j that said %j is %s', (exit, output, failure) => {
  expect(classifyExit(exit, output.split('\n'))).toBe(failure)
})

it('says how it ended', () => {
  expect([code(3), code(127), code(126), signal('SIGSEGV'), signal('SIGKILL')].map(describeExit)).toEqual([
    'Exit code 3.',
    'Exit code 127: the program, or one that it needs, was not found.',
    'Exit code 126: the program may not be run.',
    'It was ended by SIGSEGV.',
    'It was killed from outside (SIGKILL): the system does that when memory is used up.',
  ])
})
