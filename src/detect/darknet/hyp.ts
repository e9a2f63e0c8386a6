// The hyperparameters of YOLOv3's trainer, January 2020 to v8: names, defaults, possible values.

/** One hyperparameter, in the form of ../hyp.ts. */
const key = (value: number, low: number, high: number, about: string) => ({ default: value, low, high, about })

/** All 18, in the order of that trainer; defaults are those of January 2020. */
export const yolov3Hyp = {
  giou: key(3.54, 0, 1000, 'gain of the box loss'),
  cls: key(37.4, 0, 10_000, 'gain of the class loss, at 80 classes'),
  cls_pw: key(1, 0, 1000, 'weight of positives in the class loss'),
  obj: key(49.5, 0, 10_000, 'gain of the objectness loss'),
  obj_pw: key(1, 0, 1000, 'weight of positives in the objectness loss'),
  iou_t: key(0.225, 0, 1, 'overlap of a box and an anchor, both at one centre, above which the anchor takes it'),
  lr0: key(0.00579, 0, 10, 'learning rate at the start'),
  lrf: key(-4, -10, 1, 'learning rate at the end: lr0 · 10^lrf; above 0 as a factor of lr0'),
  momentum: key(0.937, 0, 0.9999, 'momentum of SGD, first beta of Adam'),
  weight_decay: key(0.000484, 0, 1, 'weight decay'),
  fl_gamma: key(0.5, 0, 10, 'gamma of the focal loss; 0: off'),
  hsv_h: key(0.0138, 0, 1, 'hue change, as a fraction'),
  hsv_s: key(0.678, 0, 1, 'saturation change, as a fraction'),
  hsv_v: key(0.36, 0, 1, 'brightness change, as a fraction'),
  degrees: key(1.98, 0, 180, 'rotation in degrees, either way'),
  translate: key(0.05, 0, 1, 'shift, as a fraction of the image, either way'),
  scale: key(0.05, 0, 0.99, 'zoom, as a gain, either way'),
  shear: key(0.641, 0, 89, 'shear in degrees, either way'),
} as const

export const yolov3HypKeys = Object.keys(yolov3Hyp)

/** The release whose ranges, sampler and fitness go with these hyperparameters, by its name in `search`. */
export const yolov3Release = 'yolov3-2020-01'

/** Keys that YOLOv5's sets have and YOLOv3's have not: they tell the two apart. */
const onlyYolov5 = ['box', 'anchor_t', 'anchors', 'warmup_epochs', 'mosaic', 'fliplr']

/** Whether a set belongs to this trainer: `giou`, and nothing that only YOLOv5 has. */
export const isYolov3Hyp = (keys: readonly string[]): boolean =>
  keys.includes('giou') && !keys.some((each) => onlyYolov5.includes(each))
