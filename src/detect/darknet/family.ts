// How YOLOv3 models train: the rules of its trainer from January 2020 to v8.
import type { ModelFamily } from '../family.ts'
import { yolov3Loss } from '../loss/index.ts'
import { roundHalfEven } from '../schedule.ts'
import { tellCfgAnchors } from './anchors.ts'
import { yolov3HypKeys } from './hyp.ts'
import { Yolov3Schedule } from './schedule.ts'

export const yolov3Family: ModelFamily = {
  name: 'yolov3',
  title: 'YOLOv3',
  loss: yolov3Loss,
  maxNorm: Number.POSITIVE_INFINITY,
  tellAnchors: tellCfgAnchors,
  hypKeys: yolov3HypKeys,
  usualHyp: 'yolov3@01dbdc45',
  schedule: (options) => new Yolov3Schedule(options),
  // Images are made at the largest size.
  multiScale: (cells) => {
    const most = roundHalfEven(1.5 * cells)
    return { least: roundHalfEven(cells / 1.5), most, made: most }
  },
  // The hyps were tuned for 80 classes. A comment of that trainer scales `obj` by the image size too, but its code never did.
  gains: (hyp, _levels, classes) => ({
    box: hyp['giou']!,
    obj: hyp['obj']!,
    cls: (hyp['cls']! * classes) / 80,
  }),
  // That trainer always makes mosaics and flips every second one left-right.
  augment: ({ hsv_h = 0, hsv_s = 0, hsv_v = 0, degrees = 0, translate = 0, scale = 0, shear = 0 }) => ({
    hsv_h,
    hsv_s,
    hsv_v,
    degrees,
    translate,
    scale,
    shear,
    perspective: 0,
    flipud: 0,
    fliplr: 0.5,
    mosaic: 1,
    mixup: 0,
    copy_paste: 0,
  }),
  priors: (_stride, classes) => ({ object: -4.5, oneClass: Math.log(0.6 / (classes - 0.99)) }),
  fitness: ({ mAP50, f1 }) => 0.8 * mAP50 + 0.2 * f1,
  validation: { nms: { merge: true, sidePx: [2, 4096] }, figures: { confidence: 0.1, recallEnd: 'near' } },
}
