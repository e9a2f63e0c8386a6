// Processes that work on a study with trainings of different length are killed without warning: what comes after is what
// would have come anyway.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { type ProgramProcess, testProgram } from '../../test/helpers/program.ts'
import { defineSpace, float, nextTraining, type Sampler, samplers, type Trial } from '../search/index.ts'
import { isFinished } from './finished.ts'
import { openStorage } from './open-storage.ts'
import { Study } from './study.ts'

const target = 10

/** Trains until nothing more fits; says what it begins to train, and whose result was kept. */
const program = testProgram(
  'rungs',
  `
  import { setTimeout as delay } from 'node:timers/promises'
  import { createStudy, defineSpace, float } from './index.ts'
  const space = defineSpace({ x: float(0, 1), y: float(0, 1) })
  const study = await createStudy({
    space, storage: process.argv[2], name: 'rungs', seed: 7, sampler: 'priorband', pruner: 'hyperband', epochs: 9, lowest: 1,
  })
  await study.extend(${target})
  for (;;) {
    const trial = await study.ask()
    if (!trial) {
      if ((await study.counts()).running === 0) break
      await delay(10)
      continue
    }
    process.stdout.write('begins ' + trial.number + '\\n')
    await delay(30 + Math.random() * 20)
    await study.tell(trial, Math.sin(9 * trial.hyp.x) + trial.hyp.y - 1 / trial.fidelity)
    process.stdout.write('told ' + trial.number + '\\n')
  }
  await study.close()
`,
)
const work = (url: string) => program.start(url)

/** Lets it tell so many results, and kills it soon after it began to train the next. */
async function killAfter({ process: child, said, ended }: ProgramProcess, results: number): Promise<void> {
  const begun = () => said().split('begins').length - 1
  while (begun() <= results && child.exitCode === null) await delay(2)
  await delay(Math.random() * 5)
  child.kill('SIGKILL')
  expect(await ended).toBe('')
}

/** The trials in the order of their numbers, after looking whether all is well. */
async function finished(url: string): Promise<readonly Trial[]> {
  const storage = await openStorage(url)
  const [record] = await storage.studies()
  expect(isFinished(record)).toBe(true)
  const study = await Study.open(storage, record)
  expect(study.isFinished).toBe(true)
  expect(study.spent).toBe(record.spent)
  expect(record.spent).toBeLessThanOrEqual(target)
  expect(record.spent).toBeGreaterThan(target - 1)
  const trials = [...(await study.trials())].sort((a, b) => a.number - b.number)
  expect(trials.map(({ number }) => number)).toEqual(trials.map((_, i) => i))
  for (const trial of trials) expect(trial.state).toBe(trial.fidelity === 9 ? 'complete' : 'pruned')
  // each was what follows from the trials that had ended then
  const space = defineSpace({ x: float(0, 1), y: float(0, 1) })
  for (const { number, hyp, fidelity, continues } of trials) {
    const proposal = nextTraining({
      ...{ space, history: await study.historyBefore(number), seed: 7, number, target, schedule: study.schedule },
      sampler: samplers.priorband as unknown as Sampler<unknown>,
      samplerOptions: study.definition.sampler.options,
    })
    expect(proposal).toMatchObject({ hyp, fidelity, ...(continues !== undefined && { continues }) })
  }
  await study.close()
  await storage.close()
  return trials
}

const withoutAttempt = (trials: readonly Trial[]) => trials.map(({ attempt: _, ...trial }) => trial)

it('one process that is killed again and again searches as one that never was', async () => {
  const undisturbed = join(program.folder, 'undisturbed.db')
  expect(await work(undisturbed).ended).toBe('')
  const killed = join(program.folder, 'killed.db')
  for (const results of [1, 7, 4]) await killAfter(work(killed), results)
  expect(await work(killed).ended).toBe('')
  const trials = await finished(killed)
  expect(trials.some(({ attempt }) => attempt > 1)).toBe(true)
  expect(withoutAttempt(trials)).toEqual(withoutAttempt(await finished(undisturbed)))
})

it('several processes, two of them killed, spend what they may and no more', async () => {
  const url = join(program.folder, 'several.db')
  const workers = [work(url), work(url), work(url)]
  await killAfter(workers[0], 4)
  await killAfter(workers[1], 6)
  const last = work(url)
  expect(await Promise.all([workers[2].ended, last.ended])).toEqual(['', ''])
  await finished(url)
})
