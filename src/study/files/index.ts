// The text files of an evolution, as each release of YOLOv5 and yolov3 writes and reads them. Pure: who touches the disk
// passes texts.
export { type BestOptions, bestFormats, formatBest } from './best.ts'
export {
  type EvolveFormat,
  type EvolveTable,
  evolvePrefix,
  type FilePlace,
  type Ranking,
} from './format.ts'
export { type EvolveFormatName, type EvolveRelease, evolveFormats, formatOfRelease } from './formats.ts'
export { updateHypText } from './hyp-text.ts'
export { type ReleaseKeys, releaseKeys } from './keys.ts'
export { type ReadOptions, type ReadTable, readEvolveTable } from './read.ts'
export {
  type EvolveFileText,
  evolveTable,
  pictureTable,
  type RenderOptions,
  renderEvolveFiles,
  rowOf,
} from './render.ts'
export { type EvolveRow, metricsOf, resultsOf } from './row.ts'
