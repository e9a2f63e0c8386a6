// The data part of the detector: data set yaml, labels, decoding, caches, augmentation, loaders.
export { type ImageLayout, imageBytes, packImage, toPlainImages } from './layout.ts'
export type {
  AugmentHyp,
  DataPool,
  DataProgress,
  Dataset,
  DatasetDefinition,
  DatasetOptions,
  Fault,
  FaultKind,
  LoaderOptions,
  OriginalImage,
  ScanCounts,
  Split,
  TrainBatch,
  TrainLoader,
  TrainLoaderOptions,
  ValBatch,
  ValLoader,
  ValLoaderOptions,
} from './types.ts'
