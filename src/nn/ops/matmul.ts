// Matrix products, with NumPy's rules for leading axes.
import assert from 'node:assert/strict'
import { broadcastShapes } from '../dims.ts'
import type { Tensor } from '../graph.ts'
import { defineOp, f32 } from '../op.ts'
import { unbroadcast } from './elementwise.ts'
import { transpose } from './shape.ts'

const swapLast = (x: Tensor) => {
  const axes = x.shape.map((_, axis) => axis)
  const last = axes.length - 1
  return transpose(x, [...axes.slice(0, -2), last, last - 1])
}

export const matMulOp = defineOp({
  name: 'MatMul',
  infer: ([a, b]) => {
    assert.ok(a!.shape.length >= 2 && b!.shape.length >= 2, 'both operands must have two axes or more')
    assert.equal(a!.shape.at(-1), b!.shape.at(-2), `cannot multiply [${a!.shape}] by [${b!.shape}]`)
    const lead = broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2))
    return [{ shape: [...lead, a!.shape.at(-2)!, b!.shape.at(-1)!], dtype: a!.dtype }]
  },
  // dA = dY Bt, dB = At dY
  gradient: ({ inputs: [a, b], upstreams: [upstream], needs }) => [
    needs(0) ? unbroadcast(matMul(upstream!, swapLast(b!)), a!) : undefined,
    needs(1) ? unbroadcast(matMul(swapLast(a!), upstream!), b!) : undefined,
  ],
  onnx: 'MatMul',
  samples: [
    { inputs: [f32([2, 3]), f32([3, 4])], attributes: {} },
    { inputs: [f32([2, 3, 4]), f32([4, 2])], attributes: {} },
    { inputs: [f32([2, 3]), f32([2, 1, 3, 2])], attributes: {} },
  ],
})
/** Matrix product over the last two axes. */
export const matMul = (a: Tensor, b: Tensor): Tensor => a.graph.apply(matMulOp, [a, b], {})[0]!
