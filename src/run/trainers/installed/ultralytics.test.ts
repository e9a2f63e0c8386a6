import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolder, writeDataset, writeText } from '../../../../test/helpers/data-set.ts'
import { describeWith } from '../../../../test/helpers/peers.ts'
import { TrainerNotFoundError, UsageError } from '../../../base/index.ts'
import { TrialLog, trainProcess } from '../../process/index.ts'
import type { EpochReport, TrainJob } from '../../trainer.ts'
import { installedTrainer } from './trainer.ts'
import type { Installation, InstalledTraining } from './types.ts'
import { ultralytics } from './ultralytics.ts'
import { metricName } from './ultralytics-results.ts'
import { passedSetting } from './ultralytics-settings.ts'

afterEach(() => vi.unstubAllEnvs())

/** Facts of a release: what its default.yaml and the table of its tuner look like. */
const defaultYaml = `
task: detect # (str) YOLO task
mode: train # (str) YOLO mode
model: # (str, optional) path to model file
data: # (str, optional) path to data file
epochs: 100 # (int) number of epochs
patience: 100
batch: 16
imgsz: 640
save: True
save_period: -1
cache: False
device:
workers: 8
project:
name:
exist_ok: False
pretrained: True
optimizer: auto
seed: 0
single_cls: False
rect: False
cos_lr: False
close_mosaic: 10
resume: False
freeze: None
multi_scale: False
dropout: 0.0
val: True
plots: True
lr0: 0.01
lrf: 0.01
momentum: 0.937
weight_decay: 0.0005
warmup_epochs: 3.0
warmup_momentum: 0.8
warmup_bias_lr: 0.1
box: 7.5
cls: 0.5
dfl: 1.5
nbs: 64
hsv_h: 0.015
degrees: 0.0
mosaic: 1.0
mixup: 0.0
cutmix: 0.0
copy_paste: 0.0
cfg:
tracker: botsort.yaml
`
const tuner = `
class Tuner:
    def __init__(self, args):
        self.space = args.pop("space", None) or {  # key: (min, max, gain(optional))
            # 'optimizer': tune.choice(['SGD', 'Adam']),
            "lr0": (1e-5, 1e-1),  # initial learning rate (i.e. SGD=1E-2, Adam=1E-3)
            "lrf": (0.0001, 0.1),  # final learning rate
            "momentum": (0.7, 0.98, 0.3),  # SGD momentum/Adam beta1
            "weight_decay": (0.0, 0.001),
            "warmup_epochs": (0.0, 5.0),
            "warmup_momentum": (0.0, 0.95),
            "box": (1.0, 20.0),
            "cls": (0.1, 4.0),
            "dfl": (0.4, 6.0),
            "hsv_h": (0.0, 0.1),
            "bgr": (0.0, 1.0),
            "mosaic": (0.0, 1.0),
            "copy_paste": (0.0, 1.0),
            "close_mosaic": (0.0, 10.0),
        }
`

/** With its full path: to Ultralytics a relative one belongs to the folder of the training, not to that of the yaml. */
async function dataset(root: string, train: number, val: number): Promise<string> {
  const data = await writeDataset(root, train, val)
  return writeText(data, readFileSync(data, 'utf8').replace('path: .', `path: ${root}`))
}

/** A clone that has only the files which are looked at, with an environment whose interpreter answers as asked. */
function clone(version: string, files: Readonly<Record<string, string>> = {}): string {
  const repo = temporaryFolder()
  const all = {
    '__init__.py': `__version__ = "${version}"\n`,
    'cfg/default.yaml': defaultYaml,
    'engine/tuner.py': tuner,
    ...files,
  }
  for (const [name, text] of Object.entries(all)) writeText(join(repo, 'ultralytics', name), text)
  fakePython(join(repo, '.venv/bin/python3'), { torch: { version: '2.5.0', folder: '/site/torch' } })
  return repo
}

