// Every hyperparameter alone: what a training computes with it changes where it should, and nowhere else. The parts of a
// training are looked at one by one, each on the same input: items of the loader, anchors, loss and gradient, schedule,
// update. What is not named in a row of the tables below is equal to the last bit.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Laboratory, type Part, type Parts, type Settings } from '../../test/helpers/training-parts.ts'
import { yolov3Hyp } from './darknet/hyp.ts'
import { parseCfgModel } from './darknet/index.ts'
import type { HypValues } from './family.ts'
import { loadHyp, trainHyp } from './hyp.ts'
import { type ModelDefinition, parseModel } from './model/index.ts'

/** Another value, the parts that change with it, and how many draws of an item do. */
type Row = readonly [value: number, changes: readonly Part[], draws?: number]

const all = ['weights', 'norms', 'biases'] as const
const warmUp = (...groups: readonly (typeof all)[number][]) => groups.map((group): Part => `warm-up: ${group}`)
const later = (...groups: readonly (typeof all)[number][]): Part[] => [
  ...groups.map((group): Part => `later: ${group}`),
  'two updates',
]
const moved: readonly Part[] = ['draws', 'images', 'labels']

/** Compares with what the usual hyperparameters give. */
function laboratory(
  model: (anchors: number | undefined) => ModelDefinition,
  usual: HypValues,
  settings: Settings = {},
) {
  const place = new Laboratory(model, usual)
  let before: Parts
  beforeAll(async () => {
    before = await place.observe(usual, settings)
    expect(await place.observe(usual, settings)).toEqual(before)
  })
  afterAll(() => place.close())

  return async function expectChanges(
    other: HypValues,
    changes: readonly Part[],
    {
      draws,
      more = {},
      rounding = [],
    }: { draws?: number | undefined; more?: Settings; rounding?: readonly Part[] } = {},
  ) {
    const after = await place.observe({ ...usual, ...other }, { ...settings, ...more })
    const differ = (Object.keys(before) as Part[]).filter(
      (part) => JSON.stringify(after[part]) !== JSON.stringify(before[part]) && !rounding.includes(part),
    )
    expect(new Set(differ)).toEqual(new Set(changes))
    if (draws === undefined) return
    const [old, now] = [before, after].map((parts) => parts.draws as string[][])
    for (const [item, lines] of old!.entries()) {
      expect(now![item]).toHaveLength(lines.length)
      expect(lines.filter((line, i) => line !== now![item]![i])).toHaveLength(draws)
    }
  }
}

const yaml = `nc: 3
depth_multiple: 0.33
width_multiple: 0.125
anchors:
  - [10, 13, 16, 30, 33, 23]
  - [30, 61, 62, 45, 59, 119]
backbone:
  - [-1, 1, Conv, [64, 6, 2, 2]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [64, 3, 2]]
head:
  - [[2, 3], 1, Detect, [nc, anchors]]
`
const yolov5 = (anchors: number | undefined) =>
  parseModel(yaml, 'small.yaml', { classes: 3, ...(anchors !== undefined && { anchors }) })

const conv = (filters: number, stride: number) =>
  `[convolutional]\nbatch_normalize=1\nfilters=${filters}\nsize=3\nstride=${stride}\npad=1\nactivation=leaky\n`
const head = '[convolutional]\nfilters=24\nsize=1\nstride=1\npad=1\nactivation=linear\n'
const yolo = (mask: string) =>
  `[yolo]\nmask=${mask}\nanchors=8,8, 12,20, 24,16, 20,32, 36,30, 48,50\nclasses=3\nnum=6\n`
const cfg = [
  '[net]\nchannels=3\n',
  ...[conv(8, 2), conv(8, 2), conv(8, 2), conv(8, 2), head, yolo('3,4,5')],
  ...['[route]\nlayers=2\n', head, yolo('0,1,2')],
].join('\n')
const yolov3 = () => parseCfgModel(cfg, 'small.cfg', { classes: 3 })

