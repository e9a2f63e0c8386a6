// Max pooling and resizing.
import assert from 'node:assert/strict'
import { scaleDim, windowDim } from '../dims.ts'
import { known, type Tensor } from '../graph.ts'
import type { Lowering } from '../lowering.ts'
import { defineOp, f32, type LowerContext } from '../op.ts'
import { addAll, equal, where } from './elementwise.ts'
import { matMul } from './matmul.ts'
import { pad, reshape, slice } from './shape.ts'

/** Fills the border of a max pool; never the maximum of finite values. */
const LOWEST = -3.4028234663852886e38

interface Line {
  /** 2: down the columns, 3: along the rows. */
  readonly axis: 2 | 3
  readonly kernel: number
  /** Border on both ends. */
  readonly padding: number
}

/**
 * Maximum over a sliding window of `kernel` elements along one axis, stride 1. A square pool is the row pool followed by
 * the column pool: the same maximum, and the same first winner in row-major order, to which PyTorch gives the gradient.
 */
export const maxPoolLineOp = defineOp<Line>({
  name: 'MaxPoolLine',
  infer: ([x], { axis, kernel, padding }) => [
    { shape: x!.shape.map((dim, i) => (i === axis ? windowDim(dim, kernel, 1, 2 * padding) : dim)), dtype: x!.dtype },
  ],
  gradient: ({ inputs: [x], outputs: [y], upstreams: [dy], attributes }) => [
    x!.graph.apply(maxPoolLineGradientOp, [x!, y!, dy!], attributes)[0]!,
  ],
  onnx: ({ lowering: { writer }, inputs, attributes }) => [writer.node('MaxPool', inputs, lineAttributes(attributes))],
  blocked: (lowering, { inputs: [x], outputs: [y], attributes }) => {
    if (!lowering.has(x!, 'blocked')) return false
    lowering.define(
      y!,
      'blocked',
      lowering.nchwc('MaxPool', [lowering.value(x!, 'blocked')], lineAttributes(attributes)),
    )
    return true
  },
  samples: [
    { inputs: [f32([2, 2, 4, 6])], attributes: { axis: 3, kernel: 5, padding: 2 } },
    { inputs: [f32([2, 2, 6, 3])], attributes: { axis: 2, kernel: 3, padding: 1 } },
    { inputs: [f32([1, 1, 3, 5])], attributes: { axis: 3, kernel: 2, padding: 0 } },
    { inputs: [f32([1, 12, 4, 6])], attributes: { axis: 2, kernel: 5, padding: 2 } },
    { inputs: [f32([1, 1, 2, 16])], attributes: { axis: 3, kernel: 5, padding: 2 } },
  ],
})

const lineAttributes = ({ axis, kernel, padding }: Line) => ({
  kernel_shape: axis === 3 ? [1, kernel] : [kernel, 1],
  strides: [1, 1],
  pads: axis === 3 ? [0, padding, 0, padding] : [padding, 0, padding, 0],
})

/** The gradient goes to the first element of the window that equals the maximum (plateaus make ties the rule). */
export const maxPoolLineGradientOp = defineOp<Line>({
  name: 'MaxPoolLineGradient',
  infer: ([x]) => [x!],
  gradient: 'none', // nothing differentiates twice
  onnx: (context) => [plainLineGradient(context, lineGradient)],
  // Pair by pair there are more outputs of a node than WebGPU allows.
  gpu: (context) => [plainLineGradient(context, shiftedLineGradient)],
  blocked: (lowering, { inputs, outputs: [dx], attributes: { axis, kernel, padding } }) => {
    if (!lowering.has(inputs[0]!, 'blocked')) return false
    const block = lowering.blockSize
    const [batch, channels, height, width] = inputs[0]!.shape.map(known)
    const stored = lowering.blockedChannels(channels!)
    const view = (tensor: Tensor) => {
      const [, , rows, columns] = tensor.shape.map(known)
      return lowering.reshape(lowering.value(tensor, 'blocked'), [batch!, stored / block, rows!, columns!, block])
    }
    const values = inputs.map(view) as [string, string, string]
    const shape = [batch!, stored / block, height!, width!, block]
    const result = lineGradient(lowering, values, shape, axis, kernel, padding)
    lowering.define(dx!, 'blocked', lowering.reshape(result, [batch!, stored, height!, width!]))
    return true
  },
  samples: [
    {
      inputs: [
        { shape: [1, 1, 1, 4], values: [1, 1, 1, 0.5] },
        { shape: [1, 1, 1, 4], values: [1, 1, 1, 1] },
        f32([1, 1, 1, 4]),
      ],
      attributes: { axis: 3, kernel: 3, padding: 1 },
    },
  ],
})

