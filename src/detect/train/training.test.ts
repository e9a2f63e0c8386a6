import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { temporaryFolder, writeDataset, writeText } from '../../../test/helpers/data-set.ts'
import { CheckpointError, LossNotFiniteError, ModelNotGivenError } from '../../base/index.ts'
import { loadHyp } from '../hyp.ts'
import { initialWeights } from '../model/index.ts'
import { readResults } from '../results.ts'
import { loadDetectorFile, saveDetector } from './checkpoint.ts'
import type { TrainEvent, TrainResult } from './events.ts'
import { TrainingHost, train } from './host.ts'
import { type TrainOptions, trainDefaults } from './options.ts'

const { hyp } = loadHyp('scratch-low')

const options = async (more: Partial<TrainOptions> = {}): Promise<TrainOptions> => ({
  ...trainDefaults,
  data: await writeDataset(temporaryFolder(), 8),
  cfg: 'yolov5n.yaml',
  hyp,
  imagePx: 32,
  batchSize: 4,
  epochs: 2,
  workers: 0,
  threads: 1,
  saveDir: temporaryFolder(),
  ...more,
})

async function record(trainOptions: TrainOptions, signal?: AbortSignal) {
  const events: TrainEvent[] = []
  const onEvent = (event: TrainEvent) => events.push(event)
  const result = await train(trainOptions, { onEvent, ...(signal && { signal }) })
  const of = <Type extends TrainEvent['type']>(type: Type) =>
    events.filter((event): event is Extract<TrainEvent, { type: Type }> => event.type === type)
  return { result, of }
}

const weightsOf = (run: TrainOptions, name = 'last') =>
  readFileSync(join(run.saveDir!, 'weights', `${name}.safetensors`))

describe('a training', () => {
  it('leaves checkpoints, settings and a row per epoch', async () => {
    const run = await options()
    const { result, of } = await record(run)
    expect(result).toMatchObject({ ended: 'finished', epochs: 2, saveDir: run.saveDir })
    expect(of('epoch').map(({ epoch }) => epoch)).toEqual([0, 1])
    expect(of('batch')).toHaveLength(4)
    expect(of('batch-images').map(({ batch }) => batch.kind)).toEqual([
      'train',
      'train',
      'val-labels',
      'val-predictions',
    ])
    expect(readResults(join(run.saveDir!, 'results.csv')).column('epoch')).toEqual([0, 1])
    for (const file of ['hyp.yaml', 'opt.yaml', 'weights/best.safetensors', 'weights/best.json', 'weights/last.json'])
      expect(existsSync(join(run.saveDir!, file)), file).toBe(true)
    const { names, epoch, resume, definition } = loadDetectorFile(join(run.saveDir!, 'weights/last.safetensors'))
    expect({ names, epoch, resume, classes: definition.classes }).toEqual({
      names: ['a', 'b'],
      epoch: 1,
      resume: undefined,
      classes: 2,
    })
  })

  it('is the same again under the same seed, whatever the number of workers', async () => {
    const first = await options()
    const { data } = first
    const again = await options({ data, workers: 2 })
    const other = await options({ data, seed: 1 })
    for (const run of [first, again, other]) await train(run)
    expect(weightsOf(again).equals(weightsOf(first))).toBe(true)
    expect(weightsOf(other).equals(weightsOf(first))).toBe(false)
  })

  it('in a host that has trained before is the same as in a new one', async () => {
    const run = await options({ epochs: 1 })
    const again = await options({ data: run.data, epochs: 1 })
    const host = new TrainingHost()
    await host.train(await options({ data: run.data, epochs: 1, hyp: { ...hyp, lr0: 0.005, box: 0.02 } }))
    await host.train(await options({ data: run.data, epochs: 1, hyp: { ...hyp, anchors: 2 } }))
    await host.train(again)
    await host.close()
    await train(run)
    expect(weightsOf(again).equals(weightsOf(run))).toBe(true)
  })

  it('moves no frozen layer', async () => {
    const run = await options({ freeze: [2], epochs: 1 })
    await train(run)
    const { weights, definition } = loadDetectorFile(join(run.saveDir!, 'weights/last.safetensors'))
    const start = initialWeights(definition, run.seed)
    const same = (name: string) => weights.get(name)!.data.every((value, i) => value === start.get(name)!.data[i])
    expect(same('model.0.conv.weight')).toBe(true)
    expect(same('model.1.bn.weight')).toBe(true)
    expect(same('model.24.m.0.bias')).toBe(false)
  })

  it.each(['Adam', 'AdamW'] as const)('learns with %s', async (optimizer) => {
    const { of } = await record(await options({ optimizer, epochs: 6, hyp: { ...hyp, lr0: 0.001, mosaic: 0 } }))
    const losses = of('epoch').map(({ trainLosses: [box, obj, cls] }) => box + obj + cls)
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
  })

  it('validates only after the last epoch if that is asked for, and writes nothing without a folder', async () => {
    const { saveDir: _, ...run } = await options({ validate: 'last' })
    const { result, of } = await record(run as TrainOptions)
    expect(of('epoch').map(({ results }) => results !== undefined)).toEqual([false, true])
    expect(of('checkpoint')).toEqual([])
    expect(result.saveDir).toBeUndefined()
  })

  it('scales batches to several sizes, each trained on, and resumes as if it had not been interrupted', async () => {
    const run = await options({ multiScale: true, imageWeights: true })
    const { of, result } = await record(run)
    expect(result.ended).toBe('finished')
    expect(of('message').map(({ text }) => text)).toContainEqual('Batches are scaled to 32, 64 px by chance.')
    expect(new Set(of('batch').map(({ imagePx }) => imagePx))).toEqual(new Set([32, 64]))

    const again = { ...run, saveDir: temporaryFolder() }
    const abort = new AbortController()
    await train(again, {
      signal: abort.signal,
      onEvent: (event) => event.type === 'batch' && event.epoch === 1 && abort.abort(),
    })
    await train({ ...again, resume: join(again.saveDir, 'weights/last.safetensors') })
    expect(weightsOf(again).equals(weightsOf(run))).toBe(true)
  })

  it('takes a batch size by itself', async () => {
    const { of } = await record(await options({ batchSize: -1, epochs: 1 }))
    expect(of('message').map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/^Batch size 16: about 0\.\d GB/),
    )
    expect(of('start')[0]).toMatchObject({ batches: 1 })
  })

  it('rounds the image size up to the stride and says so', async () => {
    const { of } = await record(await options({ imagePx: 40, epochs: 1 }))
    expect(of('start')[0]).toMatchObject({ imagePx: { train: 64, val: 64 } })
    expect(of('message').map(({ text }) => text)).toContainEqual(expect.stringContaining('training at 64'))
  })
})