function fakePython(path: string, packages: object): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\necho '${JSON.stringify({ version: '3.11.2', packages })}'\n`)
  chmodSync(path, 0o755)
  return path
}

const found = (version = '8.3.200', files?: Readonly<Record<string, string>>) =>
  ultralytics.locate({ repo: clone(version, files) })

const training = (flags: InstalledTraining['flags'] = {}, passThrough: readonly string[] = []): InstalledTraining => ({
  flags: { data: 'coco8.yaml', model: 'yolo11n.pt', epochs: 30, ...flags },
  passThrough,
})

const cpu = { slot: 0, device: 'cpu', threads: 1 }
const job = (hyp = {}, directory = temporaryFolder()) => ({ trial: 0, attempt: 1, seed: 7, hyp, directory })

async function words(flags: InstalledTraining['flags'], passThrough: readonly string[] = [], device = '0') {
  const installation = await found()
  const planned = await ultralytics.plan(installation, training(flags, passThrough), job(), { ...cpu, device })
  return planned.words.slice(installation.start.length)
}

describe.skipIf(process.platform === 'win32')('where Ultralytics is', () => {
  it('is a clone, with the settings and ranges of its release', async () => {
    const repo = clone('8.3.200')
    const installation = await ultralytics.locate({ repo })
    expect(installation).toMatchObject({
      trainer: 'ultralytics',
      repo,
      release: 'ultralytics 8.3.200',
      like: 'yolov5-v7.0',
    })
    expect(installation.start[2]).toContain(JSON.stringify(repo))
    expect(installation.hypKeys).toEqual(expect.arrayContaining(['lr0', 'close_mosaic', 'optimizer', 'nbs']))
    for (const key of ['data', 'epochs', 'cfg', 'workers', 'tracker']) expect(installation.hypKeys).not.toContain(key)
  })

  it('is the package of an interpreter, one folder deeper in releases of early 2023', async () => {
    const folder = join(temporaryFolder(), 'ultralytics')
    writeText(join(folder, '__init__.py'), "__version__ = '8.0.100'\n")
    writeText(join(folder, 'yolo/cfg/default.yaml'), defaultYaml)
    const packages = { ultralytics: { version: '8.0.100', folder }, torch: { version: '2.0', folder: '/site/torch' } }
    const python = fakePython(join(folder, '../bin/python'), packages)
    const installation = await ultralytics.locate({ python })
    expect(installation.release).toBe('ultralytics 8.0.100')
    expect(installation.start.join(' ')).toContain('from ultralytics.yolo.cfg import entrypoint')
    const script = writeText(join(folder, '../bin/yolo'), `#!${python}\nfrom ultralytics.yolo.cfg import entrypoint\n`)
    expect((await ultralytics.locate({ python })).start).toEqual([python, script])
  })

  it('is what the program yolo of a shell belongs to', async () => {
    const folder = join(temporaryFolder(), 'site/ultralytics')
    writeText(join(folder, '__init__.py'), '__version__ = "8.3.200"\n')
    writeText(join(folder, 'cfg/default.yaml'), defaultYaml)
    const packages = { ultralytics: { version: '8.3.200', folder }, torch: { version: '2.0', folder: '/site/torch' } }
    const python = fakePython(join(folder, '../bin/python3.11'), packages)
    const other = fakePython(join(temporaryFolder(), 'bin/python3'), {})
    const yolo = writeText(join(dirname(other), 'yolo'), `#!${python}\nfrom ultralytics.cfg import entrypoint\n`)
    chmodSync(yolo, 0o755)
    vi.stubEnv('PATH', dirname(other))
    for (const variable of ['VIRTUAL_ENV', 'CONDA_PREFIX']) vi.stubEnv(variable, '')
    expect((await ultralytics.locate({})).python).toBe(python)
    writeText(yolo, '#!/bin/bash\n# a shim: ultralytics\n')
    await expect(ultralytics.locate({})).rejects.toThrow(`${other} has no package "ultralytics"`)
  })

  it.each([
    ['no clone', { repo: '/nowhere' }, 'no clone of github.com/ultralytics/ultralytics'],
    ['another module', { module: 'yolov5.train' }, 'Leave --module out'],
    ['no interpreter', { python: '/nowhere/python' }, '--python /nowhere/python'],
  ])('says what to give: %s', async (_, request, text) => {
    const problem = ultralytics.locate(request)
    await expect(problem).rejects.toThrow(TrainerNotFoundError)
    await expect(problem).rejects.toThrow(text)
  })

  it('is told if package or PyTorch are missing, or the release is none that is known', async () => {
    const folder = temporaryFolder()
    const torch = { version: '2.0', folder: '/site/torch' }
    const none = fakePython(join(folder, 'none/python'), { torch })
    await expect(ultralytics.locate({ python: none })).rejects.toThrow('-m pip install ultralytics')
    const bare = fakePython(join(folder, 'bare/python'), {
      ultralytics: { version: '8.3.0', folder: '/site/ultralytics' },
    })
    await expect(ultralytics.locate({ python: bare })).rejects.toThrow('has no PyTorch')
    await expect(found('9.0.0')).rejects.toThrow('Ultralytics 9.0.0')
    await expect(found('8.0.1', { 'cfg/default.yaml': '- no\n- settings\n' })).rejects.toThrow(
      'no cfg/default.yaml that can be read',
    )
  })
})

