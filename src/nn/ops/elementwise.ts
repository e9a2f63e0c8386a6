// Ops that work element by element, with NumPy's broadcasting for two operands.
import assert from 'node:assert/strict'
import { broadcastShapes } from '../dims.ts'
import type { DType, Operand, Tensor, TensorType } from '../graph.ts'
import { type FloatAttribute, float } from '../onnx/model.ts'
import { defineOp, f32, type GradientContext, type Op, type SampleInput } from '../op.ts'
import { reduceSum } from './reduce.ts'
import { reshape } from './shape.ts'

type None = Record<never, never>
const none: None = {}

const sameType = ([x]: readonly TensorType[]): TensorType[] => [x!]

/** A number beside a tensor becomes a scalar of that tensor's type. */
export const toTensor = (value: Operand, like: Tensor): Tensor =>
  typeof value === 'number' ? like.graph.constant(value, [], like.dtype) : value

function operands(a: Operand, b: Operand): [Tensor, Tensor] {
  assert.ok(typeof a !== 'number' || typeof b !== 'number', 'one operand must be a tensor')
  return typeof a === 'number' ? [toTensor(a, b as Tensor), b as Tensor] : [a, toTensor(b, a)]
}

/** Sums a gradient over the axes along which an operand was repeated. */
export function unbroadcast(gradient: Tensor, operand: Tensor): Tensor {
  const lead = gradient.shape.length - operand.shape.length
  const axes: number[] = []
  for (const [axis, dim] of gradient.shape.entries())
    if (axis < lead || (operand.shape[axis - lead] === 1 && dim !== 1)) axes.push(axis)
  if (axes.length === 0 && lead === 0) return gradient
  const sum = axes.length === 0 ? gradient : reduceSum(gradient, axes, true)
  return lead === 0 ? sum : reshape(sum, operand.shape)
}

type UnaryGradient = (context: { x: Tensor; y: Tensor; upstream: Tensor }) => Tensor

function unary(
  onnx: string,
  gradient: UnaryGradient | 'none',
  sample: SampleInput = f32([2, 3]),
  blocked: 'elementwise' | 'elementwise-zero' = 'elementwise',
): Op<None> {
  return defineOp<None>({
    name: onnx,
    infer: sameType,
    gradient:
      gradient === 'none'
        ? 'none'
        : ({ inputs, outputs, upstreams }) => [gradient({ x: inputs[0]!, y: outputs[0]!, upstream: upstreams[0]! })],
    onnx,
    blocked,
    samples: [
      { inputs: [sample], attributes: none },
      ...[16, 12].map((channels) => ({ inputs: [{ ...sample, shape: [2, channels, 2, 3] }], attributes: none })),
    ],
  })
}

type BinaryGradient = (context: { a: Tensor; b: Tensor; y: Tensor; upstream: Tensor }) => [() => Tensor, () => Tensor]

/** Sample shapes of every op with two operands: equal, repeated rows, scalar, both repeated. */
const pairs: readonly [number[], number[]][] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[], [4]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [
    [1, 16, 2, 2],
    [1, 16, 2, 2],
  ],
  [
    [1, 12, 2, 2],
    [1, 12, 2, 2],
  ],
  [[1, 12, 2, 2], []],
]

function binary(
  onnx: string,
  gradient: BinaryGradient | 'none',
  {
    a = [-1, 1],
    b = [-1, 1],
    dtype,
    operandType,
    blocked = 'elementwise',
  }: {
    a?: [number, number]
    b?: [number, number]
    dtype?: DType
    operandType?: DType
    blocked?: 'elementwise' | 'elementwise-zero'
  } = {},
): Op<None> {
  return defineOp<None>({
    name: onnx,
    infer: ([left, right]) => {
      assert.equal(left!.dtype, right!.dtype, `${onnx}: operands are ${left!.dtype} and ${right!.dtype}`)
      return [{ shape: broadcastShapes(left!.shape, right!.shape), dtype: dtype ?? left!.dtype }]
    },
    gradient:
      gradient === 'none'
        ? 'none'
        : ({ inputs, outputs, upstreams, needs }: GradientContext<None>) => {
            const rules = gradient({ a: inputs[0]!, b: inputs[1]!, y: outputs[0]!, upstream: upstreams[0]! })
            return rules.map((rule, i) => (needs(i) ? unbroadcast(rule(), inputs[i]!) : undefined))
          },
    onnx,
    blocked,
    samples: pairs.map(([left, right]) => ({
      inputs: [
        { shape: left, low: a[0], high: a[1], dtype: operandType ?? 'float32' },
        { shape: right, low: b[0], high: b[1], dtype: operandType ?? 'float32' },
      ],
      attributes: none,
    })),
  })
}