/** Pairs of an element and a window it lies in, up to which a line's gradient is written out pair by pair. */
const UNROLLED_PAIRS = 64

function plainLineGradient(
  { lowering, inputs, inputTypes, attributes: { axis, kernel, padding } }: LowerContext<Line>,
  form: typeof lineGradient,
): string {
  const values = inputs as [string, string, string]
  return form(lowering, values, inputTypes[0]!.shape.map(known), axis, kernel, padding)
}

function lineGradient(
  lowering: Lowering,
  values: readonly [string, string, string],
  shape: readonly number[],
  axis: number,
  kernel: number,
  padding: number,
): string {
  const length = shape[axis]!
  // Window j covers the elements from j - padding on.
  const windows = Array.from({ length: length + 2 * padding - kernel + 1 }, (_, j) => ({
    first: Math.max(j - padding, 0),
    end: Math.min(j - padding + kernel, length),
  }))
  const pairs = windows.reduce((sum, { first, end }) => sum + end - first, 0)
  return pairs <= UNROLLED_PAIRS
    ? unrolledLineGradient(lowering, values, length, axis, windows)
    : shiftedLineGradient(lowering, values, shape, axis, kernel, padding)
}

/** On short lines: every element of a window in turn takes what is left of the window's gradient if it is the maximum. */
function unrolledLineGradient(
  { writer }: Lowering,
  [x, y, dy]: readonly [string, string, string],
  length: number,
  axis: number,
  windows: readonly { readonly first: number; readonly end: number }[],
): string {
  const split = (value: string, count: number) =>
    count === 1 ? [value] : writer.nodes('Split', [value, writer.integers(new Array(count).fill(1))], count, { axis })
  const elements = split(x, length)
  const [maxima, slopes] = [split(y, windows.length), split(dy, windows.length)]
  const received: string[][] = elements.map(() => [])
  for (const [j, { first, end }] of windows.entries()) {
    let rest = slopes[j]!
    for (let i = first; i < end - 1; i++) {
      const wins = writer.node('Cast', [writer.node('Equal', [elements[i]!, maxima[j]!])], { to: 1 })
      const part = writer.node('Mul', [wins, rest])
      received[i]!.push(part)
      rest = writer.node('Sub', [rest, part])
    }
    // Nobody before it was the maximum, if anything is left.
    received[end - 1]!.push(rest)
  }
  const sums = received.map((parts) => (parts.length === 1 ? parts[0]! : writer.node('Sum', parts)))
  return sums.length === 1 ? sums[0]! : writer.node('Concat', sums, { axis })
}

/** On long lines: all windows at once, tap by tap. */
function shiftedLineGradient(
  { writer }: Lowering,
  [x, y, dy]: readonly [string, string, string],
  shape: readonly number[],
  axis: number,
  kernel: number,
  padding: number,
): string {
  const outputs = shape[axis]! + 2 * padding - kernel + 1
  const ends = (length: number) => shape.map((_, i) => (i === axis ? length : 0))
  const padded = (name: string, before: number, after: number, value: number) =>
    before === 0 && after === 0
      ? name
      : writer.node('Pad', [name, writer.integers([...ends(before), ...ends(after)]), writer.floats([value], [])])
  const border = padded(x, padding, padding, LOWEST)
  const zero = writer.floats([0], [])
  const parts: string[] = []
  let rest = dy
  for (let tap = 0; tap < kernel; tap++) {
    const shifted = writer.node('Slice', [
      border,
      ...[tap, tap + outputs, axis].map((value) => writer.integers([value])),
    ])
    const wins = writer.node('Equal', [shifted, y])
    parts.push(padded(writer.node('Where', [wins, rest, zero]), tap, kernel - 1 - tap, 0))
    if (tap < kernel - 1) rest = writer.node('Where', [wins, zero, rest])
  }
  const sum = writer.node('Sum', parts)
  return padding === 0
    ? sum
    : writer.node('Slice', [sum, ...[padding, padding + shape[axis]!, axis].map((value) => writer.integers([value]))])
}