describe('YOLOv5', () => {
  const expectChanges = laboratory(yolov5, loadHyp('scratch-low').hyp)

  const table: Record<keyof typeof trainHyp, Row> = {
    lr0: [0.02, ['rate', 'bias rate', ...warmUp(...all), ...later(...all)]],
    lrf: [0.5, ['rate', 'bias rate', ...warmUp(...all), ...later(...all)]],
    momentum: [0.8, ['momentum', ...warmUp(...all), ...later(...all)]],
    weight_decay: [0.5, ['weight decay', ...warmUp('weights'), ...later('weights')]],
    warmup_epochs: [4, ['rate', 'bias rate', 'momentum', 'accumulation', ...warmUp(...all)]],
    warmup_momentum: [0.5, ['momentum', ...warmUp(...all)]],
    warmup_bias_lr: [0.2, ['bias rate', ...warmUp('biases')]],
    box: [0.1, ['box', 'gradient']],
    cls: [0.3, ['cls', 'gradient']],
    cls_pw: [0.7, ['cls', 'gradient']],
    obj: [0.7, ['obj', 'gradient']],
    obj_pw: [0.7, ['obj', 'gradient']],
    iou_t: [0.6, []],
    anchor_t: [1.5, ['anchors', 'box', 'obj', 'cls', 'gradient']],
    anchors: [2, ['anchors', 'box', 'obj', 'cls', 'gradient', ...warmUp(...all), ...later(...all)]],
    fl_gamma: [1.5, ['obj', 'cls', 'gradient']],
    hsv_h: [0.2, ['images']],
    hsv_s: [0.2, ['images']],
    hsv_v: [0.1, ['images']],
    degrees: [20, moved, 1],
    translate: [0.2, moved, 2],
    scale: [0.2, moved, 1],
    shear: [10, moved, 2],
    perspective: [0.001, moved, 2],
    flipud: [1, ['images', 'labels']],
    fliplr: [0, ['images', 'labels']],
    mosaic: [0, moved],
    mixup: [1, moved],
    copy_paste: [1, moved],
  }

  it('has a row for every hyperparameter', () => {
    expect(Object.keys(table)).toEqual(Object.keys(trainHyp))
    expect(Object.keys(table)).toHaveLength(29)
  })

  it.each(Object.entries(table))('%s', async (key, [value, changes, draws]) => {
    await expectChanges({ [key]: value }, changes, { draws })
  })

  it('label smoothing, an option', () => expectChanges({}, ['cls', 'gradient'], { more: { labelSmoothing: 0.1 } }))

  it('accumulation, an option', () =>
    expectChanges({}, ['accumulation', 'weight decay', ...warmUp('weights'), ...later('weights')], {
      more: { accumulate: 7 },
    }))
})

describe.each(['Adam', 'AdamW'] as const)('YOLOv5 with %s', (optimizer) => {
  const expectChanges = laboratory(yolov5, { ...loadHyp('scratch-low').hyp, lr0: 0.001 }, { optimizer })

  it.each<[string, number, readonly Part[]]>([
    ['lr0', 0.002, ['rate', 'bias rate', ...warmUp(...all), ...later(...all)]],
    ['lrf', 0.5, ['rate', 'bias rate', ...warmUp(...all), ...later(...all)]],
    ['weight_decay', 0.5, ['weight decay', ...warmUp('weights'), ...later('weights')]],
    ['warmup_epochs', 4, ['rate', 'bias rate', 'accumulation', ...warmUp(...all)]],
    ['warmup_momentum', 0.5, []],
    ['warmup_bias_lr', 0.2, ['bias rate', ...warmUp('biases')]],
  ])('%s', (key, value, changes) => expectChanges({ [key]: value }, changes))

  // β1. A first update is the same whatever it is, but for rounding; a second one is not.
  it('momentum', () =>
    expectChanges({ momentum: 0.5 }, ['momentum', 'two updates'], {
      rounding: [...warmUp(...all), ...later(...all).slice(0, -1)],
    }))
})

describe('YOLOv3', () => {
  const expectChanges = laboratory(yolov3, loadHyp('yolov3@01dbdc45').hyp)

  const table: Record<keyof typeof yolov3Hyp, Row> = {
    giou: [2, ['box', 'gradient']],
    cls: [20, ['cls', 'gradient']],
    cls_pw: [0.5, ['cls', 'gradient']],
    obj: [30, ['obj', 'gradient']],
    obj_pw: [0.5, ['obj', 'gradient']],
    iou_t: [0.6, ['box', 'obj', 'cls', 'gradient']],
    lr0: [0.002, ['rate', 'bias rate', ...warmUp(...all), ...later(...all)]],
    lrf: [-2, ['rate', 'bias rate', ...later(...all)]],
    momentum: [0.8, ['momentum', ...warmUp(...all), ...later(...all)]],
    weight_decay: [0.5, ['weight decay', ...warmUp('weights'), ...later('weights')]],
    fl_gamma: [1.5, ['obj', 'cls', 'gradient']],
    hsv_h: [0.2, ['images']],
    hsv_s: [0.2, ['images']],
    hsv_v: [0.1, ['images']],
    degrees: [20, moved, 1],
    translate: [0.2, moved, 2],
    scale: [0.4, moved, 1],
    shear: [10, moved, 2],
  }

  it('has a row for every hyperparameter', () => expect(Object.keys(table)).toEqual(Object.keys(yolov3Hyp)))

  it.each(Object.entries(table))('%s', async (key, [value, changes, draws]) => {
    await expectChanges({ [key]: value }, changes, { draws })
  })
})