describe.skipIf(process.platform === 'win32')('its search', () => {
  it('starts from default.yaml, with the ranges of its own tuner', async () => {
    const installation = await found()
    const { hyp, source } = await ultralytics.defaultHyp(installation, training())
    expect(source).toBe('default.yaml of ultralytics 8.3.200')
    expect(hyp).toMatchObject({ lr0: 0.01, box: 7.5, warmup_bias_lr: 0.1, close_mosaic: 10 })
    expect(Object.keys(hyp)).not.toContain('bgr') // the tuner has it, this release has not
    const space = ultralytics.space!(installation, hyp)
    expect(space.get('momentum')).toEqual({ kind: 'range', gain: 0.3, lower: 0.7, upper: 0.98, start: 0.937 })
    expect(space.get('close_mosaic')).toEqual({ kind: 'integer', lower: 0, upper: 10, start: 10 })
    expect(space.frozen({ multiplies: false }).map(({ key }) => key)).toEqual(['warmup_bias_lr'])
  })

  it('takes the ranges of the first tuner where there is none', async () => {
    const installation = await found('8.0.150', { 'engine/tuner.py': '' })
    const { hyp } = await ultralytics.defaultHyp(installation, training())
    expect(ultralytics.space!(installation, hyp).get('box')).toMatchObject({ lower: 1, upper: 20, start: 7.5 })
  })

  it('leaves out what is given for all trials, and says what a hyp lacks', async () => {
    const installation = await found()
    const { hyp } = await ultralytics.defaultHyp(installation, training({ 'close-mosaic': 0 }, ['lr0=0.02']))
    expect(hyp).not.toHaveProperty('close_mosaic')
    expect(hyp).not.toHaveProperty('lr0')
    // whether there is mosaic at all is no question of its last epochs
    expect((await ultralytics.defaultHyp(installation, training({ epochs: 10 }))).hyp).not.toHaveProperty(
      'close_mosaic',
    )
    expect(ultralytics.space!(installation, { lr0: 0.01, obj: 1, optimizer: 'SGD' }).notes[0]).toContain(
      'lrf, momentum',
    )
  })
})

