// A small model of a Darknet cfg through the whole trainer, with a data file of Darknet's.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder, writeDataset, writeText } from '../../../test/helpers/data-set.ts'
import { CheckpointError, DarknetWeightsError, HypFamilyError } from '../../base/index.ts'
import { loadHyp } from '../hyp.ts'
import { readDatasetYaml, type TrainEvent, type TrainOptions, train, trainDefaults } from '../index.ts'
import { loadDetectorFile } from '../train/checkpoint.ts'
import { exportDarknet } from './weights.ts'

const { hyp } = loadHyp('yolov3@01dbdc45')

const conv = (filters: number, size = 3, stride = 1) =>
  `[convolutional]\nbatch_normalize=1\nfilters=${filters}\nsize=${size}\nstride=${stride}\npad=1\nactivation=leaky\n`
const head = '[convolutional]\nfilters=15\nsize=1\nstride=1\npad=1\nactivation=linear\n'
const yolo = (mask: string) => `[yolo]\nmask=${mask}\nanchors=4,4, 8,8, 12,12, 18,18, 24,24, 30,30\nclasses=0\nnum=6\n`
/** Two levels of strides 16 and 8, for 80 classes. */
const cfg = [
  '[net]\nchannels=3\n',
  conv(8),
  '[maxpool]\nsize=2\nstride=2\n',
  conv(8, 3, 2),
  conv(16, 3, 2),
  conv(16, 3, 2),
  '[maxpool]\nsize=2\nstride=1\n',
  conv(16),
  head,
  yolo('3,4,5'),
  '[route]\nlayers=-3\n',
  '[upsample]\nstride=2\n',
  '[route]\nlayers=-1,3\n',
  head,
  yolo('0,1,2'),
]
  .join('\n')
  .replaceAll('filters=15', 'filters=255')
  .replaceAll('classes=0', 'classes=80')

async function options(more: Partial<TrainOptions> = {}): Promise<TrainOptions> {
  const folder = temporaryFolder()
  await writeDataset(folder, 8)
  const { train: images, val } = readDatasetYaml(join(folder, 'data.yaml'))
  writeText(join(folder, 'voc.names'), 'a\nb\n')
  writeText(join(folder, 'voc.data'), `classes=2\ntrain=${images[0]}\nvalid=${val[0]}\nnames=voc.names\n`)
  return {
    ...trainDefaults,
    data: join(folder, 'voc.data'),
    cfg: writeText(join(folder, 'small.cfg'), cfg),
    hyp,
    imagePx: 32,
    batchSize: 4,
    epochs: 2,
    workers: 0,
    threads: 1,
    plots: false,
    saveDir: join(folder, 'run'),
    ...more,
  }
}

async function record(run: TrainOptions) {
  const events: TrainEvent[] = []
  const result = await train(run, { onEvent: (event) => events.push(event) })
  const sizes = events.flatMap((event) => (event.type === 'batch' ? [event.imagePx] : []))
  const texts = events.flatMap((event) => (event.type === 'message' ? [event.text] : []))
  return { result, texts, sizes, epochs: events.flatMap((event) => (event.type === 'epoch' ? [event] : [])) }
}

const detectorOf = (run: TrainOptions) => loadDetectorFile(join(run.saveDir!, 'weights/best.safetensors'))

describe('a training of a Darknet cfg', () => {
  it.each(['plain', 'auto'] as const)('runs from data file to checkpoint (%s layout)', async (layout) => {
    const run = await options({ layout, valImagePx: 64 })
    const { result, texts, epochs } = await record(run)
    expect(result.ended).toBe('finished')
    expect(texts.join('\n')).toMatch(/made for 80 classes, the data set has 2: the heads get 21 filters instead of 255/)
    expect(texts.join('\n')).toMatch(
      /Anchors of .*small\.cfg: best possible recall [01]\.\d{3} at 32 pixels, iou_t 0\.225/,
    )
    expect(epochs.map(({ trainLosses }) => trainLosses.every((loss) => loss > 0))).toEqual([true, true])
    const { definition, names } = detectorOf(run)
    expect({ names, strides: definition.strides, family: definition.family }).toEqual({
      names: ['a', 'b'],
      strides: [16, 8],
      family: 'yolov3',
    })
  })

  it('scales batches between the first two of three image sizes', async () => {
    const run = await options({ multiScale: true, leastImagePx: 32, imagePx: 96, valImagePx: 64, epochs: 6 })
    const { sizes, texts, epochs } = await record({ ...run, save: 'never' })
    expect(new Set(sizes)).toEqual(new Set([32, 64, 96]))
    expect(texts.join('\n')).toMatch(/at 96 pixels/)
    expect(epochs.at(-1)!.results!.valBoxLoss).toBeGreaterThan(0)
  })

  it('gives the same numbers again, and goes on from its .weights', async () => {
    const run = await options()
    const first = await record(run)
    const again = await record({ ...run, saveDir: temporaryFolder() })
    expect(again.epochs.map(({ trainLosses }) => trainLosses)).toEqual(
      first.epochs.map(({ trainLosses }) => trainLosses),
    )

    const file = join(temporaryFolder(), 'small.weights')
    writeFileSync(file, exportDarknet(detectorOf(run)))
    const more = await record({ ...run, weights: file, saveDir: temporaryFolder() })
    expect(more.texts.join('\n')).toMatch(/Transferred (\d+) of \1 tensors/)
    await expect(train({ ...run, weights: file, cfg: '' })).rejects.toThrow(DarknetWeightsError)
    expect(() => loadDetectorFile(file)).toThrow(CheckpointError)
  })

  it('refuses the hyperparameters of another loss', async () => {
    await expect(train(await options({ hyp: loadHyp('scratch-low').hyp }))).rejects.toThrow(HypFamilyError)
    await expect(train(await options({ cfg: 'yolov5n.yaml' }))).rejects.toThrow(/lack box, anchor_t/)
  })
})
