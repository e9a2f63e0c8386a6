// How much memory a training takes, told before it begins.
import { known, Scope } from '../../nn/index.ts'
import { buildDetector } from '../model/build.ts'
import type { ModelDefinition } from '../model/definition.ts'

/** Node.js, ONNX Runtime, decoded batches, the validation graph. */
const baseBytes = 250e6
/** Weights, gradient, momentum, average, each twice, and copies in other layouts: bytes per parameter. */
const bytesPerParameter = 48
/** Of the forward pass's tensors: most are kept for the backward pass, whose own come on top. */
const backwardShare = 1.2

/** Memory of a training in bytes, right within about a quarter (measured for yolov5n from 128 px to 320 px). */
export function estimateTrainingBytes(
  definition: ModelDefinition,
  { imagePx, batchSize }: { readonly imagePx: number; readonly batchSize: number },
): number {
  const scope = Scope.train()
  buildDetector(scope, definition, scope.image('image', batchSize, imagePx, imagePx))
  const size = (shape: readonly (number | string)[]) => shape.map(known).reduce((a, b) => a * b, 1)
  let activations = 0
  for (const { inputs, outputs } of scope.graph.nodes)
    if (inputs.length > 0) for (const { shape } of outputs) activations += 4 * size(shape)
  let parameters = 0
  for (const { shape } of scope.parameters.values()) parameters += size(shape)
  return baseBytes + bytesPerParameter * parameters + backwardShare * activations
}