describe.skipIf(process.platform === 'win32')('its command', () => {
  it('has the flags of YOLOv5 as settings, then what belongs to the trial, then the words of the user', async () => {
    const flags = {
      'batch-size': 8,
      imgsz: [320],
      'cos-lr': true,
      freeze: [3],
      cache: 'ram',
      nosave: true,
      'linear-lr': false,
    }
    const said = await words(flags, ['rect', 'dropout=0.1'], '0+1')
    const project = said.findIndex((word) => word.startsWith('project='))
    expect(said.toSpliced(project, 1)).toEqual([
      ...['train', 'model=yolo11n.pt', 'data=coco8.yaml', 'epochs=30'],
      ...['batch=8', 'imgsz=320', 'cos_lr=True', 'freeze=3', 'cache=ram', 'save=False'],
      ...['seed=7', 'device=0,1', 'name=out', 'exist_ok=True', 'plots=False', 'rect', 'dropout=0.1'],
    ])
  })

  it.each([
    [{ weights: 'yolov8n.pt', model: '' }, ['model=yolov8n.pt']],
    [{ cfg: 'yolov8n.yaml', weights: 'yolov8n.pt', model: '' }, ['model=yolov8n.yaml', 'pretrained=yolov8n.pt']],
    [{ freeze: [0, 1, 2] }, ['freeze=[0,1,2]']],
    [{ 'linear-lr': true }, ['cos_lr=False']],
    [{ noplots: false }, ['plots=True']],
    [{ 'close-mosaic': 0 }, ['close_mosaic=0']],
  ])('says %j as %j', async (flags, expected) => {
    expect(await words(flags as InstalledTraining['flags'])).toEqual(expect.arrayContaining(expected))
  })

  it('leaves the device to Ultralytics if none is given, and refuses what it does not know', async () => {
    expect((await words({}, [], '')).join(' ')).not.toContain('device')
    await expect(words({}, [], 'webgpu')).rejects.toThrow(UsageError)
  })

  it('writes values as Python has them; whole numbers where they must be, nothing that the release does not read', async () => {
    const installation = await found()
    const hyp = {
      lr0: 0.00001,
      close_mosaic: 4.6,
      rect: true,
      optimizer: 'SGD',
      obj: 1,
      batch: 0.6,
      nbs: 63.5,
      workers: 3,
    }
    const trial = job(hyp)
    const { words: said } = await ultralytics.plan(installation, training(), trial, cpu)
    const at = said.indexOf('lr0=0.00001')
    expect(said.slice(at, at + 6)).toEqual([
      'lr0=0.00001',
      'close_mosaic=5',
      'rect=True',
      'optimizer=SGD',
      'batch=0.6',
      'nbs=64',
    ])
    expect(said.join(' ')).not.toMatch(/obj=|workers=/)
    expect(readFileSync(join(trial.directory, 'hyp.yaml'), 'utf8')).toContain('close_mosaic: 4.6')
  })

  it('keeps hosted loggers still, unless the user set their variables', async () => {
    const installation = await found()
    const { env } = await ultralytics.plan(installation, training(), job(), cpu)
    expect(env).toMatchObject({ WANDB_MODE: 'disabled', COMET_MODE: 'disabled', YOLO_AUTOINSTALL: 'false' })
    expect(env['PYTHONPATH']).toContain(installation.repo)
    vi.stubEnv('WANDB_MODE', 'online')
    expect((await ultralytics.plan(installation, training(), job(), cpu)).env['WANDB_MODE']).toBe('online')
  })

  it.each([
    [{ noautoanchor: true }, [], 'no anchors'],
    [{ 'val-imgsz': 640 }, [], '-- close_mosaic=0'],
    [{ 'label-smoothing': 0.1 }, [], 'never read'],
    [{ data: '' }, [], '--data coco8.yaml'],
    [{ model: '' }, [], '--model yolo11n.pt'],
    [{}, ['epochs=3'], 'Give --epochs'],
    [{}, ['cfg=my.yaml'], 'one by one'],
    [{}, ['project=runs'], 'folder of its own'],
    [{}, ['tune'], 'every trial is a training'],
    [{}, ['mode=val'], 'Every trial is a training'],
    [{}, ['fancy=1'], 'has no setting fancy'],
    [{}, ['--rect', 'what is this'], 'no setting of Ultralytics'],
  ])('refuses %j %j', async (flags, passThrough, text) => {
    const installation = await found()
    const check = () => ultralytics.check(installation, training(flags as InstalledTraining['flags'], passThrough))
    expect(check).toThrow(UsageError)
    expect(check).toThrow(text)
  })

  it('takes what people usually give', async () => {
    const installation = await found()
    ultralytics.check(
      installation,
      training({ imgsz: 640, optimizer: 'SGD', rect: true }, ['detect', 'lr0=0.02', 'cos_lr']),
    )
  })

  it('goes on with a whole checkpoint, and begins anew without', async () => {
    const installation = await found()
    const trial = job()
    const out = join(trial.directory, 'out')
    const last = join(out, 'weights/last.pt')
    const plan = async () => (await ultralytics.plan(installation, training(), trial, cpu)).words
    const leave = (checkpoint: string, results: string) => {
      writeText(last, checkpoint)
      writeText(join(out, 'results.csv'), results)
    }
    const whole = 'PK\x03\x04 … PK\x05\x06'
    leave(whole, 'epoch,metrics/mAP50(B)\n1,0.5\n')
    expect(await plan()).toEqual(expect.arrayContaining(['resume=True', `model=${last}`, 'epochs=30']))
    leave('PK\x03\x04 half', 'epoch,metrics/mAP50(B)\n1,0.5\n')
    expect((await plan()).join(' ')).not.toContain('resume')
    expect(existsSync(join(out, 'results.csv'))).toBe(false) // early releases would add to it
    leave(whole, '') // no epoch was finished
    expect((await plan()).join(' ')).not.toContain('resume')
    leave(whole, 'epoch,metrics/mAP50(B)\n30,0.5\n') // after the last epoch the checkpoint is stripped
    expect((await plan()).join(' ')).not.toContain('resume')
  })
})

