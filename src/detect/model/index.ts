// Models: definition (yaml), graph, initial weights, summary, export. Start at definition.ts and build.ts.
export { buildDetector, decodeHeads, gridAnchors, unfoldHead } from './build.ts'
export {
  loadModel,
  type ModelDefinition,
  type ModelOptions,
  type ModelYaml,
  parseModel,
  structureKey,
  withAnchors,
} from './definition.ts'
export { boxOutput, type ExportDetectorOptions, exportDetector, imageInput } from './export.ts'
export { initialWeights, type Transfer, transferWeights, weightShapes } from './initial-weights.ts'
export { type ModelSummary, summarise } from './summary.ts'
