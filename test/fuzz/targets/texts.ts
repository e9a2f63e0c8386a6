// Texts that people write: hyperparameters, search spaces, models, data sets, lists, labels, formulas.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportCfg, parseCfgModel } from '../../../src/detect/darknet/index.ts'
import { labelPath, listImages, readDatasetYaml } from '../../../src/detect/data/index.ts'
import { scanImage } from '../../../src/detect/data/scan.ts'
import * as detect from '../../../src/detect/index.ts'
import { weightShapes } from '../../../src/detect/model/index.ts'
import * as search from '../../../src/search/index.ts'
import { updateHypText } from '../../../src/study/index.ts'
import { type FuzzTarget, textOf, utf8 } from '../target.ts'
import { all } from './all.ts'
import { bitmap } from './images.ts'

const texts = (...list: readonly string[]) => list.map(utf8)
const packaged = (name: string) => readFileSync(`assets/${name}`)

const yamlTokens = [
  '- ',
  ': ',
  '[',
  ']',
  '{',
  '}',
  '&a ',
  '*a',
  '<<: *a',
  '!!binary ',
  '!!set',
  '!!float ',
  '!!js/x ',
  '? ',
  '| \n',
  '> \n',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '# ',
  'null',
  '~',
  'true',
  '.inf',
  '.nan',
  '0x1F',
  '1e-5',
  "'",
  '"',
]

const smallModel = `nc: 2
depth_multiple: 0.33
width_multiple: 0.25
anchors:
  - [10,13, 16,30]
  - [30,61, 62,45]
backbone:
  [[-1, 1, Conv, [16, 6, 2, 2]],
   [-1, 2, C3, [16]],
   [-1, 1, Conv, [32, 3, 2]],
   [-1, 1, SPPF, [32, 5]]]
head:
  [[-1, 1, nn.Upsample, [None, 2, 'nearest']],
   [[-1, 1], 1, Concat, [1]],
   [-1, 1, C3, [16, False]],
   [[6, 3], 1, Detect, [nc, anchors]]]
`

const smallCfg = `[net]
width=64
height=64
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
filters=18
size=1
stride=1
pad=1
activation=linear
[yolo]
mask = 1,2,3
anchors = 10,14, 23,27, 37,58, 81,82
classes=1
num=4
[route]
layers=-3
[upsample]
stride=2
[route]
layers=-1,0
[shortcut]
from=-1
activation=linear
[convolutional]
filters=18
size=1
activation=linear
[yolo]
mask = 0,1,2
anchors = 10,14, 23,27, 37,58, 81,82
classes=1
num=4
`

const hypFile = 'lr0: 0.01\nlrf: 0.1 # final\nmomentum: 0.937\nbox: 0.05\nanchors: 3\nmosaic: 1.0\n'

export const hypYaml: FuzzTarget = {
  name: 'hyp',
  seeds: () => texts(hypFile, '{"lr0": 0.01, "lrf": 0.2}', '# a comment\nlr0: 1e-2\r\nlrf: .1\r\n'),
  tokens: [...yamlTokens, 'lr0', 'giou', 'iou_t', 'label_smoothing', 'optimizer: SGD\n', 'fl_gamma: 0\n'],
  async run(bytes, folder) {
    const file = join(folder, 'hyp.yaml')
    writeFileSync(file, bytes)
    await all(
      () => detect.loadHyp(file),
      () => detect.rawHyp(file),
    )
  },
}

/** A hyp file that an evolution starts from and writes its best values into. */
export const hypUpdate: FuzzTarget = {
  ...hypYaml,
  name: 'hyp-update',
  run(bytes) {
    const text = textOf(bytes)
    return all(
      () => search.parseHyp(text, 'hyp.yaml'),
      () => updateHypText(text, { lr0: 0.5, lrf: 0, new: 'a: b', flag: true }, 'hyp.yaml'),
    )
  },
}