describe.skipIf(process.platform === 'win32')('what a training cannot feel', () => {
  const keys = [
    'lr0',
    'momentum',
    'warmup_momentum',
    'warmup_bias_lr',
    'mosaic',
    'mixup',
    'copy_paste',
    'dropout',
    'cls',
  ]
  async function dead(
    flags: InstalledTraining['flags'],
    passThrough: readonly string[] = [],
    more: readonly string[] = [],
    version = '8.3.200',
  ) {
    const genes = ultralytics.deadGenes(await found(version), training(flags, passThrough), [...keys, ...more])
    return genes.map(({ key }) => key)
  }

  it('is lr0, momentum and the warm-up of biases with optimizer=auto, the default', async () => {
    expect(await dead({})).toEqual(['lr0', 'momentum', 'warmup_bias_lr', 'dropout'])
    const genes = ultralytics.deadGenes(await found(), training(), ['lr0'])
    expect(genes).toEqual([
      {
        key: 'lr0',
        why: 'optimizer=auto chooses the optimizer with its learning rate and momentum by itself',
        remedy: { optimizer: 'SGD' },
      },
    ])
    expect(await dead({ optimizer: 'SGD' })).toEqual(['dropout'])
    expect(await dead({}, ['optimizer=adamw'])).toEqual(['warmup_momentum', 'dropout'])
    expect(await dead({}, [], ['optimizer'])).toEqual(['dropout']) // then it is searched
  })

  it('is what rect and close_mosaic switch off', async () => {
    const sgd = { optimizer: 'SGD' }
    expect(await dead({ ...sgd, rect: true })).toEqual(['mosaic', 'mixup', 'dropout'])
    expect(await dead({ ...sgd, epochs: 10 })).toEqual(['mosaic', 'mixup', 'copy_paste', 'dropout'])
    expect(await dead({ ...sgd, epochs: 11 })).toEqual(['dropout'])
    // an epoch that never comes: until 8.4.156 mosaic then stays on
    expect(await dead({ ...sgd, epochs: 9 }, [], [], '8.4.156')).toEqual(['dropout'])
    expect(await dead({ ...sgd, epochs: 9 }, [], [], '8.4.157')).toContain('mosaic')
    expect(await dead({ ...sgd, epochs: 10, 'close-mosaic': 0 })).toEqual(['dropout'])
    expect(await dead({ ...sgd, epochs: 10 }, [], ['close_mosaic'])).toEqual(['dropout'])
  })

  it('is what belongs to another task, is unknown, or is given for all trials', async () => {
    const sgd = { optimizer: 'SGD' }
    expect(await dead({ ...sgd, model: 'yolo11n-cls.pt' })).toEqual([])
    expect(await dead({ ...sgd, model: 'runs/best.pt' })).toEqual([])
    expect(await dead(sgd, [], ['obj', 'fl_gamma', 'workers'])).toEqual(['dropout', 'obj', 'fl_gamma', 'workers'])
    expect(await dead(sgd, ['cls=0.7'])).toEqual(['dropout', 'cls'])
  })

  it('is copy_paste without outlines, and weights of classes with one class', async () => {
    const root = temporaryFolder()
    const data = await dataset(root, 2, 1)
    const yaml = `${defaultYaml}cls_pw: 0.0\n`
    const installation = await found('8.4.190', { 'cfg/default.yaml': yaml })
    const genes = (flags: InstalledTraining['flags']) =>
      ultralytics
        .deadGenes(installation, training({ data, optimizer: 'SGD', ...flags }), ['copy_paste', 'cls_pw', 'cls'])
        .map(({ key }) => key)
    expect(genes({})).toEqual(['copy_paste'])
    expect(genes({ 'single-cls': true })).toEqual(['copy_paste', 'cls_pw'])
    expect(genes({ data: 'not-here.yaml' })).toEqual([])
    writeText(join(root, 'labels/train/000.txt'), '0 0.1 0.1 0.2 0.1 0.2 0.2\n')
    expect(genes({})).toEqual([])
    writeText(data, `path: ${root}\ntrain: images/train\nval: images/val\nnames: {0: a}\n`)
    expect(genes({})).toEqual(['cls_pw'])
  })
})

