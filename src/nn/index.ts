/**
 * The training engine: symbolic tensors, reverse-mode gradients, and whole training steps as one ONNX model.
 *
 * @example
 * ```ts
 * const state = new TrainState().load(new Map([
 *   ['0.conv.weight', { shape: [8, 3, 3, 3], data: new Float32Array(216).map(() => Math.random() - 0.5) }],
 *   ['0.bn.weight', { shape: [8], data: new Float32Array(8).fill(1) }],
 *   …
 * ]))
 * const step = await TrainStep.create({
 *   state,
 *   threads: 2,
 *   build(scope) {
 *     const image = scope.image('image', 16, 64, 64)                     // float32 [16, 3, 64, 64] in [0, 1]
 *     const target = scope.graph.input('target', [16, 8])
 *     const gain = scope.graph.input('gain', [])                         // differs between trials, so an input
 *     const x = silu(convBatchNorm(scope.child(0), image, { out: 8, kernel: 3, stride: 2, padding: 1 }))
 *     const error = sub(reduceMean(x, [2, 3]), target)
 *     return { loss: mul(reduceMean(mul(error, error)), gain), outputs: { error } }
 *   },
 * })
 * const { loss, gradientNorm } = await step.run(
 *   { image: bytes, target, gain: 0.5 },                                 // bytes in the layout `step.imageLayout`
 *   { step: 1, learningRate: { bias: 0.1, decayed: 0.01, norm: 0.01 }, momentum: 0.937, weightDecay: 5e-4,
 *     emaDecay: 0.999, maxNorm: 10 },
 * )
 * const weights = state.toWeights('ema')
 * await step.dispose()
 * ```
 *
 * For evaluation: `Scope.evaluate(weights)` builds the same network with constants and folded batch norm;
 * `compile(graph, outputs)` runs it, `exportOnnx` writes it. `declarations(build)` lists the weights of a network.
 */

export { type Device, hasCudaProvider, isGpu } from './device.ts'
export { declarations, exportOnnx } from './export.ts'
export { gradients } from './gradients.ts'
export {
  type Dim,
  type DType,
  Graph,
  type ImageLayout,
  known,
  type Operand,
  type ParameterGroup,
  sizeOf,
  type Tensor,
  type TensorData,
} from './graph.ts'
export { readOnnxMetadata } from './onnx/metadata.ts'
export type { FloatType } from './onnx/model.ts'
export * from './ops/index.ts'
export { type OptimizerName, optimizerSlots } from './optimizer.ts'
export { imageLayoutFor, type LayoutChoice, probeBlockSize, requireDevice } from './probe.ts'
export {
  fromHalf,
  readSafetensors,
  toHalf,
  type Weights,
  type WeightTensor,
  writeSafetensors,
} from './safetensors.ts'
export {
  BATCH_NORM_EPSILON,
  BATCH_NORM_MOMENTUM,
  batchNormLayer,
  type ConvLayer,
  type ConvNormStyle,
  convBatchNorm,
  convLayer,
  type Declaration,
  Scope,
} from './scope.ts'
export {
  compile,
  createSession,
  type Executable,
  type Model,
  type ModelPort,
  type ModelValue,
  openModel,
  type RuntimeOptions,
  tensorOf,
} from './session.ts'
export { StepCache, type StepCacheOptions } from './step-cache.ts'
export type { TrainProgram } from './train-model.ts'
export { type OptimizerState, TrainState, type TrainStateOptions } from './train-state.ts'
export { type StepResult, type StepScalars, TrainStep, type TrainStepOptions } from './train-step.ts'
