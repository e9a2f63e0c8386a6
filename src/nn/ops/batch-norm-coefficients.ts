// Per-channel arithmetic of the batch-norm gradient, shared by the plain and the blocked form.
import type { GraphWriter } from '../onnx/model.ts'

/**
 * The per-channel arithmetic of the gradient; all values are vectors of one length. `mean` is left out if x has been
 * centred, that is if its mean is zero.
 */
export function batchNormCoefficients(
  { writer }: { writer: GraphWriter },
  v: {
    gamma: string
    mean: string | undefined
    variance: string
    m1: string
    m2: string
    count: number
    epsilon: number
  },
) {
  const op = (operator: string, a: string, b: string) => writer.node(operator, [a, b])
  const sigma2 = op('Add', v.variance, writer.floats([v.epsilon], []))
  const sigma = writer.node('Sqrt', [sigma2])
  const covariance = v.mean === undefined ? v.m2 : op('Sub', v.m2, op('Mul', v.mean, v.m1))
  const count = writer.floats([v.count], [])
  const a = op('Div', v.gamma, sigma)
  const minusB = op('Mul', a, op('Div', covariance, sigma2))
  const b = writer.node('Neg', [minusB])
  const am1 = op('Mul', a, v.m1)
  return {
    dgamma: op('Mul', op('Div', covariance, sigma), count),
    dbeta: op('Mul', v.m1, count),
    a,
    b,
    d: v.mean === undefined ? writer.node('Neg', [am1]) : op('Sub', op('Mul', minusB, v.mean), am1),
  }
}
