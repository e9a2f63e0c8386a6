// Making data sets and looking at them: convert, init, split, check, summary. What trains reads data sets through `../data`.
export { labelSizes } from '../anchors/index.ts'
export {
  type CheckOptions,
  type CheckReport,
  checkDataset,
  type Finding,
  type FindingKind,
  findingKinds,
} from './check.ts'
export { type Conversion, type ConvertOptions, convertDataset } from './convert.ts'
export { type AnnotationFormatName, annotationFormats } from './formats/index.ts'
export type { GroupRule } from './groups.ts'
export { type InitOptions, initDataset, type SplitSummary } from './init.ts'
export { type LeftOutReason, leftOut } from './source.ts'
export type { SplitOptions } from './split.ts'
export { splitDataset } from './split-dataset.ts'
export { type DatasetSummary, type Quartiles, type SampleImages, sampleImages, summariseDataset } from './summary.ts'
