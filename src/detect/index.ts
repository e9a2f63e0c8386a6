/**
 * The detector: trains YOLOv5 models, validates them, looks at images. Nothing native is loaded before it is used.
 *
 * @example
 * ```ts
 * import { train, trainDefaults, loadHyp } from 'hypevolve/detect'
 *
 * const { hyp } = loadHyp('scratch-low')
 * const result = await train(
 *   { ...trainDefaults, data: 'my/data.yaml', cfg: 'yolov5n.yaml', hyp, imagePx: 160, epochs: 40, saveDir: 'runs/mine' },
 *   { onEvent: (event) => event.type === 'epoch' && console.log(event.epoch, event.results?.mAP50to95) },
 * )
 * ```
 */
export {
  type Device,
  hasCudaProvider,
  imageLayoutFor,
  type LayoutChoice,
  probeBlockSize,
  requireDevice,
  type Weights,
} from '../nn/index.ts'
export { type AssetEvent, type AssetHooks, ensureDataset, ensureWeights } from './assets/index.ts'
export { exportCfg, exportDarknet } from './darknet/index.ts'
export {
  createDataPool,
  type DataPool,
  type Dataset,
  defaultCacheFolder as cacheFolder,
  type ImageLayout,
  openDataset,
  type RgbImage,
  readDatasetYaml,
  type Split,
  toPlainImages,
} from './data/index.ts'
export { datasetHash } from './data-hash.ts'
export {
  type AnnotationFormatName,
  annotationFormats,
  type CheckReport,
  type Conversion,
  type ConvertOptions,
  checkDataset,
  convertDataset,
  type DatasetSummary,
  type Finding,
  type FindingKind,
  findingKinds,
  type GroupRule,
  initDataset,
  labelSizes,
  leftOut,
  type Quartiles,
  type SplitOptions,
  type SplitSummary,
  sampleImages,
  splitDataset,
  summariseDataset,
} from './datasets/index.ts'
export {
  type Detection,
  type DetectOptions,
  Detector,
  type LoadDetectorOptions,
  type Look,
  loadDetector,
} from './detector.ts'
export { ensureDigits } from './digits/index.ts'
export { type EvaluationImages, Evaluator, type Network } from './evaluator.ts'
export { families, type ModelFamily, type ValidationRules } from './family.ts'
export {
  checkHyp,
  defaultHypName,
  type LoadedHyp,
  loadHyp,
  parseHyp,
  rawHyp,
  type TrainHyp,
  type TrainHypKey,
  trainHyp,
} from './hyp.ts'
export { exportDetector, loadModel, type ModelDefinition, parseModel, summarise } from './model/index.ts'
export { type DetectorSource, type OpenDetector, openDetector, readDetector } from './open-detector.ts'
export {
  listSources,
  type Prediction,
  type PredictOptions,
  predict,
  type SourceFile,
  videoRate,
} from './predict/index.ts'
export { type ExportPtOptions, exportPt, type PtCheckpoint, readPtCheckpoint } from './pt/index.ts'
export { packagedNames, resolveFile } from './resolve.ts'
export {
  formatResultsHeader,
  formatResultsRow,
  parseResults,
  ResultsFile,
  ResultsTable,
  readResults,
} from './results.ts'
export { fitness } from './schedule.ts'
export {
  type DetectorFile,
  type DetectorInfo,
  loadDetectorFile,
  readCheckpointOptions,
  saveDetector,
} from './train/checkpoint.ts'
export type { BatchImages, ClassRow, EpochResults, TrainEvent, TrainResult, ValCurves } from './train/events.ts'
export { type TrainHooks, TrainingHost, train } from './train/host.ts'
export { type TrainOptions, trainDefaults } from './train/options.ts'
export {
  batchPictures,
  type Difference,
  type MarkedImage,
  Marks,
  type Metrics,
  PairedBootstrap,
  type PairedComparison,
  type PairedOptions,
  picturedBatches,
  type ValidateOptions,
  type ValidationBatch,
  validate,
} from './val/index.ts'
