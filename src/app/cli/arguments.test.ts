import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../../base/index.ts'
import { prepareArguments } from './arguments.ts'
import { commands } from './index.ts'
import { train } from './train.ts'
import { addTrainFlags, type TrainFlags, trainUnsupported } from './train-flags.ts'

function parse(...words: string[]): TrainFlags {
  const command = new Command('train').exitOverride().configureOutput({ writeErr: () => {} })
  addTrainFlags(command)
  command.parse(prepareArguments(words, train), { from: 'user' })
  return command.opts() as TrainFlags
}

describe('flags of train', () => {
  it('have the defaults of v7.0', () => {
    expect(parse()).toEqual({
      cfg: '',
      hyp: 'scratch-low',
      epochs: 100,
      batchSize: 16,
      imgsz: 640,
      resume: false,
      optimizer: 'SGD',
      labelSmoothing: 0,
      seed: 0,
      name: 'exp',
      savePeriod: -1,
      device: '',
      cache: 'none',
      workers: 8,
      threads: 0,
      layout: 'auto',
      patience: 100,
      singleCls: false,
      cosLr: false,
      rect: false,
      noautoanchor: false,
      existOk: false,
      nosave: false,
      noval: false,
      noplots: false,
      spin: false,
      yes: false,
    })
  })

  it('take the spellings of the originals', () => {
    expect(parse('--batch', '40', '--img', '320', '--weights', '')).toMatchObject({
      batchSize: 40,
      imgsz: 320,
      weights: '',
    })
    expect(parse('--img-size=416')).toMatchObject({ imgsz: 416 })
    expect(parse('--evolve', '--cache', '--resume')).toMatchObject({ evolve: 300, cache: 'ram', resume: true })
    expect(parse('--evolve', '5', '--cache', 'disk', '--resume', 'a/last.safetensors')).toMatchObject({
      evolve: 5,
      cache: 'disk',
      resume: 'a/last.safetensors',
    })
    expect(parse('--freeze', '0', '1', '2', '--seed', '3')).toMatchObject({ freeze: [0, 1, 2], seed: 3 })
    expect(parse('--freeze', '10')).toMatchObject({ freeze: [10] })
    expect(parse('--optimizer', 'adamw', '--save-period', '-1')).toMatchObject({ optimizer: 'AdamW', savePeriod: -1 })
  })

  it.each([
    ['--epochs', '0'],
    ['--epochs', 'ten'],
    ['--epochs', '1.5'],
    ['--epochs', 'NaN'],
    ['--epochs', ''],
    ['--batch-size', '0'],
    ['--batch-size', '-1'],
    ['--imgsz', '8'],
    ['--label-smoothing', '2'],
    ['--label-smoothing', 'Infinity'],
    ['--evolve', 'many'],
    ['--cache', 'gpu'],
    ['--optimizer', 'LBFGS'],
    ['--workers', '-1'],
    ['--freeze', 'all'],
    ['--nosuchflag'],
  ])('refuse %s %s', (...words) => {
    expect(() => parse(...words)).toThrow()
  })

  it.each(Object.keys(trainUnsupported))('answer %s with the reason why it is missing', (flag) => {
    expect(() => prepareArguments([flag, 'x'], train)).toThrow(UsageError)
    expect(() => prepareArguments([`${flag}=x`], train)).toThrow(`${flag} is not supported because `)
  })

  it('answer every other flag of v7.0 train.py', () => {
    // All flags of yolov5 v7.0's train.py, but for those that Hypevolve has.
    const others = '--bucket --image-weights --multi-scale --sync-bn --quad --local_rank --entity --upload_dataset'
    for (const flag of [...others.split(' '), '--bbox_interval', '--artifact_alias'])
      expect(trainUnsupported).toHaveProperty(flag)
  })

  it('are none of the flags said to be missing', () => {
    for (const { configure, unsupported = {}, aliases = {} } of commands) {
      const command = new Command()
      configure(command)
      const have = command.options.map(({ long }) => long)
      expect(Object.keys(unsupported).filter((flag) => have.includes(flag) || flag in aliases)).toEqual([])
      expect(
        Object.values(aliases).filter((flag) => have.includes(flag) === false && command.name() === 'train'),
      ).toEqual([])
    }
  })
})

describe('arguments', () => {
  it('are left alone after --', () => {
    expect(prepareArguments(['--batch', '2', '--', '--quad'], train)).toEqual(['--batch-size', '2', '--', '--quad'])
  })
})
