// Anchors that fit a data set. Start with `checkAnchors`.
export {
  type AnchorMessage,
  type CheckAnchorsOptions,
  type CheckedAnchors,
  checkAnchors,
  orderAnchors,
} from './check.ts'
export { type AnchorFit, fitness, fitOf } from './fit.ts'
export { type KMeansResult, kmeans } from './kmeans.ts'
export {
  type AnchorSearchOptions,
  type EvolveAnchorsOptions,
  evolveAnchors,
  kmeansAnchors,
  mutationFactors,
  searchAnchors,
} from './search.ts'
export { type LabelledSizes, labelSizes, toFloat32 } from './sizes.ts'
