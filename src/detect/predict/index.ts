// Looking at files. Start with `predict`.
export { type Prediction, type PredictOptions, predict } from './predict.ts'
export { listSources, type SourceFile } from './sources.ts'
export { videoRate } from './video.ts'
