// Ops that move elements about: reshape, transpose, concat, slice, split, pad, broadcast.
import assert from 'node:assert/strict'
import { addDims, broadcastShapes, multiplyDims, normalAxis } from '../dims.ts'
import { type Dim, known, type Tensor, type TensorType } from '../graph.ts'
import type { Lowering } from '../lowering.ts'
import { defineOp, f32 } from '../op.ts'
import { unbroadcast } from './elementwise.ts'

/**
 * An ONNX shape input for `shape`. Known lengths are constants and one unknown length is -1; if there are more, lengths
 * that the input has too are read from it when the model runs.
 */
function shapeValue({ writer }: Lowering, input: string, inputType: TensorType, shape: readonly Dim[]): string {
  const unknown = shape.filter((dim) => typeof dim === 'string').length
  if (unknown <= 1) return writer.integers(shape.map((dim) => (typeof dim === 'string' ? -1 : dim)))
  if (shape.every((dim, axis) => typeof dim === 'number' || inputType.shape[axis] === dim))
    return writer.integers(shape.map((dim) => (typeof dim === 'string' ? 0 : dim)))
  const lengths = writer.node('Shape', [input])
  let inferred = false
  const parts = shape.map((dim) => {
    if (typeof dim === 'number') return writer.integers([dim])
    const axis = inputType.shape.indexOf(dim)
    if (axis >= 0) return writer.node('Gather', [lengths, writer.integers([axis])], { axis: 0 })
    assert.ok(
      !inferred,
      `reshape to [${shape}]: more than one length is unknown and not an axis of [${inputType.shape}]`,
    )
    inferred = true
    return writer.integers([-1])
  })
  return writer.node('Concat', parts, { axis: 0 })
}

export const reshapeOp = defineOp<{ readonly shape: readonly Dim[] }>({
  name: 'Reshape',
  infer: ([x], { shape }) => {
    const [from, to] = [multiplyDims(x!.shape), multiplyDims(shape)]
    assert.ok(
      from === to || typeof from === 'string' || typeof to === 'string',
      `cannot reshape [${x!.shape}] to [${shape}]`,
    )
    return [{ shape, dtype: x!.dtype }]
  },
  gradient: ({ inputs: [x], upstreams: [upstream] }) => [reshape(upstream!, x!.shape)],
  onnx: ({ lowering, inputs, inputTypes, attributes: { shape } }) => [
    lowering.writer.node('Reshape', [inputs[0]!, shapeValue(lowering, inputs[0]!, inputTypes[0]!, shape)]),
  ],
  samples: [
    { inputs: [f32([2, 3, 4])], attributes: { shape: [6, 4] } },
    { inputs: [f32([1])], attributes: { shape: [] } },
  ],
})

/** The same elements in the same order under another shape; one length may be -1 (worked out from the others). */
export function reshape(x: Tensor, shape: readonly Dim[]): Tensor {
  const open = shape.indexOf(-1)
  let full = shape
  if (open >= 0) {
    const others = shape.filter((_, axis) => axis !== open)
    full = shape.map((dim, axis) => (axis === open ? remaining(x.shape, others) : dim))
  }
  if (full.length === x.shape.length && full.every((dim, axis) => dim === x.shape[axis])) return x
  return x.graph.apply(reshapeOp, [x], { shape: full })[0]!
}

function remaining(from: readonly Dim[], others: readonly Dim[]): Dim {
  const left = [...from]
  let divisor = 1
  for (const dim of others) {
    const same = left.indexOf(dim)
    if (same >= 0) left.splice(same, 1)
    else divisor *= known(dim)
  }
  const symbols = left.filter((dim) => typeof dim === 'string')
  const product = left.reduce<number>((all, dim) => (typeof dim === 'number' ? all * dim : all), 1)
  if (symbols.length === 0) {
    assert.equal(product % divisor, 0, `cannot reshape [${from}]: the other lengths are [${others}]`)
    return product / divisor
  }
  return divisor === product ? multiplyDims(symbols) : `(${symbols.join(' × ')} × ${product} ÷ ${divisor})`
}

