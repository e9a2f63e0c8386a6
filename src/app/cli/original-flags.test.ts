// Every flag that a train.py of YOLOv5 (v1.0 to v7.0, later commits, the PyPI package) or YOLOv3 (2018 to v9.6) has had
// is understood, or answered with the reason why not.
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../../base/index.ts'
import { prepareArguments, renamedFlags } from './arguments.ts'
import { train } from './train.ts'
import { addTrainFlags, type TrainFlags, trainRenamed, trainUnsupported } from './train-flags.ts'

function parse(words: readonly string[]): TrainFlags {
  const command = new Command('train').exitOverride().configureOutput({ writeErr: () => {} })
  addTrainFlags(command)
  command.parse(prepareArguments(words, train), { from: 'user' })
  return command.opts() as TrainFlags
}

/** What the originals' command lines say, and what it means here. */
const understood: Readonly<Record<string, readonly [words: string, meaning: Partial<TrainFlags>]>> = {
  '--accumulate': ['4', { accumulate: 4 }],
  '--accumulated-batches': ['4', { accumulate: 4 }],
  '--adam': ['', { optimizer: 'Adam' }],
  '--batch': ['40', { batchSize: 40 }],
  '--batch-size': ['-1', { batchSize: -1 }],
  '--cache': ['', { cache: 'ram' }],
  '--cache-images': ['', { cache: 'ram' }],
  '--cfg': ['a.cfg', { cfg: 'a.cfg' }],
  '--cos-lr': ['', { cosLr: true }],
  '--data': ['a.data', { data: 'a.data' }],
  '--data-cfg': ['a.data', { data: 'a.data' }],
  '--data-config': ['a.data', { data: 'a.data' }],
  '--data-config-path': ['a.data', { data: 'a.data' }],
  '--device': ['0,1', { device: '0,1' }],
  '--epochs': ['273', { epochs: 273 }],
  '--evolve': ['', { evolve: true }],
  '--exist-ok': ['', { existOk: true }],
  '--freeze': ['0 1 2', { freeze: [0, 1, 2] }],
  '--giou': ['', {}],
  '--hyp': ['a.yaml', { hyp: 'a.yaml' }],
  '--image-weights': ['', { imageWeights: true }],
  '--img': ['320', { imgsz: 320 }],
  '--img-size': ['320 640 512', { leastImgsz: 320, imgsz: 640, valImgsz: 512 }],
  '--img-weights': ['', { imageWeights: true }],
  '--imgsz': ['320', { imgsz: 320 }],
  '--label-smoothing': ['0.1', { labelSmoothing: 0.1 }],
  '--linear-lr': ['', { linearLr: true }],
  '--logdir': ['runs', { project: 'runs' }],
  '--multi': ['', { multiScale: true }],
  '--multi-scale': ['', { multiScale: true }],
  '--name': ['a', { name: 'a' }],
  '--no-save': ['', { nosave: true }],
  '--noautoanchor': ['', { noautoanchor: true }],
  '--nomultiscale': ['', { multiScale: false }],
  '--noplots': ['', { noplots: true }],
  '--nosave': ['', { nosave: true }],
  '--notest': ['', { noval: true }],
  '--noval': ['', { noval: true }],
  '--num-workers': ['4', { workers: 4 }],
  '--num_workers': ['4', { workers: 4 }],
  '--optimizer': ['AdamW', { optimizer: 'AdamW' }],
  '--patience': ['30', { patience: 30 }],
  '--project': ['a', { project: 'a' }],
  '--rect': ['', { rect: true }],
  '--resume': ['', { resume: true }],
  '--resume-from-run': ['a', { resume: 'a' }],
  '--save-period': ['5', { savePeriod: 5 }],
  '--save_period': ['5', { savePeriod: 5 }],
  '--seed': ['3', { seed: 3 }],
  '--single-cls': ['', { singleCls: true }],
  '--single-scale': ['', { multiScale: false }],
  '--weights': ['a.pt', { weights: 'a.pt' }],
  '--workers': ['4', { workers: 4 }],
}

/** The others. */
const unsupported = `
  --arc --artifact_alias --backend --bbox_interval --bucket --cloud --cloud-evolve --cloud_evolve --dist-backend --dist-url
  --entity --evolve_population --freeze-darknet53 --freeze-layers --global_rank --hf_dataset_id --hf_model_id --hf_private
  --hf_token --local-rank --local_rank --log-artifacts --log-imgs --ndjson-console --ndjson-file --neptune_project
  --neptune_resume_id --neptune_token --nopretrain --prebias --quad --rank --report --resume_evolve --resume_from_run
  --roboflow_token --roboflow_upload --s3_upload_dir --sync-bn --transfer --upload_dataset --var --weights-path
  --world-size --xywh`
  .trim()
  .split(/\s+/)

describe('flags of the originals', () => {
  it('--img-size takes two numbers as the family of the model does', () => {
    const two = ['--img-size', '320', '416']
    expect(parse(two)).toMatchObject({ imgsz: 320, valImgsz: 416 })
    expect(parse(two)).not.toHaveProperty('leastImgsz')
    const darknet = { leastImgsz: 320, imgsz: 416, valImgsz: 416 }
    expect(parse([...two, '--cfg', 'cfg/yolov3.cfg'])).toMatchObject(darknet)
    expect(parse(['--cfg=yolov3.cfg', ...two])).toMatchObject(darknet)
  })

  it.each(Object.entries(understood))('%s is understood', (flag, [words, meaning]) => {
    expect(parse([flag, ...words.split(' ').filter(Boolean)])).toMatchObject(meaning)
  })

  it.each(unsupported)('%s is answered with the reason', (flag) => {
    for (const words of [[flag], [flag, 'x'], [`${flag}=x`]]) expect(() => parse(words)).toThrow(UsageError)
    expect(() => parse([flag])).toThrow(new RegExp(`^${flag} is not supported because .{20,}\\.$`))
  })

  it('are all that is replaced or refused', () => {
    expect(Object.keys(trainUnsupported).sort()).toEqual(unsupported)
    expect(Object.keys(trainRenamed).filter((flag) => !Object.hasOwn(understood, flag))).toEqual([])
  })

  it('of older releases say what they became', () => {
    expect(renamedFlags(['--adam', '--notest', '--epochs', '3', '--giou', '--', '--multi'], train)).toEqual([
      '--adam is read as --optimizer Adam.',
      '--notest is read as --noval.',
      '--giou: so it is anyway.',
    ])
  })
})