interface Pool {
  readonly kernel: number
  readonly stride: number
  readonly padding: number
}

/** Maximum over square windows with a stride of 2 or more. */
export const maxPool2dOp = defineOp<Pool>({
  name: 'MaxPool',
  infer: ([x], { kernel, stride, padding }) => [
    {
      shape: x!.shape.map((dim, axis) => (axis < 2 ? dim : windowDim(dim, kernel, stride, 2 * padding))),
      dtype: x!.dtype,
    },
  ],
  gradient: ({ inputs: [x], outputs: [y], upstreams: [dy], attributes }) => {
    const { kernel, stride, padding } = attributes
    const apart = kernel === stride && padding === 0 && x!.shape.slice(2).every((dim) => known(dim) % kernel === 0)
    if (apart) return [x!.graph.apply(maxPoolCellGradientOp, [x!, y!, dy!], attributes)[0]!]
    const border = [2, 3].reduce((value, axis) => pad(value, axis, padding, padding, LOWEST), x!)
    const [outHeight, outWidth] = y!.shape.slice(2).map(known)
    const parts: Tensor[] = []
    let rest = dy!
    for (let row = 0; row < kernel; row++)
      for (let column = 0; column < kernel; column++) {
        const pick = (value: Tensor, axis: number, start: number, count: number) =>
          slice(value, axis, start, start + (count - 1) * stride + 1, stride)
        const shifted = pick(pick(border, 2, row, outHeight!), 3, column, outWidth!)
        const wins = equal(shifted, y!)
        const rows = spread(where(wins, rest, 0), 2, row, stride, known(border.shape[2]))
        parts.push(spread(rows, 3, column, stride, known(border.shape[3])))
        rest = where(wins, 0, rest)
      }
    const [height, width] = x!.shape.slice(2).map(known)
    return [slice(slice(addAll(parts), 2, padding, padding + height!), 3, padding, padding + width!)]
  },
  onnx: ({ lowering: { writer }, inputs, attributes: { kernel, stride, padding } }) => [
    writer.node('MaxPool', inputs, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    }),
  ],
  blocked: (lowering, { inputs: [x], outputs: [y], attributes: { kernel, stride, padding } }) => {
    if (!lowering.has(x!, 'blocked')) return false
    const pooled = lowering.nchwc('MaxPool', [lowering.value(x!, 'blocked')], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    })
    lowering.define(y!, 'blocked', pooled)
    return true
  },
  samples: [
    { inputs: [f32([2, 2, 4, 6])], attributes: { kernel: 2, stride: 2, padding: 0 } },
    { inputs: [f32([1, 12, 4, 6])], attributes: { kernel: 2, stride: 2, padding: 0 } },
    { inputs: [f32([1, 1, 6, 3])], attributes: { kernel: 3, stride: 3, padding: 0 } },
    { inputs: [f32([1, 12, 7, 5])], attributes: { kernel: 3, stride: 2, padding: 1 } },
    { inputs: [f32([1, 2, 7, 5])], attributes: { kernel: 3, stride: 2, padding: 1 } },
  ],
})

/** Gradient of a pool whose windows lie side by side: each goes to the first element of its window that is the maximum. */
export const maxPoolCellGradientOp = defineOp<Pool>({
  name: 'MaxPoolCellGradient',
  infer: ([x]) => [x!],
  gradient: 'none', // nothing differentiates twice
  onnx: ({ lowering, inputs, inputTypes, attributes: { kernel } }) => {
    const shape = inputTypes[0]!.shape.map(known)
    const [batch, channels, height, width] = shape as [number, number, number, number]
    const cells = { planes: batch * channels, rows: height / kernel, columns: width / kernel, block: 1 }
    return [lowering.reshape(cellGradient(lowering, inputs as [string, string, string], kernel, cells), shape)]
  },
  blocked: (lowering, { inputs, outputs: [dx], attributes: { kernel } }) => {
    if (!lowering.has(inputs[0]!, 'blocked')) return false
    const { blockSize: block } = lowering
    const [batch, channels, height, width] = inputs[0]!.shape.map(known)
    const stored = lowering.blockedChannels(channels!)
    const values = inputs.map((tensor) => lowering.value(tensor, 'blocked')) as [string, string, string]
    const cells = { planes: (batch! * stored) / block, rows: height! / kernel, columns: width! / kernel, block }
    const result = cellGradient(lowering, values, kernel, cells)
    lowering.define(dx!, 'blocked', lowering.reshape(result, [batch!, stored, height!, width!]))
    return true
  },
  samples: [
    {
      inputs: [f32([1, 1, 2, 4]), { shape: [1, 1, 1, 2], values: [1, 1] }, f32([1, 1, 1, 2])],
      attributes: { kernel: 2, stride: 2, padding: 0 },
    },
  ],
})

