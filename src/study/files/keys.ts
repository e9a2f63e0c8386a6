// Hyperparameters that each release has, in the order of its files. Source: reference/evolve/hyps.json and meta.json.
import type { EvolveRelease } from './formats.ts'

const list = (text: string): readonly string[] => text.trim().split(/\s+/)

const augmentation = 'hsv_h hsv_s hsv_v degrees translate scale shear'
const warmup = 'warmup_epochs warmup_momentum warmup_bias_lr'
const v31 = (afterAnchorT: string) =>
  list(
    `lr0 lrf momentum weight_decay ${warmup} box cls cls_pw obj obj_pw iou_t anchor_t ${afterAnchorT} fl_gamma ` +
      `${augmentation} perspective flipud fliplr mosaic mixup`,
  )

const yolov3Old = list(`giou cls cls_pw obj obj_pw iou_t lr0 lrf momentum weight_decay fl_gamma ${augmentation}`)
const yolov5Old = list(`lr0 momentum weight_decay giou cls cls_pw obj obj_pw iou_t anchor_t fl_gamma ${augmentation}`)
const withoutAnchors = v31('')
const withAnchors = v31('anchors')

/** What a release reads from its hyp file. */
export interface ReleaseKeys {
  readonly required: readonly string[]
  /** Whether `anchors` may stand in the file. */
  readonly anchors: boolean
}

const v3to5 = { required: withoutAnchors, anchors: true }
const v6 = { required: [...withoutAnchors, 'copy_paste'], anchors: true }
const old3 = { required: yolov3Old, anchors: false }

export const releaseKeys: Readonly<Record<EvolveRelease, ReleaseKeys>> = {
  'yolov3-v6': { required: list('k xy wh cls conf iou_t lr0 lrf momentum weight_decay'), anchors: false },
  'yolov3-2020-01': old3,
  'yolov3-v7': old3,
  'yolov3-v8': old3,
  'yolov3-v9.0': v3to5,
  'yolov3-v9.1': v3to5,
  'yolov3-v9.5.0': v3to5,
  'yolov3-v9.6.0': v6,
  'yolov3-master': v6,
  'yolov5-v1.0': { required: yolov5Old, anchors: false },
  'yolov5-v2.0': { required: yolov5Old, anchors: false },
  'yolov5-v3.0': { required: [...yolov5Old, 'perspective', 'flipud', 'fliplr', 'mixup'], anchors: false },
  'yolov5-v3.1': v3to5,
  'yolov5-v4.0': v3to5,
  'yolov5-v5.0': v3to5,
  'yolov5-v6.0': v6,
  'yolov5-v6.1': v6,
  'yolov5-v6.2': v6,
  'yolov5-v7.0': v6,
  'yolov5-master': v6,
}

/** Key lists that an evolve.txt of a release can have. */
export const textTableKeys = (release: EvolveRelease): readonly (readonly string[])[] =>
  releaseKeys[release] === v3to5 ? [withoutAnchors, withAnchors] : [releaseKeys[release].required]

/** All hyperparameters of YOLO: their columns hold numbers and nothing else. */
export const yoloKeys: ReadonlySet<string> = new Set([
  'anchors',
  ...Object.values(releaseKeys).flatMap(({ required }) => required),
])
