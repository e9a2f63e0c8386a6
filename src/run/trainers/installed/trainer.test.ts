// What an installed trainer does around the trainings themselves, with a small program in place of a real trainer.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../../test/helpers/data-set.ts'
import type { Outcome, TrainJob } from '../../trainer.ts'
import { installedTrainer } from './trainer.ts'
import type { Installation, InstalledTrainer, InstalledTraining } from './types.ts'
import { yolov5 } from './yolov5.ts'

/** Runs out of memory above this batch; else writes one epoch of results. */
const program = `
  const [batch, limit, out] = process.argv.slice(1)
  if (Number(batch) > Number(limit)) {
    console.error('torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB')
    process.exit(1)
  }
  require('node:fs').writeFileSync(out + '/results.csv', 'epoch, metrics/mAP_0.5, metrics/mAP_0.5:0.95\\n0, 0.5, 0.3\\n')
`

/** YOLOv5 in all but the program. */
const adapter = (limit: number): InstalledTrainer => ({
  ...yolov5,
  classify: () => undefined,
  plan: async (_, training, { directory }) => ({
    words: [
      process.execPath,
      '-e',
      program,
      String(training.flags['batch-size'] ?? 16),
      String(limit),
      join(directory, 'out'),
    ],
    env: { PLANNED: 'yes' },
    cwd: directory,
  }),
})

const installation = { trainer: 'yolov5', row: 'v7.0', start: [], hypKeys: [], notes: [] } as unknown as Installation
const slot = { slot: 0, device: 'cpu', threads: 1 }

async function attempts(limit: number, training: InstalledTraining, halved?: Set<number>): Promise<Outcome[]> {
  const directory = temporaryFolder()
  const trainer = installedTrainer({ adapter: adapter(limit), installation, training, ...(halved && { halved }) }, slot)
  const outcomes: Outcome[] = []
  for (const attempt of [1, 2]) {
    const job: TrainJob = { trial: 4, attempt, hyp: { lr0: 0.01 }, seed: 0, directory }
    outcomes.push(await trainer.train(job, () => {}, new AbortController().signal))
    expect(readFileSync(join(directory, 'train.log'), 'utf8')).toContain(`trial 4, attempt ${attempt}`)
    if (outcomes.at(-1)!.state === 'complete') break
  }
  await trainer.close()
  return outcomes
}

describe('a training that ran out of memory', () => {
  const training: InstalledTraining = { flags: { epochs: 1, 'batch-size': 20 }, passThrough: [] }

  it('is tried again with half the batch if that is allowed, and says so', async () => {
    const [first, second] = await attempts(10, training, new Set())
    expect(first).toMatchObject({ state: 'failed', failure: 'out-of-memory' })
    expect(second).toMatchObject({
      state: 'complete',
      metrics: { mAP50: 0.5, mAP50to95: 0.3 },
      reduced: 'with batch 10 instead of 20, after it had run out of memory',
    })
  })
  it('halves the usual batch too', async () => {
    const [, second] = await attempts(8, { flags: { epochs: 1 }, passThrough: [] }, new Set())
    expect(second).toMatchObject({ state: 'complete', reduced: expect.stringContaining('with batch 8 instead of 16') })
  })
  it('is tried again as it was if not', async () => {
    for (const outcome of await attempts(10, training)) expect(outcome).toMatchObject({ failure: 'out-of-memory' })
  })
  it('cannot have less than one image, nor half of a batch that is chosen automatically', async () => {
    for (const batch of [1, -1]) {
      const halved = new Set<number>()
      await attempts(-2, { flags: { epochs: 1, 'batch-size': batch }, passThrough: [] }, halved)
      expect(halved).toEqual(new Set())
    }
  })
})

it('a training that does not reduce anything is not marked', async () => {
  const [outcome] = await attempts(16, { flags: { epochs: 1 }, passThrough: [] }, new Set())
  expect(outcome).toEqual({ state: 'complete', metrics: { mAP50: 0.5, mAP50to95: 0.3 } })
})

it('without a folder nothing is left behind', async () => {
  let used = ''
  const watched: InstalledTrainer = {
    ...adapter(16),
    plan: (of, training, job, on) => {
      used = job.directory
      return adapter(16).plan(of, training, job, on)
    },
  }
  const trainer = installedTrainer({ adapter: watched, installation, training: { flags: {}, passThrough: [] } }, slot)
  const job: TrainJob = { trial: 0, attempt: 1, hyp: {}, seed: 0 }
  expect(await trainer.train(job, () => {}, new AbortController().signal)).toMatchObject({ state: 'complete' })
  expect(existsSync(used)).toBe(false)
})

it('asks for the epochs of the job', async () => {
  const asked: unknown[] = []
  const watched: InstalledTrainer = {
    ...adapter(16),
    plan: (of, training, job, on) => {
      asked.push(training.flags['epochs'])
      return adapter(16).plan(of, training, job, on)
    },
  }
  const training = { flags: { epochs: 36 }, passThrough: [] }
  const trainer = installedTrainer({ adapter: watched, installation, training }, slot)
  const job: TrainJob = { trial: 0, attempt: 1, hyp: {}, seed: 0 }
  for (const length of [
    { epochs: 4, full: 36 },
    { epochs: 36, full: 36 },
  ])
    await trainer.train({ ...job, length }, () => {}, new AbortController().signal)
  await trainer.train(job, () => {}, new AbortController().signal)
  expect(asked).toEqual([4, 36, 36])
})
