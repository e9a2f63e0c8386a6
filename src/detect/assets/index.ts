// Files that are fetched when they are wanted and not here: released weights, images of data sets. Start at
// `ensureWeights` and `ensureDataset`.
export { ensureDataset } from './dataset.ts'
export type { AssetEvent, AssetHooks } from './fetch.ts'
export { assetsFolder, cachedWeights } from './folder.ts'
export { packagedDataset, packagedDatasets } from './packaged.ts'
export { ensureWeights } from './weights.ts'
