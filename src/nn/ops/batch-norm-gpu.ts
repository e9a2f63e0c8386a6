// Batch norm of a training from elementary operators: the runtime's own has no training mode on WebGPU.
import { known, sizeOf } from '../graph.ts'
import type { Lowering } from '../lowering.ts'
import type { LowerContext } from '../op.ts'
import { batchNormCoefficients } from './batch-norm-coefficients.ts'

interface BatchNorm {
  readonly epsilon: number
}

/** Mean per channel as [1, C, 1, 1]: first of each plane, whose values lie together, then over the images. */
function channelMeans({ writer }: Lowering, x: string): string {
  const planes = writer.node('ReduceMean', [x], { axes: [2, 3], keepdims: 1 })
  return writer.node('ReduceMean', [planes], { axes: [0], keepdims: 1 })
}

/** var = mean((x − mean)²), y = (x − mean) · γ/√(var + ε) + β. */
export function gpuBatchNorm({
  lowering,
  inputs: [x, gamma, beta],
  inputTypes,
  attributes: { epsilon },
}: LowerContext<BatchNorm>): readonly string[] {
  const { writer } = lowering
  const channels = known(inputTypes[1]!.shape[0])
  const op = (operator: string, ...names: string[]) => writer.node(operator, names)
  const perChannel = (name: string) => lowering.reshape(name, [1, channels, 1, 1])
  const mean = channelMeans(lowering, x!)
  const centred = op('Sub', x!, mean)
  const variance = channelMeans(lowering, op('Mul', centred, centred))
  const factor = op('Div', perChannel(gamma!), op('Sqrt', op('Add', variance, writer.floats([epsilon], []))))
  const y = op('Add', op('Mul', centred, factor), perChannel(beta!))
  return [y, lowering.reshape(mean, [channels]), lowering.reshape(variance, [channels])]
}

/** dx = A dy + B x + D; see `batchNormGradientOp`. */
export function gpuBatchNormGradient({
  lowering,
  inputs: [x, gamma, mean, variance, dy],
  inputTypes,
  attributes: { epsilon },
}: LowerContext<BatchNorm>): readonly string[] {
  const { writer } = lowering
  const [batch, channels, height, width] = inputTypes[0]!.shape.map(known)
  const op = (operator: string, ...names: string[]) => writer.node(operator, names)
  const means = (name: string) => lowering.reshape(channelMeans(lowering, name), [channels!])
  const { dgamma, dbeta, a, b, d } = batchNormCoefficients(lowering, {
    gamma: gamma!,
    mean: mean!,
    variance: variance!,
    m1: means(dy!),
    m2: means(op('Mul', dy!, x!)),
    count: sizeOf([batch!, height!, width!]),
    epsilon,
  })
  const scaled = (name: string, factor: string) => op('Mul', name, lowering.reshape(factor, [1, channels!, 1, 1]))
  const dx = op('Add', op('Add', scaled(dy!, a), scaled(x!, b)), lowering.reshape(d, [1, channels!, 1, 1]))
  return [dx, dgamma, dbeta]
}
