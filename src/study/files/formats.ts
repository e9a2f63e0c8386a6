// The file formats of every release that evolves, and which release has which.
import { resultKeys } from '../../search/index.ts'
import { csvFormat } from './csv-format.ts'
import type { EvolveFormat } from './format.ts'
import { textFormat } from './text-format.ts'
import { tuneFormat } from './tune-format.ts'

const oldResults = ['precision', 'recall', 'mAP50', 'f1', 'boxLoss', 'objLoss', 'clsLoss'] as const
const numberedFolder = { project: 'runs/evolve', name: 'exp', numbered: true } as const

/**
 * One entry per format; releases whose files are the same share one, named after the first of them (v7.0 after itself:
 * it is the default). `ultralytics` only gives tables of its tuner back. Releases before yolov5 v3.0 wrote no folder; ours (trials, logs) is then that of v7.0.
 * Source: reference/evolve/print_mutation.
 */
export const evolveFormats = {
  'yolov3-v6': textFormat({
    name: 'yolov3-v6',
    resultKeys: ['precision', 'recall', 'mAP50', 'f1', 'loss'],
    weights: [0, 0, 1, 0],
    hyp: false,
    folder: numberedFolder,
    figureStyle: 'yolov3',
    appendOnly: true,
  }),
  'yolov3-2020-01': textFormat({
    name: 'yolov3-2020-01',
    resultKeys: oldResults,
    weights: [0, 0, 0.8, 0.2],
    hyp: false,
    folder: numberedFolder,
    figureStyle: 'yolov3',
  }),
  'yolov3-v7': textFormat({
    name: 'yolov3-v7',
    resultKeys: oldResults,
    weights: [0, 0.01, 0.99, 0],
    hyp: false,
    folder: numberedFolder,
    figureStyle: 'yolov3',
  }),
  'yolov5-v1.0': textFormat({
    name: 'yolov5-v1.0',
    resultKeys,
    weights: [0, 0, 0.1, 0.9],
    hyp: false,
    folder: numberedFolder,
    figureStyle: 'yolov3',
  }),
  'yolov5-v3.0': textFormat({
    name: 'yolov5-v3.0',
    resultKeys,
    weights: [0, 0, 0.1, 0.9],
    hyp: true,
    folder: { project: 'runs', name: 'evolve', numbered: false },
    figureStyle: 'yolov5-v3.0',
  }),
  'yolov5-v3.1': textFormat({
    name: 'yolov5-v3.1',
    resultKeys,
    weights: [0, 0, 0.1, 0.9],
    hyp: true,
    folder: { project: 'runs', name: 'evolve', numbered: false },
    figureStyle: 'yolov5-v3.1',
  }),
  'yolov5-v4.0': textFormat({
    name: 'yolov5-v4.0',
    resultKeys,
    weights: [0, 0, 0.1, 0.9],
    hyp: true,
    folder: { project: 'runs/train', name: 'evolve', numbered: false },
    figureStyle: 'yolov5-v3.1',
  }),
  'yolov5-v6.0': csvFormat({ name: 'yolov5-v6.0', program: 'YOLOv5', first: true }),
  'yolov5-v7.0': csvFormat({ name: 'yolov5-v7.0', program: 'YOLOv5', first: false }),
  'yolov3-v9.6.0': csvFormat({ name: 'yolov3-v9.6.0', program: 'YOLOv3', first: true }),
  'yolov3-master': csvFormat({ name: 'yolov3-master', program: 'YOLOv3', first: false }),
  ultralytics: tuneFormat,
} as const satisfies Record<string, EvolveFormat>

export type EvolveFormatName = keyof typeof evolveFormats

/** Which entry of `evolveFormats` a release's files are of. */
export const formatOfRelease = {
  'yolov3-v6': 'yolov3-v6',
  'yolov3-2020-01': 'yolov3-2020-01',
  'yolov3-v7': 'yolov3-v7',
  'yolov3-v8': 'yolov3-v7',
  'yolov3-v9.0': 'yolov5-v4.0',
  'yolov3-v9.1': 'yolov5-v4.0',
  'yolov3-v9.5.0': 'yolov5-v4.0',
  'yolov3-v9.6.0': 'yolov3-v9.6.0',
  'yolov3-master': 'yolov3-master',
  'yolov5-v1.0': 'yolov5-v1.0',
  'yolov5-v2.0': 'yolov5-v1.0',
  'yolov5-v3.0': 'yolov5-v3.0',
  'yolov5-v3.1': 'yolov5-v3.1',
  'yolov5-v4.0': 'yolov5-v4.0',
  'yolov5-v5.0': 'yolov5-v4.0',
  'yolov5-v6.0': 'yolov5-v6.0',
  'yolov5-v6.1': 'yolov5-v7.0',
  'yolov5-v6.2': 'yolov5-v7.0',
  'yolov5-v7.0': 'yolov5-v7.0',
  'yolov5-master': 'yolov5-v7.0',
} as const satisfies Record<string, EvolveFormatName>

export type EvolveRelease = keyof typeof formatOfRelease
