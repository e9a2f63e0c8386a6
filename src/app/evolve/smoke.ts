// One epoch before the first trial of an outside trainer: what is missing shows in a minute, not after hours.
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { SmokeTestError } from '../../base/index.ts'
import type { Trainer } from '../../run/index.ts'
import type { Hyp } from '../../search/index.ts'
import type { Terminal } from '../console/terminal.ts'
import { durationText } from '../console/text.ts'

export interface SmokeTest {
  /** A trainer of one epoch. */
  readonly trainer: Trainer
  /** The hyp that the search starts from. */
  readonly hyp: Hyp
  readonly seed: number
  /** Folder of the study. */
  readonly folder: string
  /** Text of the study's fitness. */
  readonly fitness: string
}

/**
 * Trains for one epoch and looks at what came out. Its log stays only if it failed.
 *
 * @returns false if it was interrupted
 * @throws {@link SmokeTestError} if the training failed or measured nothing that the fitness needs
 */
export async function smokeTest(test: SmokeTest, terminal: Terminal, signal: AbortSignal): Promise<boolean> {
  const directory = resolve(join(test.folder, 'smoke'))
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const began = performance.now()
  terminal.line('First one epoch, to see whether all is in place (--no-smoke leaves it out) …')
  const { trainer, hyp, seed } = test
  try {
    const job = { trial: 0, attempt: 1, hyp, seed, directory, title: 'smoke test' }
    const outcome = await trainer.train(job, () => {}, signal)
    if (outcome.state === 'interrupted') return false
    if (outcome.state === 'failed')
      throw new SmokeTestError(outcome.failure, outcome.output, join(directory, 'train.log'))
    const { parseFitness } = await import('../../search/index.ts')
    const problem = parseFitness(test.fitness).problem(outcome.metrics)
    if (problem !== undefined)
      throw new SmokeTestError(
        'bad-configuration',
        [`It has no fitness "${test.fitness}": ${problem}. It measured: ${Object.keys(outcome.metrics).join(', ')}.`],
        join(directory, 'train.log'),
      )
    terminal.line(`It trains: ${durationText((performance.now() - began) / 1000)} with start and end.`)
    await rm(directory, { recursive: true, force: true })
    return true
  } finally {
    await trainer.close()
  }
}