export const transposeOp = defineOp<{ readonly perm: readonly number[] }>({
  name: 'Transpose',
  infer: ([x], { perm }) => {
    assert.deepEqual(
      [...perm].sort((a, b) => a - b),
      x!.shape.map((_, axis) => axis),
      `[${perm}] is no order of axes`,
    )
    return [{ shape: perm.map((axis) => x!.shape[axis]!), dtype: x!.dtype }]
  },
  gradient: ({ upstreams: [upstream], attributes: { perm } }) => [
    transpose(
      upstream!,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  onnx: 'Transpose',
  samples: [{ inputs: [f32([2, 3, 4])], attributes: { perm: [2, 0, 1] } }],
})
/** Axis i of the result is axis perm[i] of x. */
export const transpose = (x: Tensor, perm: readonly number[]): Tensor =>
  perm.every((axis, i) => axis === i) ? x : x.graph.apply(transposeOp, [x], { perm })[0]!

export const broadcastToOp = defineOp<{ readonly shape: readonly Dim[] }>({
  name: 'Expand',
  infer: ([x], { shape }) => {
    assert.deepEqual(broadcastShapes(x!.shape, shape), shape, `[${x!.shape}] does not broadcast to [${shape}]`)
    return [{ shape, dtype: x!.dtype }]
  },
  gradient: ({ inputs: [x], upstreams: [upstream] }) => [unbroadcast(upstream!, x!)],
  onnx: ({ lowering: { writer }, inputs, attributes: { shape } }) => [
    writer.node('Expand', [inputs[0]!, writer.integers(shape.map(known))]),
  ],
  samples: [
    { inputs: [f32([3, 1])], attributes: { shape: [2, 3, 4] } },
    { inputs: [f32([])], attributes: { shape: [3] } },
  ],
})
/** x repeated to a shape by NumPy's rules. */
export const broadcastTo = (x: Tensor, shape: readonly Dim[]): Tensor =>
  x.shape.length === shape.length && x.shape.every((dim, axis) => dim === shape[axis])
    ? x
    : x.graph.apply(broadcastToOp, [x], { shape })[0]!

export const concatOp = defineOp<{ readonly axis: number }>({
  name: 'Concat',
  infer: (inputs, { axis }) => {
    const [first] = inputs
    for (const input of inputs) {
      assert.equal(input.dtype, first!.dtype)
      const fits =
        input.shape.length === first!.shape.length &&
        input.shape.every((dim, i) => i === axis || dim === first!.shape[i])
      assert.ok(fits, `cannot join [${input.shape}] to [${first!.shape}] along axis ${axis}`)
    }
    const length = addDims(inputs.map((input) => input.shape[axis]!))
    return [{ shape: first!.shape.map((dim, i) => (i === axis ? length : dim)), dtype: first!.dtype }]
  },
  gradient: ({ inputs, upstreams: [upstream], attributes: { axis } }) =>
    split(
      upstream!,
      inputs.map((input) => known(input.shape[axis])),
      axis,
    ),
  onnx: 'Concat',
  blocked: (lowering, { inputs, outputs: [output], attributes: { axis } }) => {
    const block = lowering.blockSize
    if (axis === 0 && inputs.every((input) => lowering.has(input, 'filter') && known(input.shape[0]) % block === 0)) {
      const parts = inputs.map((input) => lowering.value(input, 'filter'))
      lowering.define(output!, 'filter', lowering.writer.node('Concat', parts, { axis: 0 }))
      return true
    }
    if (axis !== 1 || output!.shape.length !== 4 || output!.dtype !== 'float32') return false
    if (!inputs.some((input) => lowering.has(input, 'blocked'))) return false
    // Zeros between the parts would shift the channels of whatever reads the result.
    if (inputs.slice(0, -1).some((input) => known(input.shape[1]) % block !== 0)) return false
    const parts = inputs.map((input) => lowering.value(input, 'blocked'))
    lowering.define(output!, 'blocked', lowering.writer.node('Concat', parts, { axis: 1 }))
    return true
  },
  samples: [
    { inputs: [f32([2, 3]), f32([2, 1]), f32([2, 2])], attributes: { axis: 1 } },
    { inputs: [f32([1, 16, 2, 2]), f32([1, 8, 2, 2])], attributes: { axis: 1 } },
  ],
})
/** Tensors joined along an axis. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors
  assert.ok(first, 'nothing to join')
  return tensors.length === 1
    ? first
    : first.graph.apply(concatOp, tensors, { axis: normalAxis(axis, first.shape.length) })[0]!
}

export const splitOp = defineOp<{ readonly sizes: readonly number[]; readonly axis: number }>({
  name: 'Split',
  infer: ([x], { sizes, axis }) => {
    assert.equal(
      known(x!.shape[axis]),
      sizes.reduce((a, b) => a + b, 0),
      `parts of ${sizes} do not make up axis ${axis} of [${x!.shape}]`,
    )
    return sizes.map((size) => ({ shape: x!.shape.map((dim, i) => (i === axis ? size : dim)), dtype: x!.dtype }))
  },
  gradient: ({ upstreams, attributes: { axis } }) => [concat(upstreams, axis)],
  onnx: ({ lowering: { writer }, inputs, attributes: { sizes, axis } }) =>
    writer.nodes('Split', [inputs[0]!, writer.integers(sizes)], sizes.length, { axis }),
  // WebGPU limits the outputs of a node.
  gpu: ({ lowering: { writer }, inputs: [x], attributes: { sizes, axis } }) => {
    let end = 0
    return sizes.map((size) => {
      end += size
      return writer.node('Slice', [x!, ...[end - size, end, axis].map((value) => writer.integers([value]))])
    })
  },
  blocked: (lowering, { inputs: [x], outputs, attributes: { sizes, axis } }) => {
    const { writer } = lowering
    const block = lowering.blockSize
    if (axis === 0 && lowering.has(x!, 'filter') && sizes.every((size) => size % block === 0)) {
      const parts = writer.nodes('Split', [lowering.value(x!, 'filter'), writer.integers(sizes)], sizes.length, {
        axis,
      })
      for (const [i, output] of outputs.entries()) lowering.define(output, 'filter', parts[i]!)
      return true
    }
    if (axis !== 1 || x!.shape.length !== 4 || !lowering.has(x!, 'blocked')) return false
    if (sizes.slice(0, -1).some((size) => size % block !== 0)) return false
    const stored = sizes.map((size) => lowering.blockedChannels(size))
    const parts = writer.nodes('Split', [lowering.value(x!, 'blocked'), writer.integers(stored)], sizes.length, {
      axis,
    })
    for (const [i, output] of outputs.entries()) lowering.define(output, 'blocked', parts[i]!)
    return true
  },
  samples: [
    { inputs: [f32([2, 6])], attributes: { sizes: [1, 3, 2], axis: 1 } },
    { inputs: [f32([1, 24, 2, 2])], attributes: { sizes: [16, 8], axis: 1 } },
  ],
})
/** Parts of given lengths along an axis. */
export const split = (x: Tensor, sizes: readonly number[], axis: number): readonly Tensor[] =>
  sizes.length === 1 ? [x] : x.graph.apply(splitOp, [x], { sizes, axis: normalAxis(axis, x.shape.length) })

export const sliceOp = defineOp<{
  readonly axis: number
  readonly start: number
  readonly end: number
  readonly step: number
}>({
  name: 'Slice',
  infer: ([x], { axis, start, end, step }) => {
    assert.ok(start >= 0 && end > start && step > 0, `no slice: ${start} to ${end} by ${step}`)
    assert.ok(typeof x!.shape[axis] !== 'number' || end <= x!.shape[axis], `slice ends at ${end} in [${x!.shape}]`)
    return [{ shape: x!.shape.map((dim, i) => (i === axis ? Math.ceil((end - start) / step) : dim)), dtype: x!.dtype }]
  },
  gradient: ({ inputs: [x], upstreams: [upstream], attributes: { axis, start, end, step } }) => {
    const length = known(x!.shape[axis])
    if (step === 1) return [pad(upstream!, axis, start, length - end)]
    // Every element stands first in a cell of `step` elements, the rest of the cell is zero.
    const count = known(upstream!.shape[axis])
    const shape = [...upstream!.shape]
    const cells = pad(
      reshape(upstream!, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]),
      axis + 1,
      0,
      step - 1,
    )
    const spread = reshape(
      cells,
      shape.map((dim, i) => (i === axis ? count * step : dim)),
    )
    const room = length - start
    const cut = count * step > room ? slice(spread, axis, 0, room) : spread
    return [pad(cut, axis, start, Math.max(room - count * step, 0))]
  },
  onnx: ({ lowering: { writer }, inputs, attributes: { axis, start, end, step } }) => [
    writer.node('Slice', [inputs[0]!, ...[start, end, axis, step].map((value) => writer.integers([value]))]),
  ],
  samples: [
    { inputs: [f32([3, 5])], attributes: { axis: 1, start: 1, end: 4, step: 1 } },
    { inputs: [f32([3, 5])], attributes: { axis: 1, start: 0, end: 5, step: 2 } },
    { inputs: [f32([6, 2])], attributes: { axis: 0, start: 1, end: 6, step: 2 } },
    { inputs: [f32([9])], attributes: { axis: 0, start: 1, end: 5, step: 3 } },
  ],
})
/** Elements start (inclusive) to end (exclusive) of an axis, every `step`-th of them. */
export const slice = (x: Tensor, axis: number, start: number, end: number, step = 1): Tensor =>
  start === 0 && end === x.shape[normalAxis(axis, x.shape.length)] && step === 1
    ? x
    : x.graph.apply(sliceOp, [x], { axis: normalAxis(axis, x.shape.length), start, end, step })[0]!

export const padOp = defineOp<{
  readonly axis: number
  readonly before: number
  readonly after: number
  readonly value: number
}>({
  name: 'Pad',
  infer: ([x], { axis, before, after }) => [
    { shape: x!.shape.map((dim, i) => (i === axis ? addDims([dim, before + after]) : dim)), dtype: x!.dtype },
  ],
  gradient: ({ inputs: [x], upstreams: [upstream], attributes: { axis, before } }) => [
    slice(upstream!, axis, before, before + known(x!.shape[axis])),
  ],
  onnx: ({ lowering: { writer }, inputs, inputTypes, attributes: { axis, before, after, value } }) => {
    const { shape, dtype } = inputTypes[0]!
    const ends = (length: number) => shape.map((_, i) => (i === axis ? length : 0))
    const data = dtype === 'int64' ? BigInt64Array.from([BigInt(value)]) : Float32Array.from([value])
    return [
      writer.node('Pad', [
        inputs[0]!,
        writer.integers([...ends(before), ...ends(after)]),
        writer.constant(data, [], dtype === 'int64' ? 'int64' : 'float32'),
      ]),
    ]
  },
  samples: [
    { inputs: [f32([2, 3])], attributes: { axis: 1, before: 1, after: 2, value: 0 } },
    { inputs: [f32([2, 3])], attributes: { axis: 0, before: 0, after: 1, value: 0.5 } },
  ],
})
/** `value` put before and after the elements of an axis. */
export const pad = (x: Tensor, axis: number, before: number, after: number, value = 0): Tensor =>
  before === 0 && after === 0
    ? x
    : x.graph.apply(padOp, [x], { axis: normalAxis(axis, x.shape.length), before, after, value })[0]!

/** Length of an axis when the model runs, int64 scalar; for dynamic evaluation graphs. */
export const lengthOfOp = defineOp<{ readonly axis: number }>({
  name: 'LengthOf',
  infer: () => [{ shape: [], dtype: 'int64' }],
  gradient: 'none',
  onnx: ({ lowering: { writer }, inputs, attributes: { axis } }) => [
    writer.node('Gather', [writer.node('Shape', inputs), writer.integers([axis], [])], { axis: 0 }),
  ],
  samples: [{ inputs: [f32([2, 3])], attributes: { axis: 1 } }],
})
export const lengthOf = (x: Tensor, axis: number): Tensor =>
  x.graph.apply(lengthOfOp, [x], { axis: normalAxis(axis, x.shape.length) })[0]!

/** 0, 1, ..., count - 1 for an int64 scalar `count`; `length` is the axis length to write into the shape. */
export const rangeOp = defineOp<{ readonly length: Dim }>({
  name: 'Range',
  infer: (_, { length }) => [{ shape: [length], dtype: 'int64' }],
  gradient: 'none',
  onnx: ({ lowering: { writer }, inputs }) => [
    writer.node('Range', [writer.integers([0], []), inputs[0]!, writer.integers([1], [])]),
  ],
  samples: [{ inputs: [{ shape: [], dtype: 'int64', values: [4] }], attributes: { length: 4 } }],
})
export const range = (count: Tensor, length: Dim): Tensor => count.graph.apply(rangeOp, [count], { length })[0]!