describe('its results', () => {
  it.each([
    ['metrics/mAP50-95(B)', 'mAP50to95'],
    ['metrics/precision(B)', 'precision'],
    ['metrics/mAP50(M)', 'mAP50/mask'],
    ['metrics/recall(P)', 'recall/pose'],
    ['metrics/accuracy_top1', 'accuracy_top1'],
    ['train/box_loss', 'trainBoxLoss'],
    ['val/dfl_loss', 'dflLoss'],
    ['time', undefined],
    ['lr/pg0', undefined],
  ])('%s is %s', (title, name) => {
    expect(metricName(title)).toBe(name)
  })

  const old =
    '                  epoch,         train/box_loss,   metrics/precision(B),      metrics/recall(B),       metrics/mAP50(B),    metrics/mAP50-95(B),           val/box_loss,                 lr/pg0\n'
  async function read(text: string, after = 0) {
    const out = temporaryFolder()
    const reports: EpochReport[] = []
    const reader = ultralytics.read({} as never, out, (report) => reports.push(report), after)
    await reader.poll!()
    writeText(join(out, 'results.csv'), text)
    await reader.poll!()
    reader.end?.()
    return { reports, metrics: reader.metrics, problem: reader.problem }
  }

  it('are read with padded titles and epochs from 0 (before 8.0.190)', async () => {
    const row = (epoch: number) =>
      `${String(epoch).padStart(23)},${'1.5,0.1,0.2,0.3,0.4,2.5,0.01'
        .split(',')
        .map((each) => each.padStart(23))
        .join(',')}\n`
    const { reports, metrics } = await read(old + row(0) + row(1))
    expect(reports.map(({ epoch }) => epoch)).toEqual([1, 2])
    expect(metrics).toEqual({
      trainBoxLoss: 1.5,
      precision: 0.1,
      recall: 0.2,
      mAP50: 0.3,
      mAP50to95: 0.4,
      boxLoss: 2.5,
    })
  })

  it('are read with epochs from 1 and the time (since 8.3)', async () => {
    const heading =
      'epoch,time,train/cls_loss,metrics/precision(B),metrics/recall(B),metrics/mAP50(B),metrics/mAP50-95(B),lr/pg0\n'
    const { reports, problem } = await read(
      `${heading}1,0.3,2,0.1,0.2,0.3,nan,0.01\n2,0.6,2,0.1,0.2,0.3,0.4,0.01\n3,0.9,2,0.`,
    )
    expect(problem).toBeUndefined()
    expect(reports.map(({ epoch }) => epoch)).toEqual([1, 2])
    expect(reports[0]!.metrics['mAP50to95']).toBeNaN()
    expect(reports[1]!.metrics).toEqual({ trainClsLoss: 2, precision: 0.1, recall: 0.2, mAP50: 0.3, mAP50to95: 0.4 })
  })

  it('say what is missing', async () => {
    expect((await read('a,b\n1,2\n')).problem).toContain('results.csv')
    expect((await read('')).metrics).toBeUndefined()
  })

  it('tell that the batch was halved', () => {
    const reader = ultralytics.read({} as never, temporaryFolder(), () => {}, 0)
    const said = (from: number, to: number) =>
      reader.line!(
        `WARNING CUDA out of memory with batch=${from}. Reducing to batch=${to} and retrying (1/3).`,
        'stdout',
      )
    expect(reader).toMatchObject({ reduced: undefined })
    said(64, 32)
    said(32, 16)
    expect(reader).toMatchObject({ reduced: 'with batch 16 instead of 64' })
  })
})

describe('its failures', () => {
  const failed = { code: 1, signal: null }
  it.each([
    [
      "SyntaxError: '\u001b[31m\u001b[1mlr9\u001b[0m' is not a valid YOLO argument. ",
      'bad-configuration',
      'no setting "lr9"',
    ],
    [
      "ValueError: 'lr0=3.0' is an invalid value. Valid 'lr0' values are between 0.0 and 1.0.",
      'bad-configuration',
      'refuses lr0=3.0',
    ],
    ["RuntimeError: Dataset 'coco9.yaml' error ❌ 'coco9.yaml' does not exist", 'bad-configuration', 'coco9.yaml'],
    ["FileNotFoundError: '/d/none.yaml' does not exist", 'bad-configuration', 'There is no /d/none.yaml'],
    ["FileNotFoundError: [Errno 2] No such file or directory: 'mine.pt'", 'bad-configuration', 'The weights mine.pt'],
    [
      "NotImplementedError: Optimizer 'Lion' not found in list of available optimizers",
      'bad-configuration',
      'no optimizer Lion',
    ],
    ["ValueError: Invalid CUDA 'device=3' requested. Use 'device=cpu' or", 'bad-configuration', 'GPU 3'],
    [
      '_pickle.UnpicklingError: Weights only load failed. This file can still be loaded',
      'bad-configuration',
      'older than its PyTorch',
    ],
    ['RuntimeError: Training failed: NaN persisted for 4 epochs', 'diverged', 'NaN'],
    ['AssertionError: last.pt training to 3 epochs is finished, nothing to resume.', 'crash', 'cannot be gone on with'],
  ])('%s', (line, failure, reason) => {
    const explained = ultralytics.classify!(failed, ['Traceback (most recent call last):', line])
    expect(explained?.failure).toBe(failure)
    expect(explained?.reason).toContain(reason)
  })

  it('are left to what all programs say otherwise', () => {
    expect(ultralytics.classify!(failed, ['torch.cuda.OutOfMemoryError: CUDA out of memory.'])).toBeUndefined()
    expect(
      ultralytics.classify!({ code: null, signal: 'SIGKILL' }, [
        "Optimizer 'x' not found in list of available optimizers",
      ]),
    ).toBeUndefined()
  })
})

it.each([
  ['lr0=0.01', ['lr0', 0.01]],
  ['rect', ['rect', true]],
  ['--rect=false', ['rect', false]],
  ['freeze=None', ['freeze', null]],
  ['a b', undefined],
])('reads the word %j', (word, setting) => {
  expect(passedSetting(word)).toEqual(setting)
})

