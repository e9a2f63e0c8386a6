// Reading and writing at indices that are themselves tensors.
import assert from 'node:assert/strict'
import { normalAxis } from '../dims.ts'
import { known, sizeOf, type Tensor } from '../graph.ts'
import { defineOp, f32 } from '../op.ts'
import { broadcastTo, reshape } from './shape.ts'

interface Axis {
  readonly axis: number
}

export const gatherOp = defineOp<Axis>({
  name: 'Gather',
  infer: ([x, indices], { axis }) => {
    assert.ok(indices!.dtype === 'int64' || indices!.dtype === 'int32', 'indices must be int64 or int32')
    return [{ shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)], dtype: x!.dtype }]
  },
  // Every use of an element adds to its gradient.
  gradient: ({ inputs: [x, indices], upstreams: [upstream], attributes: { axis } }) => {
    const { shape } = x!
    const flat = reshape(indices!, [-1])
    const count = known(flat.shape[0])
    const before = shape.slice(0, axis).map(known)
    const after = shape.slice(axis + 1).map(known)
    const rows = reshape(upstream!, [sizeOf(before), count, sizeOf(after)])
    const zeros = broadcastTo(x!.graph.constant(0), [sizeOf(before), known(shape[axis]), sizeOf(after)])
    const at = broadcastTo(reshape(flat, [1, count, 1]), [sizeOf(before), count, sizeOf(after)])
    return [reshape(scatterAdd(zeros, at, rows, 1), shape), undefined]
  },
  onnx: 'Gather',
  samples: [
    { inputs: [f32([5, 2]), { shape: [3], dtype: 'int64', values: [4, 0, 4] }], attributes: { axis: 0 } },
    { inputs: [f32([2, 4, 3]), { shape: [2, 2], dtype: 'int64', values: [3, 1, 1, 0] }], attributes: { axis: 1 } },
    { inputs: [f32([6]), { shape: [2, 3], dtype: 'int64', values: [0, 5, 2, 2, 2, 1] }], attributes: { axis: 0 } },
  ],
})
/** Slices of x along an axis: result shape is x.shape with the axis replaced by indices.shape. */
export const gather = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  x.graph.apply(gatherOp, [x, indices], { axis: normalAxis(axis, x.shape.length) })[0]!

export const gatherElementsOp = defineOp<Axis>({
  name: 'GatherElements',
  infer: ([x, indices]) => [{ shape: indices!.shape, dtype: x!.dtype }],
  gradient: ({ inputs: [x, indices], upstreams: [upstream], attributes: { axis } }) => [
    scatterAdd(broadcastTo(x!.graph.constant(0), x!.shape), indices!, upstream!, axis),
    undefined,
  ],
  onnx: 'GatherElements',
  samples: [
    {
      inputs: [f32([3, 4]), { shape: [2, 4], dtype: 'int64', values: [0, 2, 1, 1, 2, 2, 0, 1] }],
      attributes: { axis: 0 },
    },
  ],
})
/** y[i][j] = x[indices[i][j]][j] for axis 0, and so on (torch.gather). */
export const gatherElements = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  x.graph.apply(gatherElementsOp, [x, indices], { axis: normalAxis(axis, x.shape.length) })[0]!

const indicesSample = { shape: [2, 3], dtype: 'int64' as const, values: [3, 0, 1, 3, 2, 2] }

export const scatterAddOp = defineOp<Axis>({
  name: 'ScatterAdd',
  infer: ([x, indices, updates]) => {
    assert.deepEqual(indices!.shape, updates!.shape, 'indices and updates must have one shape')
    return [x!]
  },
  gradient: ({ inputs: [, indices], upstreams: [upstream], needs, attributes: { axis } }) => [
    upstream!,
    undefined,
    needs(2) ? gatherElements(upstream!, indices!, axis) : undefined,
  ],
  onnx: ({ lowering: { writer }, inputs, attributes: { axis } }) => [
    writer.node('ScatterElements', inputs, { axis, reduction: 'add' }),
  ],
  samples: [{ inputs: [f32([4, 3]), indicesSample, f32([2, 3])], attributes: { axis: 0 } }],
})
/** x with updates added at indices along an axis (torch.scatter_add); repeated indices add up. */
export const scatterAdd = (x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor =>
  x.graph.apply(scatterAddOp, [x, indices, updates], { axis: normalAxis(axis, x.shape.length) })[0]!

export const scatterOp = defineOp<Axis>({
  name: 'ScatterElements',
  infer: ([x, indices, updates]) => {
    assert.deepEqual(indices!.shape, updates!.shape, 'indices and updates must have one shape')
    return [x!]
  },
  // Which of several writers of one element wins is not defined, so there is no gradient to state.
  gradient: 'none',
  onnx: 'ScatterElements',
  samples: [
    {
      inputs: [f32([4, 3]), { shape: [2, 3], dtype: 'int64', values: [3, 0, 1, 2, 1, 0] }, f32([2, 3])],
      attributes: { axis: 0 },
    },
  ],
})
/** x with updates written at indices along an axis. ONNX Runtime writes in order: the last of equal indices stays. */
export const scatter = (x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor =>
  x.graph.apply(scatterOp, [x, indices, updates], { axis: normalAxis(axis, x.shape.length) })[0]!