describe('an interrupted training', () => {
  async function interruptAt(epoch: number, run: TrainOptions): Promise<TrainResult> {
    const abort = new AbortController()
    return train(run, {
      signal: abort.signal,
      onEvent: (event) => event.type === 'batch' && event.epoch === epoch && abort.abort(),
    })
  }

  it.each([0, 1, 2])('goes on where it was, broken off in epoch %i', async (epoch) => {
    const run = await options({ epochs: 4 })
    const whole = await options({ data: run.data, epochs: 4 })
    expect(await interruptAt(epoch, run)).toMatchObject({ ended: 'interrupted', epochs: epoch })
    const resume = join(run.saveDir!, 'weights/last.safetensors')
    const { result, of } = await record({ ...run, resume })
    expect(result).toMatchObject({ ended: 'finished', epochs: 4 })
    expect(of('epoch').map((event) => event.epoch)).toEqual([0, 1, 2, 3].slice(epoch))
    expect(readResults(join(run.saveDir!, 'results.csv')).column('epoch')).toEqual([0, 1, 2, 3])
    await train(whole)
    expect(readResults(join(run.saveDir!, 'results.csv'))).toMatchObject({
      rows: readResults(join(whole.saveDir!, 'results.csv')).rows,
    })
    expect(weightsOf(run).equals(weightsOf(whole))).toBe(true)
  })

  it('keeps the gradient that waits for its update', async () => {
    // In warm-up the number of batches per update rises: in epoch 7 it is 5, and an epoch has 3.
    const more = { epochs: 8, batchSize: 3, hyp: { ...hyp, warmup_epochs: 1 } }
    const run = await options(more)
    const whole = await options({ ...more, data: run.data })
    await interruptAt(7, run)
    const resume = join(run.saveDir!, 'weights/last.safetensors')
    expect(loadDetectorFile(resume).resume!.optimizer.gradient?.size).toBeGreaterThan(0)
    await train({ ...run, resume })
    await train(whole)
    expect(weightsOf(run).equals(weightsOf(whole))).toBe(true)
  })

  it('cannot be continued once it has ended', async () => {
    const run = await options({ epochs: 1 })
    await train(run)
    const resume = join(run.saveDir!, 'weights/last.safetensors')
    await expect(train({ ...run, resume })).rejects.toThrow(CheckpointError)
  })
})

describe('a training that cannot be', () => {
  it('says that its loss is no number any more', async () => {
    const first = await options({ epochs: 1 })
    await train(first)
    const { weights, ...info } = loadDetectorFile(join(first.saveDir!, 'weights/last.safetensors'))
    weights.get('model.24.m.0.bias')!.data.fill(Number.NaN)
    const broken = join(temporaryFolder(), 'broken.safetensors')
    saveDetector(broken, info, weights)
    const run = await options({ weights: broken })
    await expect(train(run)).rejects.toThrow(LossNotFiniteError)
  })

  it('asks for a model', async () => {
    await expect(train(await options({ cfg: '' }))).rejects.toThrow(ModelNotGivenError)
  })

  it.each([
    ['no.safetensors', /there is no such file/],
    ['weights.pt', /there is no such file/],
    ['yolov5s.pt', /github.com.ultralytics.yolov5.releases/],
    ['yolov3.weights', /there is no such file/],
  ])('refuses %s', async (weights, message) => {
    vi.stubEnv('HYPEVOLVE_OFFLINE', '1')
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(train(await options({ weights }))).rejects.toThrow(message)
  })

  it('refuses a file that is no checkpoint', async () => {
    const weights = writeText(join(temporaryFolder(), 'x.safetensors'), 'these are no weights at all')
    await expect(train(await options({ weights }))).rejects.toThrow(/safetensors/)
  })
})
