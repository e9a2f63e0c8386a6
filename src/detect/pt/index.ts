// Checkpoints of PyTorch, read without executing anything and written for YOLOv5. Start at `readPtCheckpoint` and
// `exportPt`.
export { type PtCheckpoint, PtModel, type PtOptimizerState, readPtCheckpoint } from './checkpoint.ts'
export { detectorOf, modelYamlOf, type PtDetector } from './detector.ts'
export { type ExportedDetector, type ExportPtOptions, exportPt } from './export.ts'
export { isPtFile, readPt } from './read.ts'
export { readTensor, Tensor } from './tensor.ts'
