// Validation of detectors, by YOLOv5 v7.0's definitions. Start with `validate`; the parts are exported for tests, for
// `detect()` and for other trainers' outputs.
export {
  bboxIouXywh,
  bboxIouXyxy,
  type IouKind,
  intersectionOverSecond,
  iouXyxy,
  type Placement,
  pairwiseIou,
  scaleBoxes,
  xywhToXyxy,
  xyxyToXywh,
} from './boxes.ts'
export {
  detectionLossReference,
  type LossOptions,
  type LossValue,
  type MatchedRows,
  type RawHead,
  validationLoss,
} from './loss-value.ts'
export { ConfusionMatrix, iouThresholds, matchDetections } from './match.ts'
export { DETECTION_COLUMNS, type Decoded, type NmsOptions, nonMaxSuppression } from './nms.ts'
export { type Difference, PairedBootstrap, type PairedComparison, type PairedOptions } from './paired.ts'
export { batchPictures, picturedBatches, pixelBoxes } from './pictures.ts'
export {
  averagePrecision,
  axis,
  type ClassMetrics,
  classMetrics,
  type FigureRules,
  interpolate,
  type MarkedDetections,
  smooth,
} from './precision.ts'
export {
  type MarkedImage,
  Marks,
  type Metrics,
  type NetworkOutput,
  summarize,
  type ValidateOptions,
  type ValidationBatch,
  validate,
} from './validate.ts'
