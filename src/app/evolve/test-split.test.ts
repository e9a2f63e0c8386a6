import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { temporaryFolder, writeDataset, writeText } from '../../../test/helpers/data-set.ts'
import { loadHyp, type TrainOptions, trainDefaults } from '../../detect/index.ts'
import { embeddedTrainers, type KeepPolicy, localExecutor, runTrials } from '../../run/index.ts'
import { type CompleteTrial, confirmationOf, defineSpace, float, History } from '../../search/index.ts'
import { createStudy, type Study } from '../../study/index.ts'
import { hasTestSplit, repeatsToTest, testSplitLines } from './test-split.ts'

const { hyp } = loadHyp('scratch-low')
const names = 'names: [a, b]\n'

/** A small data set whose validation images are its test images too. */
async function dataWithTest(): Promise<string> {
  const data = await writeDataset(temporaryFolder())
  return writeText(data, `path: .\ntrain: images/train\nval: images/val\ntest: images/val\n${names}`)
}

it('knows whether there is a test split', async () => {
  const without = await writeDataset(temporaryFolder())
  const asked = [await dataWithTest(), without, 'digits', undefined, join(temporaryFolder(), 'missing.yaml')]
  expect(await Promise.all(asked.map(hasTestSplit))).toEqual([true, false, false, false, false])
})

it('keeps the weights of the best repeat of each hyp', () => {
  const trial = (number: number, fitness: number, repeats?: number): CompleteTrial => ({
    ...{ attempt: 1, parents: [], mutated: [], metrics: {}, state: 'complete', number, fitness },
    ...{ hyp: { x: repeats ?? number }, ...(repeats !== undefined && { repeats, repetition: number }) },
  })
  const history = new History([
    trial(0, 1),
    trial(1, 2),
    trial(2, 5, 0),
    trial(3, 4, 1),
    trial(4, 3, 0),
    trial(5, 6, 1),
  ])
  expect(repeatsToTest(history)).toEqual([2, 5])
})

/** One epoch per training: two of the search, then the start and the best again. */
async function evolve(data: string, policy: KeepPolicy) {
  const space = defineSpace({ lr0: float(1e-5, 0.1, { default: 0.01, log: true }) })
  const study = await createStudy({ space, sampler: 'random', fitness: 'mAP50 + 1 - boxLoss', epochs: 1, confirm: 0.5 })
  onTestFinished(() => study.close())
  await study.extend(4)
  const folder = temporaryFolder()
  const options: TrainOptions = {
    ...{ ...trainDefaults, data, cfg: 'yolov5n.yaml', hyp, imagePx: 32, batchSize: 4, epochs: 1, workers: 0 },
    ...{ plots: false, save: 'never', validate: 'last', patience: 0 },
  }
  const executor = localExecutor([{ slot: 0, device: 'cpu', threads: 1 }], embeddedTrainers(options))
  const keep = { ...policy, protect: repeatsToTest }
  try {
    await runTrials({ study: study as unknown as Study, executor, folder, keep })
  } finally {
    await executor.close()
  }
  const request = { study: study as unknown as Study, folder, data, keep, confirmation: confirmationOf(study.history) }
  return { ...request, options }
}

it('measures the winner once, then lets go of the weights', { timeout: 240_000 }, async () => {
  const request = await evolve(await dataWithTest(), { kind: 'none' })
  const { study, folder, confirmation } = request
  expect([study.history.searched.length, study.history.repeats.length]).toEqual([2, 2])
  const kept = repeatsToTest(study.history)
  const weights = (number: number) => join(folder, 'trials', String(number), 'weights', 'last.safetensors')
  expect(kept.map((number) => existsSync(weights(number)))).toEqual([true, true])
  expect((await study.artifacts()).map(({ trial }) => trial).sort()).toEqual(kept)

  const lines = await testSplitLines(request)
  const number = kept.find((each) => study.history.get(each)!.repeats === confirmation.winner!.number)!
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^On the test split, which nothing was chosen by, (the start|trial 1) has mAP50 /)
  const file = join(folder, 'trials', String(number), 'test.json')
  // The test images are those of the validation, so the figures are those of the training itself.
  const { mAP50, mAP50to95, precision, recall } = (study.history.get(number) as CompleteTrial).metrics
  const measured = JSON.parse(readFileSync(file, 'utf8'))
  for (const [key, value] of Object.entries({ mAP50, mAP50to95, precision, recall }))
    expect(measured[key]).toBeCloseTo(value, 3)
  expect(kept.map((each) => existsSync(weights(each)))).toEqual([false, false])
  expect(await study.artifacts()).toEqual([])

  writeText(file, '{"mAP50": 0.5, "mAP50to95": 0.25, "precision": 0.75, "recall": 1}')
  expect((await testSplitLines(request))[0]).toContain('mAP50 0.5000, mAP50-95 0.2500')
  writeText(file, '{"mAP50": 0.')
  expect((await testSplitLines(request))[0]).toMatch(
    /^The test split was not looked at: the weights of trial \d are gone/,
  )
  expect((await testSplitLines({ ...request, options: undefined }))[0]).toMatch(/only where Hypevolve itself trains/)
  expect(await testSplitLines({ ...request, data: undefined })).toEqual([])
})
