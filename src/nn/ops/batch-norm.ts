// Batch normalisation with the statistics of the batch (training).
import { known, sizeOf, type Tensor } from '../graph.ts'
import { float } from '../onnx/model.ts'
import { defineOp, f32 } from '../op.ts'
import { blockedBatchNorm, blockedBatchNormGradient } from './batch-norm-blocked.ts'
import { batchNormCoefficients } from './batch-norm-coefficients.ts'
import { gpuBatchNorm, gpuBatchNormGradient } from './batch-norm-gpu.ts'

interface BatchNorm {
  readonly epsilon: number
}

/**
 * y = (x − mean) / √(var + ε) · γ + β per channel. Outputs: y [N, C, H, W], mean [C] and the biased variance [C] of
 * the batch; the running statistics are computed outside (layers.ts).
 */
export const batchNormOp = defineOp<BatchNorm>({
  name: 'BatchNorm',
  infer: ([x, gamma]) => [x!, gamma!, gamma!],
  gradient: ({ inputs: [x, gamma], outputs: [, mean, variance], upstreams: [dy], attributes }) =>
    x!.graph.apply(batchNormGradientOp, [x!, gamma!, mean!, variance!, dy!], attributes),
  onnx: ({ lowering: { writer }, inputs: [x, gamma, beta], inputTypes, attributes: { epsilon } }) => {
    const channels = known(inputTypes[1]!.shape[0])
    // With momentum 0 the second and third output are the statistics of the batch alone. The kernel writes them over
    // its last two inputs, so those must be fresh values: neither constants nor Identity of one (which is the same memory).
    const scratch = () => writer.node('ConstantOfShape', [writer.integers([channels])])
    const inputs = [x!, gamma!, beta!, scratch(), scratch()]
    return writer.nodes('BatchNormalization', inputs, 3, {
      epsilon: float(epsilon),
      momentum: float(0),
      training_mode: 1,
    })
  },
  gpu: gpuBatchNorm,
  blocked: blockedBatchNorm,
  samples: [
    {
      inputs: [f32([2, 12, 3, 5], -1, 2), f32([12], 0.5, 1.5), f32([12])],
      attributes: { epsilon: 1e-3 },
      withoutGradient: [1, 2],
    },
    {
      inputs: [f32([3, 4, 2, 5], -1, 2), f32([4], 0.5, 1.5), f32([4])],
      attributes: { epsilon: 1e-3 },
      withoutGradient: [1, 2],
    },
  ],
})

/**
 * With M = N·H·W, c = x, σ = √(var + ε), m1 = mean(dy), m2 = mean(dy · c) per channel:
 *
 * dβ = M m1,  dγ = M (m2 − mean m1) / σ,
 * dx = γ/σ (dy − m1 − (c − mean) (m2 − mean m1) / σ²) = A dy + B c + D
 * with A = γ/σ, B = −A (m2 − mean m1) / σ², D = −A m1 − B mean.
 */
export const batchNormGradientOp = defineOp<BatchNorm>({
  name: 'BatchNormGradient',
  infer: ([x, gamma]) => [x!, gamma!, gamma!],
  gradient: 'none', // nothing differentiates twice
  onnx: ({ lowering, inputs: [x, gamma, mean, variance, dy], inputTypes, attributes: { epsilon } }) => {
    const { writer } = lowering
    const [batch, channels, height, width] = inputTypes[0]!.shape.map(known)
    const mean4 = (name: string) =>
      lowering.reshape(writer.node('ReduceMean', [name], { axes: [0, 2, 3], keepdims: 0 }), [channels!])
    const m1 = mean4(dy!)
    const m2 = mean4(writer.node('Mul', [dy!, x!]))
    const { dgamma, dbeta, a, b, d } = batchNormCoefficients(lowering, {
      gamma: gamma!,
      mean: mean!,
      variance: variance!,
      m1,
      m2,
      count: sizeOf([batch!, height!, width!]),
      epsilon,
    })
    const perChannel = (name: string) => lowering.reshape(name, [1, channels!, 1, 1])
    // B c + D in one pass: the inference form of the operator with mean 0 and variance 1 − ε.
    const zeros = writer.floats(new Array<number>(channels!).fill(0))
    const ones = writer.floats(new Array<number>(channels!).fill(1))
    const affine = writer.node('BatchNormalization', [x!, b, d, zeros, ones], { epsilon: float(0) })
    const dx = writer.node('Add', [writer.node('Mul', [dy!, perChannel(a)]), affine])
    return [dx, dgamma, dbeta]
  },
  gpu: gpuBatchNormGradient,
  blocked: blockedBatchNormGradient,
  samples: [
    {
      inputs: [f32([3, 4, 2, 5], -1, 2), f32([4], 0.5, 1.5), f32([4]), f32([4], 0.5, 1), f32([3, 4, 2, 5])],
      attributes: { epsilon: 1e-3 },
    },
  ],
})

/**
 * Normalises [N, C, H, W] by the statistics of the batch.
 *
 * @returns y, the mean [C] and the biased variance [C] of the batch
 */
export function batchNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number,
): { y: Tensor; mean: Tensor; variance: Tensor } {
  const [y, mean, variance] = x.graph.apply(batchNormOp, [x, gamma, beta], { epsilon })
  return { y: y!, mean: mean!, variance: variance! }
}