const call1 = (op: Op<None>) => (x: Tensor) => x.graph.apply(op, [x], none)[0]!
const call2 = (op: Op<None>) => (a: Operand, b: Operand) => {
  const [left, right] = operands(a, b)
  return left.graph.apply(op, [left, right], none)[0]!
}

// ---- two operands

export const addOp = binary('Add', ({ upstream }) => [() => upstream, () => upstream], { blocked: 'elementwise-zero' })
export const subOp = binary('Sub', ({ upstream }) => [() => upstream, () => neg(upstream)], {
  blocked: 'elementwise-zero',
})
export const mulOp = binary('Mul', ({ a, b, upstream }) => [() => mul(upstream, b), () => mul(upstream, a)], {
  blocked: 'elementwise-zero',
})
// d(a/b) = da/b - y db/b
export const divOp = binary(
  'Div',
  ({ b, y, upstream }) => [() => div(upstream, b), () => neg(div(mul(upstream, y), b))],
  { b: [0.5, 2] },
)
// d(a^b) = b a^(b-1) da + a^b ln(a) db
export const powOp = binary(
  'Pow',
  ({ a, b, y, upstream }) => [() => mul(upstream, mul(b, pow(a, sub(b, 1)))), () => mul(upstream, mul(y, log(a)))],
  { a: [0.5, 2], b: [0.5, 2] },
)

/** Where both are equal, each operand gets half of the gradient, as in PyTorch. */
const winnerGradient =
  (wins: (a: Tensor, b: Tensor) => Tensor): BinaryGradient =>
  ({ a, b, upstream }) => {
    const half = () => where(equal(a, b), mul(upstream, 0.5), 0)
    return [() => where(wins(a, b), upstream, half()), () => where(wins(b, a), upstream, half())]
  }
export const minimumOp = binary(
  'Min',
  winnerGradient((a, b) => less(a, b)),
  { blocked: 'elementwise-zero' },
)
export const maximumOp = binary(
  'Max',
  winnerGradient((a, b) => greater(a, b)),
  { blocked: 'elementwise-zero' },
)

export const equalOp = binary('Equal', 'none', { dtype: 'bool' })
export const greaterOp = binary('Greater', 'none', { dtype: 'bool' })
export const greaterOrEqualOp = binary('GreaterOrEqual', 'none', { dtype: 'bool' })
export const lessOp = binary('Less', 'none', { dtype: 'bool' })
export const lessOrEqualOp = binary('LessOrEqual', 'none', { dtype: 'bool' })
export const andOp = binary('And', 'none', { dtype: 'bool', operandType: 'bool' })
export const orOp = binary('Or', 'none', { dtype: 'bool', operandType: 'bool' })

/** a + b. A number stands for a scalar; shapes broadcast as in NumPy. The same holds for all functions below. */
export const add = (a: Operand, b: Operand): Tensor =>
  b === 0 ? (a as Tensor) : a === 0 ? (b as Tensor) : call2(addOp)(a, b)
export const sub = (a: Operand, b: Operand): Tensor => (b === 0 ? (a as Tensor) : call2(subOp)(a, b))
export const mul = (a: Operand, b: Operand): Tensor =>
  b === 1 ? (a as Tensor) : a === 1 ? (b as Tensor) : call2(mulOp)(a, b)
export const div = (a: Operand, b: Operand): Tensor => (b === 1 ? (a as Tensor) : call2(divOp)(a, b))
/** a to the power of b. The gradient needs a > 0 where b is trained. */
export const pow = call2(powOp)
/** The smaller of two; the gradient is shared half and half where they are equal. */
export const minimum = call2(minimumOp)
/** The larger of two; the gradient is shared half and half where they are equal. */
export const maximum = call2(maximumOp)
/** Comparisons give bool and have no gradient. */
export const equal = call2(equalOp)
export const greater = call2(greaterOp)
export const greaterOrEqual = call2(greaterOrEqualOp)
export const less = call2(lessOp)
export const lessOrEqual = call2(lessOrEqualOp)
export const and = call2(andOp)
export const or = call2(orOp)

// ---- one operand