/** Windows by row and column of the window: every step works on runs of `block` numbers. */
function cellGradient(
  lowering: Lowering,
  [x, y, dy]: readonly [string, string, string],
  kernel: number,
  { planes, rows, columns, block }: { planes: number; rows: number; columns: number; block: number },
): string {
  const { writer } = lowering
  const cells = lowering.reshape(x, [planes, rows, kernel, columns, kernel * block])
  const small = [planes, rows, 1, columns, block]
  const maximum = lowering.reshape(y, small)
  const split = (value: string, axis: number, length: number) =>
    writer.nodes('Split', [value, writer.integers(new Array<number>(kernel).fill(length))], kernel, { axis })
  const zero = writer.floats([0], [])
  let rest = lowering.reshape(dy, small)
  const parts = split(cells, 2, 1).map((line) => {
    const taps = split(line, 4, block).map((tap) => {
      const wins = writer.node('Equal', [tap, maximum])
      const part = writer.node('Where', [wins, rest, zero])
      rest = writer.node('Where', [wins, zero, rest])
      return part
    })
    return writer.node('Concat', taps, { axis: 4 })
  })
  return writer.node('Concat', parts, { axis: 2 })
}

/** Puts element i of an axis at start + i * step of an axis of `length` zeros. */
function spread(x: Tensor, axis: number, start: number, step: number, length: number): Tensor {
  const { shape } = x
  const count = known(shape[axis])
  const cell = reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)])
  const cells = reshape(
    pad(cell, axis + 1, 0, step - 1),
    shape.map((dim, i) => (i === axis ? count * step : dim)),
  )
  const used = (count - 1) * step + 1
  return pad(slice(cells, axis, 0, used), axis, start, length - start - used)
}

/**
 * Max pooling with square windows, borders of -∞; ties give their gradient to the first element in row-major order.
 *
 * @param stride - default: the kernel
 * @param padding - at most kernel / 2
 */
export function maxPool2d(x: Tensor, kernel: number, stride: number = kernel, padding = 0): Tensor {
  assert.ok(2 * padding <= kernel, `max pool: padding ${padding} is more than half of the window ${kernel}`)
  if (stride > 1) return x.graph.apply(maxPool2dOp, [x], { kernel, stride, padding })[0]!
  const rows = x.graph.apply(maxPoolLineOp, [x], { axis: 3, kernel, padding } satisfies Line)[0]!
  return x.graph.apply(maxPoolLineOp, [rows], { axis: 2, kernel, padding } satisfies Line)[0]!
}

interface Scale {
  readonly scale: number
}