const python = fileURLToPath(new URL('../../../../.peers/ultralytics/bin/python', import.meta.url))
const isThere = existsSync(python)

// Where CI is set it must be there: there the test fails instead of being skipped.
describeWith(isThere, 'the real Ultralytics (npm run setup-peers)')(
  'the real Ultralytics',
  { timeout: 120_000 },
  () => {
    const epochs = 3
    async function prepared(more: readonly string[] = []) {
      const installation = await ultralytics.locate({ python })
      const data = await dataset(temporaryFolder(), 6, 3)
      const given = training(
        { data, model: 'yolo11n.yaml', epochs, imgsz: 32, 'batch-size': 4, optimizer: 'SGD' },
        more,
      )
      ultralytics.check(installation, given)
      const { hyp } = await ultralytics.defaultHyp(installation, given)
      return { installation, given, trial: job({ ...hyp, lr0: 0.02, close_mosaic: 1 }) }
    }

    async function train({ installation, given, trial }: Awaited<ReturnType<typeof prepared>>) {
      const configuration = temporaryFolder() // not that of whoever runs the tests
      const plan = await ultralytics.plan(installation, given, trial, cpu)
      const reports: EpochReport[] = []
      const log = new TrialLog(join(trial.directory, 'train.log'))
      const outcome = await trainProcess({
        plan: { ...plan, env: { ...process.env, OMP_NUM_THREADS: '1', YOLO_CONFIG_DIR: configuration, ...plan.env } },
        reader: ultralytics.read(installation, join(trial.directory, 'out'), (report) => reports.push(report), 0),
        log,
        signal: new AbortController().signal,
        classify: ultralytics.classify!,
      })
      log.close()
      return { plan, outcome, reports, said: readFileSync(join(trial.directory, 'train.log'), 'utf8') }
    }

    it('trains; results agree with its own files', async () => {
      const prepare = await prepared()
      expect(prepare.installation.release).toBe('ultralytics 8.4.190')
      const { outcome, reports, said } = await train(prepare)
      expect(outcome, said).toMatchObject({ state: 'complete' })
      expect(reports.map(({ epoch }) => epoch)).toEqual([1, 2, 3])
      const lines = readFileSync(join(prepare.trial.directory, 'out/results.csv'), 'utf8').trim().split('\n')
      const own = Object.fromEntries(
        lines[0]!.split(',').map((title, i) => [title, Number(lines.at(-1)!.split(',')[i])]),
      )
      expect(outcome).toMatchObject({
        metrics: {
          mAP50: own['metrics/mAP50(B)'],
          mAP50to95: own['metrics/mAP50-95(B)'],
          trainBoxLoss: own['train/box_loss'],
          clsLoss: own['val/cls_loss'],
        },
      })
      const used = readFileSync(join(prepare.trial.directory, 'out/args.yaml'), 'utf8')
      for (const line of ['lr0: 0.02', 'close_mosaic: 1', 'seed: 7', 'batch: 4', 'optimizer: SGD', 'box: 7.5'])
        expect(used).toContain(`${line}\n`)
    })

    it('trains a third as long, with warm-up and the end without mosaic in proportion', async () => {
      const { installation, given, trial } = await prepared()
      vi.stubEnv('YOLO_CONFIG_DIR', temporaryFolder())
      const trainer = installedTrainer({ adapter: ultralytics, installation, training: given }, cpu)
      const sized = {
        ...trial,
        hyp: { ...trial.hyp, warmup_epochs: 1.5, close_mosaic: 3 },
        length: { epochs: 1, full: 3 },
      }
      const reports: EpochReport[] = []
      const outcome = await trainer.train(sized, (report) => reports.push(report), new AbortController().signal)
      expect(outcome).toMatchObject({ state: 'complete', metrics: { mAP50: expect.any(Number) } })
      expect(reports.map(({ epoch }) => epoch)).toEqual([1])
      const used = readFileSync(join(trial.directory, 'out/args.yaml'), 'utf8')
      for (const line of ['epochs: 1', 'warmup_epochs: 0.5', 'close_mosaic: 1']) expect(used).toContain(`${line}\n`)
    })

    it('goes on from a checkpoint', async () => {
      const prepare = await prepared(['save_period=1'])
      expect((await train(prepare)).outcome).toMatchObject({ state: 'complete' })
      // as if it had been ended after its first epoch
      const out = join(prepare.trial.directory, 'out')
      copyFileSync(join(out, 'weights/epoch0.pt'), join(out, 'weights/last.pt'))
      const lines = readFileSync(join(out, 'results.csv'), 'utf8').split('\n')
      writeFileSync(join(out, 'results.csv'), `${lines.slice(0, 2).join('\n')}\n`)

      const { plan, outcome, reports, said } = await train(prepare)
      expect(plan.words).toContain('resume=True')
      expect(outcome, said).toMatchObject({ state: 'complete' })
      expect(reports.map(({ epoch }) => epoch)).toEqual([2, 3])
      expect(readFileSync(join(out, 'results.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + 3)
    })

    it('explains a data set that is not there', async () => {
      const prepare = await prepared()
      const given = { ...prepare.given, flags: { ...prepare.given.flags, data: '/nowhere/data.yaml' } }
      const { outcome } = await train({ ...prepare, given })
      expect(outcome).toMatchObject({ state: 'failed', failure: 'bad-configuration' })
      expect(outcome.state === 'failed' && outcome.output.at(-1)).toContain('/nowhere/data.yaml')
    })
  },
)

describe('a training of another length', () => {
  const rung = { epochs: 4, full: 36 }
  const planned = async (
    flags: InstalledTraining['flags'],
    {
      passThrough = [],
      hyp = {},
      length = rung,
    }: { passThrough?: string[]; hyp?: object; length?: NonNullable<TrainJob['length']> } = {},
    installation?: Installation,
  ) => {
    const asked = training({ epochs: length?.epochs ?? 36, ...flags }, passThrough)
    const one = { ...job(hyp), ...(length && { length }) }
    const { words: all } = await ultralytics.plan(installation ?? (await found()), asked, one, cpu)
    return all.filter((word) => /^(epochs|warmup_epochs|close_mosaic)=/.test(word))
  }

  it('has warm-up and the end without mosaic in proportion, where nothing is said of them', async () => {
    expect(await planned({})).toEqual(['epochs=4', 'warmup_epochs=0.33333', 'close_mosaic=1'])
    expect(await planned({}, { length: { epochs: 36, full: 36 } })).toEqual(['epochs=36'])
    expect(await planned({}, { length: { epochs: 1, full: 36 } })).toContain('close_mosaic=0')
  })

  it('scales what the search says, what is given for all trials, and what stands behind --', async () => {
    const hyp = { warmup_epochs: 1.8, close_mosaic: 9 }
    expect(await planned({}, { hyp })).toEqual(['epochs=4', 'warmup_epochs=0.2', 'close_mosaic=1'])
    expect(await planned({ warmup_epochs: 0, close_mosaic: 18 })).toEqual([
      'epochs=4',
      'warmup_epochs=0',
      'close_mosaic=2',
    ])
    const passThrough = ['close_mosaic=27', 'dropout=0.1', 'warmup_epochs=4.5']
    expect(await planned({}, { passThrough })).toEqual(['epochs=4', 'warmup_epochs=0.5', 'close_mosaic=3'])
    expect(await planned({}, { hyp: { warmup_epochs: 1.8 }, passThrough: ['warmup_epochs=4.5'] })).toEqual([
      'epochs=4',
      'warmup_epochs=0.5',
      'close_mosaic=1',
    ])
  })

  it('says nothing of a setting that the release does not have', async () => {
    const without = { 'cfg/default.yaml': defaultYaml.replace('close_mosaic: 10\n', '') }
    expect(await planned({}, {}, await found('8.0.50', without))).toEqual(['epochs=4', 'warmup_epochs=0.33333'])
  })

  it('leaves the hyp of the trial as it is', async () => {
    const one = { ...job({ warmup_epochs: 3 }), length: rung }
    await ultralytics.plan(await found(), training({ epochs: 4 }), one, cpu)
    expect(readFileSync(join(one.directory, 'hyp.yaml'), 'utf8')).toBe('warmup_epochs: 3.0\n')
  })

  it('is possible unless it trains by the clock', async () => {
    const installation = await found('8.3.200', { 'cfg/default.yaml': `${defaultYaml}time: None\n` })
    const traits = (passThrough: string[] = [], flags = {}) =>
      ultralytics.traits(installation, training(flags, passThrough))
    expect(traits()).toMatchObject({ anyLength: true, seeded: true })
    expect(traits(['time=2'])).toMatchObject({ anyLength: false })
    expect(traits(['time=None'])).toMatchObject({ anyLength: true })
    expect(traits().warmupEpochs({})).toBe(3)
    expect(traits().warmupEpochs({ warmup_epochs: 1 })).toBe(1)
    expect(traits(['warmup_epochs=5']).warmupEpochs({ warmup_epochs: 1 })).toBe(5)
  })
})