export const spaceYaml: FuzzTarget = {
  name: 'space',
  seeds: () =>
    texts(
      'lr0: { gain: 1, default: 0.01 }\nbox: { gain: 0.5, lower: 0.02, upper: 0.2, default: 0.05 }\nwarmup: { float: [0, 5] }\n',
      'optimizer: { choice: [SGD, Adam] }\nbatch: { integer: [4, 64], log: true }\nbeta: { float: [0.8, 0.99], when: { optimizer: Adam } }\nfixed: 3\n',
    ),
  tokens: [
    ...yamlTokens,
    '[1, 1e-5, 0.1]',
    'gain',
    'lower',
    'upper',
    'default',
    'float',
    'integer',
    'choice',
    'fixed',
    'when',
    'log: true',
  ],
  run(bytes) {
    const text = textOf(bytes)
    return all(
      () => propose(search.parseSpace(text, 'space.yaml')),
      () => propose(search.parseSpace(text, 'space.yaml', { lr0: 0.02, box: 0.05, optimizer: 'SGD' })),
    )
  },
}

/** A search in this space: its start, then a random hyp. */
function propose(space: search.SearchSpace): void {
  const history = new search.History()
  search.suggest({ space, sampler: 'random', history, seed: 1, number: 0 })
  search.suggest({ space, sampler: 'random', history, seed: 1, number: 1 })
}

export const modelYaml: FuzzTarget = {
  name: 'model',
  seeds: () => [utf8(smallModel), packaged('models/yolov5n.yaml')],
  tokens: [
    ...yamlTokens,
    'Conv',
    'C3',
    'BottleneckCSP',
    'GhostConv',
    'DWConv',
    'SPP',
    'SPPF',
    'Focus',
    'Concat',
    'nn.Upsample',
    'Detect',
    'nn.BatchNorm2d',
    'None',
    'nc',
    'anchors',
    '999',
    'activation: nn.ReLU()\n',
    'anchors: 3\n',
  ],
  run(bytes) {
    const text = textOf(bytes)
    return all(
      () => weightShapes(detect.parseModel(text, 'model.yaml')),
      () => detect.parseModel(text, 'model.yaml', { classes: 3, anchors: 2 }),
    )
  },
}

export const cfg: FuzzTarget = {
  name: 'cfg',
  seeds: () => [utf8(smallCfg), packaged('models/yolov3-tiny.cfg')],
  tokens: [
    '[net]\n',
    '[convolutional]\n',
    '[maxpool]\n',
    '[route]\n',
    '[shortcut]\n',
    '[upsample]\n',
    '[yolo]\n',
    '[spp]\n',
    'layers=-1,-4\n',
    'from=-3\n',
    'filters=',
    'size=',
    'stride=',
    'groups=',
    'mask=',
    'anchors=',
    'classes=',
    'num=',
    'activation=mish\n',
    '=',
    ',',
    ';',
  ],
  run(bytes) {
    const text = textOf(bytes)
    return all(
      () => {
        const definition = parseCfgModel(text, 'a.cfg')
        weightShapes(definition)
        parseCfgModel(exportCfg(definition), 'again.cfg')
      },
      () => parseCfgModel(text, 'a.cfg', { classes: 3 }),
    )
  },
}

/** The folders that the data sets below name. */
function withImages(folder: string): void {
  for (const split of ['train', 'val']) {
    const images = join(folder, 'images', split)
    if (existsSync(images)) continue
    mkdirSync(images, { recursive: true })
    writeFileSync(join(images, 'a.bmp'), bitmap)
  }
}