export const negOp = unary('Neg', ({ upstream }) => neg(upstream), f32([2, 3]), 'elementwise-zero')
export const absOp = unary('Abs', ({ x, upstream }) => mul(upstream, sign(x)), f32([2, 3]), 'elementwise-zero')
export const signOp = unary('Sign', 'none', f32([2, 3]), 'elementwise-zero')
export const floorOp = unary('Floor', 'none', f32([2, 3], -3, 3), 'elementwise-zero')
export const expOp = unary('Exp', ({ y, upstream }) => mul(upstream, y))
export const logOp = unary('Log', ({ x, upstream }) => div(upstream, x), f32([2, 3], 0.3, 3))
export const sqrtOp = unary('Sqrt', ({ y, upstream }) => div(mul(upstream, 0.5), y), f32([2, 3], 0.3, 3))
export const reciprocalOp = unary('Reciprocal', ({ y, upstream }) => neg(mul(upstream, mul(y, y))), f32([2, 3], 0.5, 2))
// dy/dx = y (1 - y)
export const sigmoidOp = unary('Sigmoid', ({ y, upstream }) => mul(upstream, mul(y, sub(1, y))), f32([2, 3], -3, 3))
// dy/dx = 1 - y^2
export const tanhOp = unary('Tanh', ({ y, upstream }) => mul(upstream, sub(1, mul(y, y))), f32([2, 3], -2, 2))
// dy/dx = 1 / (1 + x^2)
export const atanOp = unary('Atan', ({ x, upstream }) => div(upstream, add(1, mul(x, x))), f32([2, 3], -2, 2))
export const reluOp = unary(
  'Relu',
  ({ x, upstream }) => where(greater(x, 0), upstream, 0),
  f32([2, 3]),
  'elementwise-zero',
)
// y = ln(1 + e^x), dy/dx = sigmoid(x)
export const softplusOp = unary('Softplus', ({ x, upstream }) => mul(upstream, sigmoid(x)), f32([2, 3], -3, 3))
export const notOp = unary('Not', 'none', { shape: [2, 3], dtype: 'bool' })
export const isNanOp = defineOp<None>({
  name: 'IsNaN',
  infer: ([x]) => [{ shape: x!.shape, dtype: 'bool' }],
  gradient: 'none',
  onnx: 'IsNaN',
  samples: [{ inputs: [{ shape: [3], values: [1, Number.NaN, -2] }], attributes: none }],
})

export const neg = call1(negOp)
/** |x|; the gradient at 0 is 0. */
export const abs = call1(absOp)
export const sign = call1(signOp)
export const floor = call1(floorOp)
export const exp = call1(expOp)
export const log = call1(logOp)
export const sqrt = call1(sqrtOp)
export const reciprocal = call1(reciprocalOp)
export const sigmoid = call1(sigmoidOp)
export const tanh = call1(tanhOp)
export const atan = call1(atanOp)
export const relu = call1(reluOp)
export const softplus = call1(softplusOp)
export const not = call1(notOp)
/** Whether an element is not a number; bool. */
export const isNotANumber = call1(isNanOp)

// ---- selection

/** y = condition ? a : b, broadcast. */
export const whereOp = defineOp<None>({
  name: 'Where',
  infer: ([condition, a, b]) => {
    assert.equal(condition!.dtype, 'bool')
    assert.equal(a!.dtype, b!.dtype)
    return [{ shape: broadcastShapes(condition!.shape, broadcastShapes(a!.shape, b!.shape)), dtype: a!.dtype }]
  },
  gradient: ({ inputs, upstreams, needs }) => [
    undefined,
    needs(1) ? unbroadcast(where(inputs[0]!, upstreams[0]!, 0), inputs[1]!) : undefined,
    needs(2) ? unbroadcast(where(inputs[0]!, 0, upstreams[0]!), inputs[2]!) : undefined,
  ],
  onnx: 'Where',
  blocked: 'elementwise',
  samples: [
    { inputs: [{ shape: [2, 3], dtype: 'bool' }, f32([2, 3]), f32([2, 3])], attributes: none },
    { inputs: [{ shape: [2, 1], dtype: 'bool' }, f32([3]), f32([])], attributes: none },
  ],
})

