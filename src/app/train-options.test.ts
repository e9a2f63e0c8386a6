import { describe, expect, it } from 'vitest'
import { UsageError } from '../base/index.ts'
import type { TrainFlags } from './cli/train-flags.ts'
import { Terminal } from './console/terminal.ts'
import { chooseDevice, hasCuda } from './device.ts'
import { estimateBytes, estimateSeconds } from './estimate.ts'
import { runFolder, toTrainOptions, workerCount } from './train-options.ts'

const flags: TrainFlags = {
  data: 'data.yaml',
  cfg: 'yolov5n.yaml',
  hyp: 'scratch-low',
  epochs: 3,
  batchSize: 16,
  imgsz: 160,
  rect: false,
  resume: false,
  nosave: false,
  noval: false,
  noautoanchor: false,
  noplots: false,
  cache: 'none',
  device: '',
  singleCls: false,
  optimizer: 'SGD',
  workers: 8,
  name: 'exp',
  existOk: false,
  cosLr: false,
  linearLr: false,
  multiScale: false,
  imageWeights: false,
  labelSmoothing: 0,
  patience: 100,
  savePeriod: -1,
  seed: 0,
  threads: 0,
  layout: 'auto',
  spin: false,
  yes: false,
  new: false,
  keep: 'none',
  trainer: 'embedded',
  shell: false,
  smoke: true,
  fixDeadGenes: false,
  smallerBatch: false,
}
const hyp = { hyp: { lr0: 0.01 } as never, cosLr: false }

describe('options of a training', () => {
  it('turn the flags that switch off into what is on', () => {
    expect(toTrainOptions(flags, hyp)).toMatchObject({
      save: 'every',
      validate: 'every',
      plots: true,
      autoAnchor: true,
    })
    const off = { ...flags, nosave: true, noval: true, noplots: true, noautoanchor: true }
    expect(toTrainOptions(off, hyp)).toMatchObject({ save: 'last', validate: 'last', plots: false, autoAnchor: false })
  })

  it('take the cosine schedule of a preset that had it', () => {
    expect(toTrainOptions(flags, { ...hyp, cosLr: true }).cosLr).toBe(true)
    expect(toTrainOptions({ ...flags, linearLr: true }, { ...hyp, cosLr: true }).cosLr).toBe(false)
  })

  it('need a data set, and a model or weights', () => {
    const { data: _, ...noData } = flags
    expect(() => toTrainOptions(noData, hyp)).toThrow(UsageError)
    const { weights: _w, ...noWeights } = flags
    expect(toTrainOptions({ ...noWeights, cfg: '' }, hyp).weights).toBe('yolov5s.pt')
    expect(toTrainOptions(noWeights, hyp).weights).toBe('')
    expect(() => toTrainOptions({ ...flags, cfg: '', weights: '' }, hyp)).toThrow(UsageError)
    expect(toTrainOptions({ ...flags, cfg: '', weights: 'a.safetensors' }, hyp).weights).toBe('a.safetensors')
  })

  it('use at most one worker per core and per image of a batch', () => {
    expect([workerCount(8, 16, 4), workerCount(8, 2, 4), workerCount(0, 16, 4), workerCount(8, 1, 4)]).toEqual([
      4, 2, 0, 0,
    ])
  })
})

describe('the folder of a run', () => {
  const evolve = { project: 'runs/evolve', name: 'exp' }

  it('is that of v7.0', () => {
    expect(runFolder(flags)).toBe('runs/train/exp')
    expect(runFolder(flags, evolve)).toBe('runs/evolve/exp')
    expect(runFolder({ ...flags, project: 'runs/train' }, evolve)).toBe('runs/evolve/exp')
    expect(runFolder({ ...flags, project: 'mine', name: 'a' }, evolve)).toBe('mine/a')
    expect(runFolder({ ...flags, name: 'cfg', cfg: 'models/yolov5s.yaml' })).toBe('runs/train/yolov5s')
  })

  it('is that of an older release where one is replayed', () => {
    const v5 = { project: 'runs/train', name: 'evolve' }
    expect(runFolder(flags, v5)).toBe('runs/train/evolve')
    expect(runFolder({ ...flags, name: 'mine' }, v5)).toBe('runs/train/mine')
  })
})

describe('--device of a training', () => {
  const choose = async (device: string) => {
    let text = ''
    const chosen = await chooseDevice(device, new Terminal({ write: (part: string) => (text += part) }))
    return { chosen, text }
  }

  it.each([
    ['', 'cpu'],
    ['CPU', 'cpu'],
    ['webgpu', 'webgpu'],
    ['cuda', 'cuda:0'],
    ['cuda:1', 'cuda:1'],
  ])('takes "%s" silently', async (device, chosen) => {
    expect(await choose(device)).toEqual({ chosen, text: '' })
  })

  it('falls back from the Apple GPU with one loud line', async () => {
    const { chosen, text } = await choose('mps')
    expect(chosen).toBe('cpu')
    expect(text).toMatch(/^WARNING --device mps: .* CPU .*\n$/)
  })

  it.each(['0', '0,1,2,3'])('takes GPU %s by number where the runtime has CUDA, else the CPU', async (device) => {
    const { chosen, text } = await choose(device)
    if (await hasCuda()) expect(chosen).toBe('cuda:0')
    else {
      expect(chosen).toBe('cpu')
      expect(text).toMatch(/^WARNING --device .* CUDA .* CPU .*\n$/)
    }
  })

  it.each(['fast', 'cuda:x', '0;1'])('refuses %s, which is no device', async (device) => {
    await expect(choose(device)).rejects.toThrow(UsageError)
  })
})

describe('estimates', () => {
  // YOLOv5n of three classes.
  const yolov5n = { gflops: 4.1, parameters: 1_767_976, width: 0.25 }

  it('are within a factor of two of what was measured with YOLOv5n', () => {
    const seconds = estimateSeconds({
      gflops: yolov5n.gflops,
      imagePx: 160,
      trainImages: 205,
      valImages: 87,
      epochs: 40,
      validate: 'every',
      cores: 2,
    })
    expect(seconds).toBeGreaterThan(60) // 40 epochs of 2.4 s training and 1 s validation
    expect(seconds).toBeLessThan(280)
    const memory = estimateBytes({ ...yolov5n, imagePx: 320, batchSize: 16 })
    expect(memory).toBeGreaterThan(0.8e9)
    expect(memory).toBeLessThan(2.2e9)
  })

  it('grow with everything that costs', () => {
    const work = {
      gflops: 4,
      imagePx: 320,
      trainImages: 100,
      valImages: 10,
      epochs: 3,
      validate: 'last',
      cores: 2,
    } as const
    const base = estimateSeconds(work)
    for (const more of [
      { gflops: 8 },
      { imagePx: 640 },
      { trainImages: 200 },
      { epochs: 6 },
      { validate: 'every' as const },
      { cores: 1 },
    ])
      expect(estimateSeconds({ ...work, ...more })).toBeGreaterThan(base)
  })
})