/** Every pixel becomes scale × scale pixels. */
export const upsampleNearestOp = defineOp<Scale>({
  name: 'UpsampleNearest',
  infer: ([x], { scale }) => [
    { shape: x!.shape.map((dim, axis) => (axis < 2 ? dim : scaleDim(dim, scale))), dtype: x!.dtype },
  ],
  gradient: ({ upstreams: [dy], attributes }) => [dy!.graph.apply(upsampleGradientOp, [dy!], attributes)[0]!],
  onnx: ({ lowering, inputs, inputTypes, attributes: { scale } }) => {
    const { writer } = lowering
    const { shape } = inputTypes[0]!
    if (shape.some((dim) => typeof dim === 'string'))
      return [
        writer.node('Resize', [inputs[0]!, '', writer.fullFloats([1, 1, scale, scale])], {
          mode: 'nearest',
          coordinate_transformation_mode: 'asymmetric',
          nearest_mode: 'floor',
        }),
      ]
    // Faster than Resize.
    const [batch, channels, height, width] = shape.map(known)
    const cells = lowering.reshape(inputs[0]!, [batch! * channels!, height!, 1, width!, 1])
    const full = [batch! * channels!, height!, scale, width!, scale]
    return [
      lowering.reshape(writer.node('Expand', [cells, writer.integers(full)]), [
        batch!,
        channels!,
        height! * scale,
        width! * scale,
      ]),
    ]
  },
  blocked: (lowering, { inputs: [x], outputs: [y], attributes: { scale } }) => {
    if (!lowering.has(x!, 'blocked')) return false
    const { writer, blockSize: block } = lowering
    const [batch, channels, height, width] = x!.shape.map(known)
    const stored = lowering.blockedChannels(channels!)
    const planes = (batch! * stored) / block
    const cells = lowering.reshape(lowering.value(x!, 'blocked'), [planes, height!, 1, width!, 1, block])
    const wide = writer.node('Expand', [cells, writer.integers([planes, height!, scale, width!, scale, block])])
    lowering.define(y!, 'blocked', lowering.reshape(wide, [batch!, stored, height! * scale, width! * scale]))
    return true
  },
  samples: [
    { inputs: [f32([2, 3, 2, 4])], attributes: { scale: 2 } },
    { inputs: [f32([1, 12, 2, 3])], attributes: { scale: 2 } },
  ],
})

/** Sum of every scale × scale square. */
export const upsampleGradientOp = defineOp<Scale>({
  name: 'UpsampleGradient',
  infer: ([dy], { scale }) => [
    { shape: dy!.shape.map((dim, axis) => (axis < 2 ? dim : known(dim) / scale)), dtype: dy!.dtype },
  ],
  gradient: ({ upstreams: [upstream], attributes: { scale } }) => [upsampleNearest(upstream!, scale)],
  onnx: ({ lowering: { writer }, inputs, attributes: { scale } }) => [
    writer.node('Mul', [
      writer.node('AveragePool', inputs, { kernel_shape: [scale, scale], strides: [scale, scale] }),
      writer.floats([scale * scale], []),
    ]),
  ],
  blocked: (lowering, { inputs: [dy], outputs: [dx], attributes: { scale } }) => {
    if (!lowering.has(dy!, 'blocked')) return false
    const mean = lowering.nchwc('AveragePool', [lowering.value(dy!, 'blocked')], {
      kernel_shape: [scale, scale],
      strides: [scale, scale],
    })
    const { writer } = lowering
    lowering.define(dx!, 'blocked', writer.node('Mul', [mean, writer.floats([scale * scale], [])]))
    return true
  },
  samples: [{ inputs: [f32([2, 3, 4, 4])], attributes: { scale: 2 } }],
})

/** [N, C, H, W] to [N, C, scale H, scale W], pixels repeated. */
export const upsampleNearest = (x: Tensor, scale: number): Tensor =>
  x.graph.apply(upsampleNearestOp, [x], { scale })[0]!

/** Bilinear resizing as torch's interpolate(align_corners=False, antialias=False): two products with sparse matrices. */
export function resizeBilinear(x: Tensor, [height, width]: readonly [number, number]): Tensor {
  const weights = (from: number, to: number) => {
    const matrix = new Float32Array(to * from)
    for (let i = 0; i < to; i++) {
      const at = Math.max(((i + 0.5) * from) / to - 0.5, 0)
      const low = Math.min(Math.floor(at), from - 1)
      const high = Math.min(low + 1, from - 1)
      matrix[i * from + low]! += 1 - (at - low)
      matrix[i * from + high]! += at - low
    }
    return matrix
  }
  const [rows, columns] = x.shape.slice(2).map(known)
  const down = x.graph.constant(weights(rows!, height), [height, rows!])
  const across = new Float32Array(columns! * width)
  const matrix = weights(columns!, width)
  for (let i = 0; i < width; i++) for (let j = 0; j < columns!; j++) across[j * width + i] = matrix[i * columns! + j]!
  return matMul(down, matMul(x, x.graph.constant(across, [columns!, width])))
}