/** condition ? a : b, element by element. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const type: DType = typeof a !== 'number' ? a.dtype : typeof b !== 'number' ? b.dtype : 'float32'
  const tensor = (value: Operand) => (typeof value === 'number' ? condition.graph.constant(value, [], type) : value)
  return condition.graph.apply(whereOp, [condition, tensor(a), tensor(b)], none)[0]!
}

/** x limited to [low, high]; the gradient passes inside and at the limits exactly, as in PyTorch. */
export const clampOp = defineOp<{ readonly low?: number; readonly high?: number }>({
  name: 'Clip',
  infer: sameType,
  gradient: ({ inputs: [x], upstreams: [upstream], attributes: { low, high } }) => {
    const above = low === undefined ? undefined : greaterOrEqual(x!, low)
    const below = high === undefined ? undefined : lessOrEqual(x!, high)
    const inside = above && below ? and(above, below) : (above ?? below)
    return [inside ? where(inside, upstream!, 0) : upstream!]
  },
  onnx: ({ lowering: { writer }, inputs, attributes: { low, high } }) => [
    writer.node('Clip', [
      inputs[0]!,
      low === undefined ? '' : writer.floats([low], []),
      ...(high === undefined ? [] : [writer.floats([high], [])]),
    ]),
  ],
  samples: [
    { inputs: [f32([4, 4])], attributes: { low: -0.5, high: 0.5 } },
    { inputs: [f32([4])], attributes: { low: 0 } },
    { inputs: [f32([4])], attributes: { high: 0.25 } },
  ],
})

/** x limited to [low, high]; leave one out with `undefined`. */
export function clamp(x: Tensor, low?: number, high?: number): Tensor {
  const limits = { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) }
  return x.graph.apply(clampOp, [x], limits)[0]!
}

/** y = x for x >= 0, else alpha x. */
export const leakyReluOp = defineOp<{ readonly alpha: FloatAttribute }>({
  name: 'LeakyRelu',
  infer: sameType,
  gradient: ({ inputs: [x], upstreams: [upstream], attributes: { alpha } }) => [
    where(greater(x!, 0), upstream!, mul(upstream!, alpha.value)),
  ],
  onnx: 'LeakyRelu',
  blocked: 'elementwise-zero',
  samples: [
    { inputs: [f32([2, 3])], attributes: { alpha: float(0.1) } },
    { inputs: [f32([1, 12, 2, 3])], attributes: { alpha: float(0.1) } },
  ],
})
export const leakyRelu = (x: Tensor, alpha: number): Tensor =>
  x.graph.apply(leakyReluOp, [x], { alpha: float(alpha) })[0]!

/** x as another type. Gradients pass between floats only. */
export const castOp = defineOp<{ readonly to: DType }>({
  name: 'Cast',
  infer: ([x], { to }) => [{ shape: x!.shape, dtype: to }],
  gradient: ({ inputs: [x], upstreams: [upstream], attributes: { to } }) => [
    x!.dtype === 'float32' && to === 'float32' ? upstream! : undefined,
  ],
  onnx: ({ lowering: { writer }, inputs, attributes: { to } }) => [
    writer.node('Cast', inputs, { to: writer.elementType(to) }),
  ],
  samples: [
    { inputs: [{ shape: [3], dtype: 'int64', low: -5, high: 5 }], attributes: { to: 'float32' } },
    { inputs: [f32([3], -5, 5)], attributes: { to: 'int64' } },
    { inputs: [{ shape: [3], dtype: 'bool' }], attributes: { to: 'float32' } },
  ],
})
export const cast = (x: Tensor, to: DType): Tensor => (x.dtype === to ? x : x.graph.apply(castOp, [x], { to })[0]!)

/** The value of x; no gradient goes through it. */
export const stopGradientOp = defineOp<None>({
  name: 'Identity',
  infer: sameType,
  gradient: 'none',
  onnx: 'Identity',
  blocked: 'elementwise-zero',
  samples: [{ inputs: [f32([2, 3])], attributes: none }],
})
export const stopGradient = call1(stopGradientOp)

/** Sum of several tensors of one shape; how gradients of a value with several uses come together. */
export const sumOp = defineOp<None>({
  name: 'Sum',
  infer: ([first, ...others]) => {
    for (const other of others) assert.deepEqual(other.shape, first!.shape)
    return [first!]
  },
  gradient: ({ inputs, upstreams }) => inputs.map(() => upstreams[0]!),
  onnx: 'Sum',
  blocked: 'elementwise-zero',
  samples: [{ inputs: [f32([2, 3]), f32([2, 3]), f32([2, 3])], attributes: none }],
})
/** Sum of tensors of one shape. */
export function addAll(tensors: readonly Tensor[]): Tensor {
  const first = tensors[0]
  assert.ok(first, 'nothing to add')
  if (tensors.length === 1) return first
  if (tensors.length === 2) return add(first, tensors[1]!)
  return first.graph.apply(sumOp, tensors, none)[0]!
}
