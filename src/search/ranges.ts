// Gains and bounds of every release that evolves. Source: reference/evolve/meta.json.

/** Mutation gain and bounds of one hyperparameter. Gain 0 freezes it; a missing bound is not there. */
export interface Range {
  readonly gain: number
  readonly lower?: number
  readonly upper?: number
}

export type Ranges = Readonly<Record<string, Range>>

const range = (gain: number, lower?: number, upper?: number): Range => ({
  gain,
  ...(lower === undefined ? {} : { lower }),
  ...(upper === undefined ? {} : { upper }),
})

/** Gains and bounds of yolov5 v6.0 to v7.0, and of yolov3 v9.6.0 and later. */
export const yolov5Ranges: Ranges = {
  lr0: range(1, 1e-5, 0.1),
  lrf: range(1, 0.01, 1),
  momentum: range(0.3, 0.6, 0.98),
  weight_decay: range(1, 0, 0.001),
  warmup_epochs: range(1, 0, 5),
  warmup_momentum: range(1, 0, 0.95),
  warmup_bias_lr: range(1, 0, 0.2),
  box: range(1, 0.02, 0.2),
  cls: range(1, 0.2, 4),
  cls_pw: range(1, 0.5, 2),
  obj: range(1, 0.2, 4),
  obj_pw: range(1, 0.5, 2),
  iou_t: range(0, 0.1, 0.7),
  anchor_t: range(1, 2, 8),
  anchors: range(2, 2, 10),
  fl_gamma: range(0, 0, 2),
  hsv_h: range(1, 0, 0.1),
  hsv_s: range(1, 0, 0.9),
  hsv_v: range(1, 0, 0.9),
  degrees: range(1, 0, 45),
  translate: range(1, 0, 0.9),
  scale: range(1, 0, 0.9),
  shear: range(1, 0, 10),
  perspective: range(0, 0, 0.001),
  flipud: range(1, 0, 1),
  fliplr: range(0, 0, 1),
  mosaic: range(1, 0, 1),
  mixup: range(1, 0, 1),
  copy_paste: range(1, 0, 1),
}

const { copy_paste: _copyPaste, ...withoutCopyPaste } = yolov5Ranges

/** yolov5 v3.1 to v5.0, yolov3 v9.0 to v9.5.0: as later ones, without copy_paste. */
const v31: Ranges = withoutCopyPaste

/** yolov5 v3.0, the first with a table of its own: flipud is the frozen one there, fliplr and perspective move. */
const v30: Ranges = {
  lr0: range(1, 1e-5, 0.1),
  momentum: range(0.1, 0.6, 0.98),
  weight_decay: range(1, 0, 0.001),
  giou: range(1, 0.02, 0.2),
  cls: range(1, 0.2, 4),
  cls_pw: range(1, 0.5, 2),
  obj: range(1, 0.2, 4),
  obj_pw: range(1, 0.5, 2),
  iou_t: range(0, 0.1, 0.7),
  anchor_t: range(1, 2, 8),
  fl_gamma: range(0, 0, 2),
  hsv_h: range(1, 0, 0.1),
  hsv_s: range(1, 0, 0.9),
  hsv_v: range(1, 0, 0.9),
  degrees: range(1, 0, 45),
  translate: range(1, 0, 0.9),
  scale: range(1, 0, 0.9),
  shear: range(1, 0, 10),
  perspective: range(1, 0, 0.001),
  flipud: range(0, 0, 1),
  fliplr: range(1, 0, 1),
  mixup: range(1, 0, 1),
}

/**
 * yolov5 v1.0 and v2.0. Their 18 gains were made for yolov3's order of hyperparameters and are applied by position to
 * another one, so obj_pw and fl_gamma are frozen and iou_t moves least, where lrf, fl_gamma and momentum were meant.
 */
const v10: Ranges = {
  lr0: range(1, 1e-5, 0.01),
  momentum: range(1, 0.6, 0.98),
  weight_decay: range(1, 0, 0.001),
  giou: range(1),
  cls: range(1),
  cls_pw: range(1),
  obj: range(1),
  obj_pw: range(0),
  iou_t: range(0.1, 0, 0.7),
  anchor_t: range(1),
  fl_gamma: range(0, 0, 3),
  hsv_h: range(1),
  hsv_s: range(1, 0, 0.9),
  hsv_v: range(1, 0, 0.9),
  degrees: range(1),
  translate: range(1, 0, 0.9),
  scale: range(1, 0, 0.9),
  shear: range(1),
}

/** yolov3 from January 2020 to v8: 18 gains, nine pairs of limits. */
const darknet: Ranges = {
  giou: range(1),
  cls: range(1),
  cls_pw: range(1),
  obj: range(1),
  obj_pw: range(1),
  iou_t: range(1, 0, 0.7),
  lr0: range(1, 1e-5, 0.01),
  lrf: range(0),
  momentum: range(0.1, 0.6, 0.98),
  weight_decay: range(1, 0, 0.001),
  fl_gamma: range(0, 0, 3),
  hsv_h: range(1),
  hsv_s: range(1, 0, 0.9),
  hsv_v: range(1, 0, 0.9),
  degrees: range(1),
  translate: range(1, 0, 0.9),
  scale: range(1, 0, 0.9),
  shear: range(1),
}

/** yolov3 v6 (2019): a standard deviation per hyperparameter instead of gains, three pairs of limits. */
const v6: Ranges = {
  k: range(0.2),
  xy: range(0.2),
  wh: range(0.2),
  cls: range(0.2),
  conf: range(0.2),
  iou_t: range(0.3, 0, 0.9),
  lr0: range(0.2),
  lrf: range(0.2),
  momentum: range(0.02, 0.8, 0.95),
  weight_decay: range(0.3, 0, 0.01),
}

/** The genes of YOLOv5's population search (2024 and later): the augmentations; nothing else moves. */
const genes = [
  'hsv_h',
  'hsv_s',
  'hsv_v',
  'degrees',
  'translate',
  'scale',
  'shear',
  'perspective',
  'flipud',
  'fliplr',
  'mosaic',
  'mixup',
  'copy_paste',
]

const population: Ranges = Object.fromEntries(
  Object.entries(yolov5Ranges).map(([key, each]) => [key, { ...each, gain: genes.includes(key) ? 1 : 0 }]),
)

/** One entry per different table; releases name theirs. */
export const rangeTables = {
  'yolov3-v6': v6,
  'yolov3-2020': darknet,
  'yolov5-v1.0': v10,
  'yolov5-v3.0': v30,
  'yolov5-v3.1': v31,
  'yolov5-v6.0': yolov5Ranges,
  'yolov5-master': population,
} as const satisfies Record<string, Ranges>

export type RangeTableName = keyof typeof rangeTables
