import { describe, expect, it } from 'vitest'
import { settingFlags, settingOptions, settingProblem, splitSettings, trainingSettings } from './settings.ts'

const hyp = { lr0: 0.01, optimizer: 'AdamW', batch: 8, imgsz: 128, cfg: 'yolov5n.yaml', momentum: 0.9 }

describe('settings in a hyp', () => {
  it('are told apart from hyperparameters', () => {
    const { hyp: own, settings } = splitSettings(hyp)
    expect(own).toEqual({ lr0: 0.01, momentum: 0.9 })
    expect(settings).toEqual({ optimizer: 'AdamW', batch: 8, imgsz: 128, cfg: 'yolov5n.yaml' })
  })

  it('leave a hyp without any as it is', () => {
    const plain = { lr0: 0.01 }
    expect(splitSettings(plain).hyp).toBe(plain)
  })

  it('become options of our trainer, and flags of YOLOv5', () => {
    const { settings } = splitSettings(hyp)
    expect(settingOptions(settings)).toEqual({ optimizer: 'AdamW', batchSize: 8, imagePx: 128, cfg: 'yolov5n.yaml' })
    expect(settingFlags(settings)).toEqual({ optimizer: 'AdamW', 'batch-size': 8, imgsz: 128, cfg: 'yolov5n.yaml' })
  })

  it.each([
    ['optimizer', 'RMSprop'],
    ['optimizer', 3],
    ['batch', 0],
    ['imgsz', 127.5],
    ['cfg', ''],
    ['label_smoothing', 1],
    ['cos_lr', 1],
  ])('%s cannot be %j', (key, value) => {
    expect(settingProblem(key, value)).toMatch(new RegExp(`^${key} cannot be .*; it is `))
  })

  it('can be what they are on the command line', () => {
    const values = { optimizer: 'Adam', batch: 16, batch_size: 4, imgsz: 640, cfg: 'a.yaml', weights: '' } as const
    for (const [key, value] of Object.entries(values)) expect(settingProblem(key, value)).toBeUndefined()
    expect(Object.keys(trainingSettings)).toEqual(expect.arrayContaining(Object.keys(values)))
  })
})
