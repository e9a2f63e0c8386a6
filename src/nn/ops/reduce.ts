// Sums, means and maxima over axes.
import { normalAxis } from '../dims.ts'
import { known, type Tensor, type TensorType } from '../graph.ts'
import { defineOp, f32, type LowerContext, type Sample } from '../op.ts'
import { cast, div, equal, mul } from './elementwise.ts'
import { broadcastTo, reshape } from './shape.ts'

interface Reduction {
  readonly axes: readonly number[]
  readonly keepAxes: boolean
}

const infer = ([x]: readonly TensorType[], { axes, keepAxes }: Reduction): TensorType[] => [
  {
    shape: keepAxes
      ? x!.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
      : x!.shape.filter((_, axis) => !axes.includes(axis)),
    dtype: x!.dtype,
  },
]

const samples: Sample<Reduction>[] = [
  { inputs: [f32([2, 3, 4])], attributes: { axes: [1], keepAxes: true } },
  { inputs: [f32([2, 3, 4])], attributes: { axes: [0, 2], keepAxes: false } },
  { inputs: [f32([5])], attributes: { axes: [0], keepAxes: false } },
]

/** The reduced tensor with length 1 where the axes were. */
const withAxes = (reduced: Tensor, x: Tensor, axes: readonly number[]) =>
  reshape(
    reduced,
    x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  )

const count = (x: Tensor, axes: readonly number[]) => axes.reduce((product, axis) => product * known(x.shape[axis]), 1)

const lowerWithAttribute =
  (operator: string) =>
  ({ lowering: { writer }, inputs, attributes: { axes, keepAxes } }: LowerContext<Reduction>) => [
    writer.node(operator, inputs, { axes, keepdims: Number(keepAxes) }),
  ]

export const reduceSumOp = defineOp<Reduction>({
  name: 'ReduceSum',
  infer,
  gradient: ({ inputs: [x], upstreams: [upstream], attributes: { axes } }) => [
    broadcastTo(withAxes(upstream!, x!, axes), x!.shape),
  ],
  onnx: ({ lowering: { writer }, inputs, attributes: { axes, keepAxes } }) => [
    writer.node('ReduceSum', [inputs[0]!, writer.integers(axes)], { keepdims: Number(keepAxes) }),
  ],
  samples,
})

export const reduceMeanOp = defineOp<Reduction>({
  name: 'ReduceMean',
  infer,
  gradient: ({ inputs: [x], upstreams: [upstream], attributes: { axes } }) => [
    broadcastTo(mul(withAxes(upstream!, x!, axes), 1 / count(x!, axes)), x!.shape),
  ],
  onnx: lowerWithAttribute('ReduceMean'),
  samples,
})

/** Ties share the gradient evenly, as torch.amax does. */
export const reduceMaxOp = defineOp<Reduction>({
  name: 'ReduceMax',
  infer,
  gradient: ({ inputs: [x], outputs: [y], upstreams: [upstream], attributes: { axes } }) => {
    const winners = cast(equal(x!, withAxes(y!, x!, axes)), 'float32')
    const share = div(withAxes(upstream!, x!, axes), reduceSum(winners, axes, true))
    return [mul(winners, share)]
  },
  onnx: lowerWithAttribute('ReduceMax'),
  samples,
})

const normal = (x: Tensor, axes: readonly number[] | undefined) =>
  axes === undefined
    ? x.shape.map((_, axis) => axis)
    : axes.map((axis) => normalAxis(axis, x.shape.length)).sort((a, b) => a - b)

/** Sum over axes (all of them by default); the axes vanish unless `keepAxes`. */
export const reduceSum = (x: Tensor, axes?: readonly number[], keepAxes = false): Tensor =>
  x.graph.apply(reduceSumOp, [x], { axes: normal(x, axes), keepAxes })[0]!
/** Mean over axes (all of them by default); the axes vanish unless `keepAxes`. */
export const reduceMean = (x: Tensor, axes?: readonly number[], keepAxes = false): Tensor =>
  x.graph.apply(reduceMeanOp, [x], { axes: normal(x, axes), keepAxes })[0]!
/** Largest value over axes (all of them by default); the axes vanish unless `keepAxes`. */
export const reduceMax = (x: Tensor, axes?: readonly number[], keepAxes = false): Tensor =>
  x.graph.apply(reduceMaxOp, [x], { axes: normal(x, axes), keepAxes })[0]!