export const dataYaml: FuzzTarget = {
  name: 'data-yaml',
  seeds: () =>
    texts(
      'path: .\ntrain: images/train\nval: [images/val]\nnames: [cat, dog]\nnc: 2\n',
      'train: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\ndownload: https://example.com/a.zip\n',
      'train: images/train\nval: images/val\nnc: 3\ndownload: |\n  bash get.sh\n',
    ),
  tokens: [
    ...yamlTokens,
    'path: ',
    'train: ',
    'val: ',
    'test: ',
    'names: ',
    'nc: ',
    'download: ',
    'url: ',
    '../images',
    '/',
    '.',
  ],
  run(bytes, folder) {
    withImages(folder)
    const file = join(folder, 'data.yaml')
    writeFileSync(file, bytes)
    readDatasetYaml(file)
  },
}

export const darknetData: FuzzTarget = {
  name: 'data',
  seeds: () =>
    texts(
      'classes=2\ntrain=images/train\nvalid=images/val\nnames=a.names\nbackup=backup/\n',
      '# voc\nclasses = 1\ntrain = images/train\nval = images/val\n',
    ),
  tokens: ['classes=', 'train=', 'valid=', 'test=', 'names=', 'a.names', 'images/train', '/', '.', '..', '#'],
  run(bytes, folder) {
    withImages(folder)
    writeFileSync(join(folder, 'a.names'), 'cat\ndog\n')
    const file = join(folder, 'a.data')
    writeFileSync(file, bytes)
    readDatasetYaml(file)
  },
}

export const darknetNames: FuzzTarget = {
  name: 'names',
  seeds: () => texts('cat\ndog\n', '\uFEFFcat\r\ndog\r\n\r\n', 'aeroplane'),
  run(bytes, folder) {
    withImages(folder)
    const file = join(folder, 'a.data')
    writeFileSync(join(folder, 'a.names'), bytes)
    writeFileSync(file, 'train=images/train\nvalid=images/val\nnames=a.names\n')
    readDatasetYaml(file)
  },
}

export const imageList: FuzzTarget = {
  name: 'image-list',
  seeds: () => texts('./images/train/a.bmp\nimages/val/a.bmp\n', '# list\r\n/none/x.jpg\r\n'),
  tokens: ['./', '../', '/', '.jpg', '.png\n', 'images/', '\n'],
  run(bytes, folder) {
    withImages(folder)
    const file = join(folder, 'list.txt')
    writeFileSync(file, bytes)
    for (const image of listImages([file], folder)) labelPath(image)
  },
}

export const labels: FuzzTarget = {
  name: 'labels',
  seeds: () => texts('0 0.5 0.5 0.2 0.3\n1 .25 .75 .1 .1\n', '0 0.1 0.1 0.9 0.1 0.9 0.9\r\n0 0.1 0.2 0.3 0.4\n', ''),
  tokens: ['0 ', '1 ', '0.5 ', '1.0001 ', '-0.1 ', '1e-7 ', '\n', '\t', '0 0.5 0.5 0.2 0.3\n'],
  async run(bytes, folder) {
    const [image, label] = [join(folder, 'a.bmp'), join(folder, 'a.txt')]
    writeFileSync(image, bitmap)
    writeFileSync(label, bytes)
    const { rows } = await scanImage(image, label)
    for (const [i, value] of rows.entries())
      if (!(value >= 0) || (i % 5 === 0 ? !Number.isInteger(value) : value > 1)) throw new Error(`row with ${value}`)
  },
}

export const fitness: FuzzTarget = {
  name: 'fitness',
  seeds: () => texts('yolov5', '0.2*recall + 0.8*mAP50to95', "min(precision, 'mAP50/person')^2 - -f1/(1 + recall)"),
  tokens: ['(', ')', '+', '-', '*', '/', '^', 'min(', 'max(', ', ', 'recall', 'mAP50', 'f1', "'a b'", '1e3'],
  run(bytes) {
    const { evaluate, problem } = search.parseFitness(textOf(bytes))
    const metrics = { precision: 0.5, recall: 0.4, mAP50: 0.3, mAP50to95: 0.2 }
    evaluate(metrics)
    problem(metrics)
  },
}
