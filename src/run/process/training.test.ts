import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder, writeText } from '../../../test/helpers/data-set.ts'
import { isRunning, until } from '../../../test/helpers/processes.ts'
import type { Metrics } from '../../search/index.ts'
import type { Outcome } from '../trainer.ts'
import { type MetricReader, type TrainProcessOptions, TrialLog, trainProcess } from './index.ts'

/** A reader that takes the text of a file for its metric. */
function fileReader(path: string): MetricReader & { readonly polls: number } {
  let metrics: Metrics | undefined
  let text = ''
  let polls = 0
  return {
    async poll() {
      polls++
      const now = readFileSync(path, 'utf8')
      if (now !== text) metrics = { x: Number(now) }
      text = now
    },
    get polls() {
      return polls
    },
    get metrics() {
      return metrics
    },
    get problem() {
      return metrics ? undefined : 'There is no x.'
    },
  }
}

function train(script: string, options: Partial<TrainProcessOptions> = {}): Promise<Outcome> {
  return trainProcess({
    plan: { words: ['/bin/sh', '-c', script], env: process.env },
    reader: { metrics: { x: 1 }, problem: undefined },
    log: new TrialLog(undefined),
    signal: new AbortController().signal,
    ...options,
  })
}

describe('trainProcess', () => {
  it('looks at files once more after the end', async () => {
    const file = writeText(join(temporaryFolder(), 'x'), '1')
    const reader = fileReader(file)
    expect(await train(`echo 2 > '${file}'`, { reader })).toEqual({ state: 'complete', metrics: { x: 2 } })
  })

  it('takes news in a file for a sign of life, and no longer than there are any', async () => {
    const file = writeText(join(temporaryFolder(), 'x'), '0')
    const reader = fileReader(file)
    const script = `for i in 1 2 3 4 5 6 7 8; do echo $i > '${file}'; sleep 0.4; done; sleep 1000`
    const outcome = await train(script, { reader, limits: { hangMs: 1500 } })
    expect(outcome).toMatchObject({ state: 'failed', failure: 'hang' })
    expect(reader.metrics).toEqual({ x: 8 })
    expect(reader.polls).toBeGreaterThan(2)
  })

  it('tells the reader of both streams, then of the end', async () => {
    const said: string[] = []
    const reader: MetricReader = {
      line: (text, stream) => void said.push(`${stream}: ${text}`),
      poll: async () => void said.push('poll'),
      end: () => void said.push('end'),
      metrics: undefined,
      problem: 'There are no metrics.',
    }
    const outcome = await train('echo a; echo b >&2', { reader })
    expect(outcome).toEqual({
      state: 'failed',
      failure: 'bad-configuration',
      output: [...said.slice(0, 2).map((line) => line.slice(-1)), 'There are no metrics.'],
    })
    expect(said.slice(0, 2).sort()).toEqual(['stderr: b', 'stdout: a'])
    expect(said.slice(2)).toEqual(['poll', 'end'])
  })

  it('lets a program explain its own failures, and nothing else', async () => {
    const classify: NonNullable<TrainProcessOptions['classify']> = ({ code }, output) =>
      code === 3 ? { failure: 'diverged', reason: `It said ${output.at(-1)}.` } : undefined
    expect(await train('echo oh; exit 3', { classify })).toEqual({
      state: 'failed',
      failure: 'diverged',
      output: ['oh', 'It said oh.'],
    })
    expect(await train('exit 4', { classify })).toMatchObject({ failure: 'crash', output: ['Exit code 4.'] })
    expect(await train('sleep 1000', { classify, limits: { timeoutMs: 100 } })).toMatchObject({ failure: 'time-out' })
  })

  it('believes what it reads where the exit code hides it', async () => {
    const reader: MetricReader = { metrics: undefined, problem: 'There are no metrics.' }
    const script = '(echo "ModuleNotFoundError: No module named \'torch\'"; exit 1) | cat'
    expect(await train(script, { reader })).toMatchObject({
      failure: 'bad-configuration',
      output: [expect.anything(), expect.stringMatching(/no module torch.*exit code was 0 all the same/)],
    })
    // With metrics it is a result, whatever was said.
    expect(await train(script)).toMatchObject({ state: 'complete' })
  })

  it('starts in a folder', async () => {
    const cwd = temporaryFolder()
    await train('pwd -P > here', { plan: { words: ['/bin/sh', '-c', 'echo 1 > here'], env: process.env, cwd } })
    expect(readFileSync(join(cwd, 'here'), 'utf8')).toBe('1\n')
  })

  it.skipIf(process.platform !== 'linux')('leaves nothing of a training that failed, wherever it went', async () => {
    const file = join(temporaryFolder(), 'pid')
    // As the workers of torchrun: in a session of its own.
    const worker = `setsid sh -c 'echo $$ > "${file}"; exec sleep 1000' >/dev/null 2>&1 &
      while [ ! -s '${file}' ]; do sleep 0.05; done`
    expect(await train(`${worker}; exit 1`)).toMatchObject({ state: 'failed' })
    const first = Number(readFileSync(file, 'utf8'))
    await until(() => !isRunning(first))
  })

  it.skipIf(process.platform !== 'linux')('lets what a good one left behind work on', async () => {
    const file = join(temporaryFolder(), 'pid')
    const upload = `setsid sh -c 'echo $$ > "${file}"; exec sleep 1000' >/dev/null 2>&1 &
      while [ ! -s '${file}' ]; do sleep 0.05; done`
    expect(await train(upload)).toMatchObject({ state: 'complete' })
    const pid = Number(readFileSync(file, 'utf8'))
    expect(isRunning(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
  })
})
