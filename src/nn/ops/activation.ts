// Activation functions of convolution layers. SiLU has its own gradient op because it is the most frequent one.
import type { Tensor } from '../graph.ts'
import { MICROSOFT } from '../lowering.ts'
import { float } from '../onnx/model.ts'
import { defineOp, f32 } from '../op.ts'
import { blockedSiluGradient } from './batch-norm-blocked.ts'
import { add, and, greater, greaterOrEqual, less, lessOrEqual, mul, softplus, tanh, where } from './elementwise.ts'

type None = Record<never, never>

/** y = x · sigmoid(x). */
export const siluOp = defineOp<None>({
  name: 'SiLU',
  infer: ([x]) => [x!],
  gradient: ({ inputs: [x], outputs: [y], upstreams: [dy] }) => [x!.graph.apply(siluGradientOp, [x!, y!, dy!], {})[0]!],
  onnx: ({ lowering: { writer }, inputs }) => [writer.node('QuickGelu', inputs, { alpha: float(1) }, MICROSOFT)],
  blocked: (lowering, { inputs: [x], outputs: [y] }) => {
    if (!lowering.has(x!, 'blocked')) return false
    const { writer } = lowering
    lowering.define(
      y!,
      'blocked',
      writer.node('QuickGelu', [lowering.value(x!, 'blocked')], { alpha: float(1) }, MICROSOFT),
    )
    return true
  },
  samples: [
    { inputs: [f32([2, 3], -3, 3)], attributes: {} },
    { inputs: [f32([1, 12, 3, 3], -3, 3)], attributes: {} },
  ],
})

/** dx = dy · s (1 + x − y) with s = sigmoid(x), since y' = s + x s (1 − s) = s (1 + x − y). */
export const siluGradientOp = defineOp<None>({
  name: 'SiLUGradient',
  infer: ([x]) => [x!],
  gradient: 'none', // nothing differentiates twice
  onnx: ({ lowering: { writer }, inputs: [x, y, dy] }) => {
    const bracket = writer.node('Add', [writer.node('Sub', [x!, y!]), writer.floats([1], [])])
    return [writer.node('Mul', [writer.node('Mul', [dy!, writer.node('Sigmoid', [x!])]), bracket])]
  },
  blocked: blockedSiluGradient,
  samples: [
    { inputs: [f32([2, 3]), f32([2, 3]), f32([2, 3])], attributes: {} },
    { inputs: [f32([1, 16, 2, 3]), f32([1, 16, 2, 3]), f32([1, 16, 2, 3])], attributes: {} },
  ],
})

/** x · sigmoid(x), also called Swish. */
export const silu = (x: Tensor): Tensor => x.graph.apply(siluOp, [x], {})[0]!

/** x · tanh(ln(1 + e^x)). */
export const mish = (x: Tensor): Tensor => mul(x, tanh(softplus(x)))

/** x · min(max(x + 3, 0), 6) / 6; at the corners ±3 the gradient is that of the parabola, as in PyTorch 1.13. */
export const hardSwishOp = defineOp<None>({
  name: 'HardSwish',
  infer: ([x]) => [x!],
  gradient: ({ inputs: [x], upstreams: [dy] }) => {
    const inside = and(greaterOrEqual(x!, -3), lessOrEqual(x!, 3))
    return [mul(dy!, where(inside, add(mul(x!, 1 / 3), 0.5), where(less(x!, 0), 0, 1)))]
  },
  onnx: 'HardSwish',
  samples: [{ inputs: [f32([3, 4], -5, 5)], attributes: {} }],
})
export const hardSwish = (x: Tensor): Tensor => x.graph.apply(hardSwishOp, [x], {})[0]!

/** min(max(x, 0), 6); PyTorch gives the gradient 0 at both corners. */
export const relu6Op = defineOp<None>({
  name: 'ReLU6',
  infer: ([x]) => [x!],
  gradient: ({ inputs: [x], upstreams: [dy] }) => [where(and(greater(x!, 0), less(x!, 6)), dy!, 0)],
  onnx: ({ lowering: { writer }, inputs }) => [
    writer.node('Clip', [inputs[0]!, writer.floats([0], []), writer.floats([6], [])]),
  ],
  samples: [{ inputs: [f32([3, 4], -3, 9)], attributes: {} }],
})
export const relu6 = (x: Tensor): Tensor => x.graph.apply(relu6Op, [x], {})[0]!

/**
 * Binary cross entropy of logits, element by element (torch's binary_cross_entropy_with_logits, reduction 'none'):
 * (1 − t) x + (1 + (w − 1) t) ln(1 + e^−x), which does not overflow.
 *
 * @param positiveWeight - weight w of the positive part; a number or a scalar tensor
 */
export function bceWithLogits(logits: Tensor, targets: Tensor, positiveWeight?: Tensor | number): Tensor {
  const tail = softplus(mul(logits, -1))
  const weighted =
    positiveWeight === undefined
      ? tail
      : mul(add(mul(add(positiveWeightTensor(positiveWeight, logits), -1), targets), 1), tail)
  return add(mul(add(mul(targets, -1), 1), logits), weighted)
}

const positiveWeightTensor = (weight: Tensor | number, like: Tensor) =>
  typeof weight === 'number' ? like.graph.constant(weight) : weight
