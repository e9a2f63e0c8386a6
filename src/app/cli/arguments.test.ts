import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../../base/index.ts'
import { prepareArguments } from './arguments.ts'
import { commands } from './index.ts'
import { trialReference } from './study-flags.ts'
import { train } from './train.ts'
import { addTrainFlags, type TrainFlags } from './train-flags.ts'
import { val } from './val.ts'

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
      linearLr: false,
      multiScale: false,
      imageWeights: false,
      rect: false,
      noautoanchor: false,
      existOk: false,
      nosave: false,
      noval: false,
      noplots: false,
      spin: false,
      yes: false,
      new: false,
      keep: 'none',
      trainer: 'embedded',
      shell: false,
      smoke: true,
      fixDeadGenes: false,
      smallerBatch: false,
    })
  })

  it('take the spellings of the originals', () => {
    expect(parse('--batch', '40', '--img', '320', '--weights', '')).toMatchObject({
      batchSize: 40,
      imgsz: 320,
      weights: '',
    })
    expect(parse('--img-size=416')).toMatchObject({ imgsz: 416 })
    expect(parse('--evolve', '--cache', '--resume')).toMatchObject({ evolve: true, cache: 'ram', resume: true })
    expect(parse('--evolve', '5', '--cache', 'disk', '--resume', 'a/last.safetensors')).toMatchObject({
      evolve: 5,
      cache: 'disk',
      resume: 'a/last.safetensors',
    })
    expect(parse('--freeze', '0', '1', '2', '--seed', '3')).toMatchObject({ freeze: [0, 1, 2], seed: 3 })
    expect(parse('--freeze', '10')).toMatchObject({ freeze: [10] })
    expect(parse('--optimizer', 'adamw', '--save-period', '-1')).toMatchObject({ optimizer: 'AdamW', savePeriod: -1 })
  })

  it('say how to search and what trains', () => {
    const words = '--evolve 50 --sampler yolov3 --method 3 --parent weighted --mutation-probability 0.9 --sigma 0.04'
    expect(parse(...words.split(' '))).toMatchObject({
      evolve: 50,
      sampler: 'yolov3',
      method: 3,
      parent: 'weighted',
      mutationProbability: 0.9,
      sigma: 0.04,
    })
    expect(parse('--fix', 'lr0, momentum', '--fix', 'box', '--set', 'degrees=0..10', '--only', 'a')).toMatchObject({
      fix: ['lr0', 'momentum', 'box'],
      set: ['degrees=0..10'],
      only: ['a'],
    })
    expect(parse('--keep', 'best:3', '--trial-timeout', '1.5h', '--hang-timeout', '90s', '--jobs', '2')).toMatchObject({
      keep: 'best:3',
      trialTimeout: 5400,
      hangTimeout: 90,
      jobs: 2,
    })
    expect(
      parse('--evolve', '3', '--trainer', 'command', '--', 'sh', 'a.sh', '--hyp', '{hyp}', '--', ''),
    ).toMatchObject({
      evolve: 3,
      trainer: 'command',
      // not the --hyp of train
      program: ['sh', 'a.sh', '--hyp', '{hyp}', '--', ''],
    })
  })

  it.each([
    ['--epochs', '0'],
    ['--epochs', 'ten'],
    ['--epochs', '1.5'],
    ['--epochs', 'NaN'],
    ['--epochs', ''],
    ['--batch-size', '0'],
    ['--batch-size', '-2'],
    ['--cos-lr', '--linear-lr'],
    ['--accumulate', '0'],
    ['--imgsz', '8'],
    ['--label-smoothing', '2'],
    ['--label-smoothing', 'Infinity'],
    ['--evolve', 'many'],
    ['--cache', 'gpu'],
    ['--optimizer', 'LBFGS'],
    ['--workers', '-1'],
    ['--freeze', 'all'],
    ['--nosuchflag'],
    ['--jobs', '0'],
    ['--keep', 'some'],
    ['--keep', 'best:0'],
    ['--method', '4'],
    ['--mutation-probability', '1.1'],
    ['--parent', 'both'],
    ['--trainer', 'other'],
    ['--hang-timeout', 'soon'],
    ['--hang-timeout', '0'],
    ['--fix', 'lr0,,momentum'],
  ])('refuse %s %s', (...words) => {
    expect(() => parse(...words)).toThrow()
  })

  it('are none of the flags said to be missing', () => {
    for (const { configure, unsupported = {}, aliases = {}, renamed = {} } of commands) {
      const command = new Command()
      configure(command)
      const have = command.options.map(({ long }) => long)
      expect(
        Object.keys(unsupported).filter((flag) => have.includes(flag) || flag in aliases || flag in renamed),
      ).toEqual([])
      expect(
        Object.values(aliases).filter((flag) => have.includes(flag) === false && command.name() === 'train'),
      ).toEqual([])
    }
  })
})

describe('arguments', () => {
  it('after -- are a program for a command that takes one, and left alone elsewhere', () => {
    expect(prepareArguments(['--batch', '2', '--', '--quad'], train)).toEqual(['--batch-size', '2', '--program=--quad'])
    expect(prepareArguments(['--batch', '2', '--', '--batch'], val)).toEqual(['--batch-size', '2', '--', '--batch'])
  })
})

describe('a trial', () => {
  it.each<[string[], ReturnType<typeof trialReference>]>([
    [['17'], { trial: 17 }],
    [['exp2', '17'], { study: 'exp2', trial: 17 }],
    [['17', 'exp2'], { study: 'exp2', trial: 17 }],
    [['3', '17'], { study: '3', trial: 17 }],
  ])('is named by %j', (words, reference) => expect(trialReference(words)).toEqual(reference))

  it.each([[[]], [['exp2']], [['exp2', 'best']], [['-1']], [['1.5']]])('is not named by %j', (words) => {
    expect(() => trialReference(words)).toThrow(UsageError)
  })
})
