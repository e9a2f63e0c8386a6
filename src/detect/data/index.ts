// The data part of the detector: data set yaml, labels, decoding, caches, augmentation, loaders.

export { defaultCacheFolder } from './cache-folder.ts'
export { isDarknetData } from './darknet-data.ts'
export { classFaults, describeFault, openDataset, type SplitScan, scanSplit } from './dataset.ts'
export { parseDatasetYaml, readDatasetYaml, readYamlNames } from './dataset-yaml.ts'
export { decodeImage, greyThumbnail, imageSize } from './decode.ts'
export { byCodePoint, isImage, labelPath, listFiles, listImages } from './image-list.ts'
export { type ParsedLabels, parseLabels } from './labels.ts'
export { type ImageLayout, imageBytes, toPlainImages } from './layout.ts'
export { type Letterbox, type LetterboxOptions, letterbox, letterboxGeometry } from './letterbox.ts'
export { augmentHyp, createTrainLoader, createValLoader } from './loader.ts'
export type { MosaicTiles } from './mosaic.ts'
export { createDataPool } from './pool.ts'
export { loadSize, resizeForLoad } from './resize.ts'
export type { RgbImage } from './rgb.ts'
export { type DatasetStatistics, datasetStatistics } from './statistics.ts'
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
