// Convolutions: forward, gradient by the input (which is the transposed convolution) and gradient by the weight.
// Plain forms are here, blocked forms in conv-blocked.ts.
import assert from 'node:assert/strict'
import { windowDim } from '../dims.ts'
import { type Graph, known, type Tensor, type TensorType } from '../graph.ts'
import type { Storage } from '../lowering.ts'
import { defineOp, f32, type LowerContext, type Op } from '../op.ts'
import { blockedConv, blockedInputGradient, blockedWeightGradient, storagesOf } from './conv-blocked.ts'
import { gpuWeightGradient } from './conv-gpu.ts'
import { add } from './elementwise.ts'
import { reduceSum } from './reduce.ts'
import { reshape } from './shape.ts'

export interface ConvAttributes {
  readonly stride: number
  /** Rows and columns of zeros around the image. */
  readonly padding: readonly [number, number]
  readonly dilation: number
  readonly groups: number
}

export interface ConvOptions {
  readonly stride?: number
  readonly padding?: number | readonly [number, number]
  readonly dilation?: number
  readonly groups?: number
}

const normal = ({ stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions): ConvAttributes => ({
  stride,
  padding: typeof padding === 'number' ? [padding, padding] : padding,
  dilation,
  groups,
})

const span = (kernel: number, { dilation }: ConvAttributes) => dilation * (kernel - 1) + 1

/** ONNX attributes of Conv and ConvTranspose. */
const onnxAttributes = ({ stride, padding: [top, left], dilation, groups }: ConvAttributes) => ({
  strides: [stride, stride],
  pads: [top, left, top, left],
  dilations: [dilation, dilation],
  group: groups,
})

const kernelOf = (weight: TensorType): [number, number] => [known(weight.shape[2]), known(weight.shape[3])]

export const conv2dOp: Op<ConvAttributes> = defineOp<ConvAttributes>({
  name: 'Conv',
  infer: ([x, w], attributes) => {
    const [batch, channels, height, width] = x!.shape
    const [out, into] = w!.shape
    assert.equal(
      known(channels),
      known(into) * attributes.groups,
      `weights [${w!.shape}] do not fit input [${x!.shape}]`,
    )
    const sizes = [height!, width!].map((size, i) =>
      windowDim(size, span(kernelOf(w!)[i]!, attributes), attributes.stride, 2 * attributes.padding[i]!),
    )
    return [{ shape: [batch!, out!, ...sizes], dtype: 'float32' }]
  },
  gradient: ({ inputs: [x, w], upstreams: [dy], needs, attributes }) => [
    needs(0) ? conv2dInputGradient(dy!, w!, x!.shape.slice(2).map(known) as [number, number], attributes) : undefined,
    needs(1) ? conv2dWeightGradient(x!, dy!, kernelOf(w!), attributes) : undefined,
  ],
  onnx: ({ lowering: { writer }, inputs, attributes }) => [writer.node('Conv', inputs, onnxAttributes(attributes))],
  blocked: blockedConv,
  samples: [
    { inputs: [f32([2, 3, 6, 5]), f32([4, 3, 3, 3])], attributes: normal({ stride: 2, padding: 1 }) },
    { inputs: [f32([2, 3, 6, 6]), f32([4, 3, 1, 1])], attributes: normal({}) },
    { inputs: [f32([2, 3, 6, 6]), f32([4, 3, 1, 1])], attributes: normal({ stride: 2 }) },
    { inputs: [f32([1, 3, 8, 8]), f32([4, 3, 6, 6])], attributes: normal({ stride: 2, padding: 2 }) },
    { inputs: [f32([2, 4, 5, 5]), f32([6, 2, 3, 3])], attributes: normal({ padding: 1, groups: 2 }) },
    { inputs: [f32([2, 3, 7, 7]), f32([2, 3, 3, 3])], attributes: normal({ padding: 2, dilation: 2 }) },
    { inputs: [f32([1, 2, 4, 5]), f32([2, 2, 1, 3])], attributes: normal({ padding: [0, 1] }) },
  ],
})

interface InputGradientAttributes extends ConvAttributes {
  /** Rows and columns of the result. */
  readonly size: readonly [number, number]
}

/** dx[n, i, s·y + d·a − p, …] += dy[n, o, y, …] · w[o, i, a, …]: every output pixel goes back to where it came from. */
export const conv2dInputGradientOp: Op<InputGradientAttributes> = defineOp<InputGradientAttributes>({
  name: 'ConvTranspose',
  infer: ([dy, w], { size, groups }) => [
    { shape: [dy!.shape[0]!, known(w!.shape[1]) * groups, ...size], dtype: 'float32' },
  ],
  // It is linear in dy and w, and the adjoint of the convolution.
  gradient: ({ inputs: [dy, w], upstreams: [upstream], needs, attributes }) => [
    needs(0) ? apply(conv2dOp, [upstream!, w!], attributes) : undefined,
    needs(1) ? conv2dWeightGradient(upstream!, dy!, kernelOf(w!), attributes) : undefined,
  ],
  onnx: (context) => [lowerInputGradient(context)],
  blocked: blockedInputGradient,
  samples: [
    {
      inputs: [f32([2, 4, 3, 3]), f32([4, 3, 3, 3])],
      attributes: { ...normal({ stride: 2, padding: 1 }), size: [6, 5] },
    },
    { inputs: [f32([2, 4, 5, 5]), f32([4, 3, 3, 3])], attributes: { ...normal({ padding: 1 }), size: [5, 5] } },
    { inputs: [f32([2, 4, 5, 5]), f32([4, 3, 1, 1])], attributes: { ...normal({}), size: [5, 5] } },
    {
      inputs: [f32([2, 6, 5, 5]), f32([6, 2, 3, 3])],
      attributes: { ...normal({ padding: 1, groups: 2 }), size: [5, 5] },
    },
  ],
})

function lowerInputGradient({
  lowering,
  inputs,
  inputTypes,
  attributes,
}: LowerContext<InputGradientAttributes>): string {
  const { writer } = lowering
  const [dy, w] = inputs
  const { stride, padding, groups, dilation, size } = attributes
  const [out, into] = inputTypes[1]!.shape.map(known)
  const kernel = kernelOf(inputTypes[1]!)
  const spans = kernel.map((length) => span(length, attributes))
  if (stride === 1 && groups === 1) {
    // A convolution with the taps turned round and the channels exchanged; faster than ConvTranspose.
    const taps = kernel[0] * kernel[1]
    let turned = writer.node('Transpose', [w!], { perm: [1, 0, 2, 3] })
    if (taps > 1) {
      const reversed = writer.integers(Array.from({ length: taps }, (_, tap) => taps - 1 - tap))
      const rows = lowering.reshape(turned, [into!, out!, taps])
      turned = lowering.reshape(writer.node('Gather', [rows, reversed], { axis: 2 }), [into!, out!, ...kernel])
    }
    const pads = spans.map((length, i) => length - 1 - padding[i]!)
    if (pads.every((length) => length >= 0))
      return writer.node('Conv', [dy!, turned], { pads: [...pads, ...pads], dilations: [dilation, dilation] })
  }
  const outputPadding = spans.map(
    (length, i) => size[i]! - ((known(inputTypes[0]!.shape[2 + i]) - 1) * stride + length - 2 * padding[i]!),
  )
  return writer.node('ConvTranspose', [dy!, w!], { ...onnxAttributes(attributes), output_padding: outputPadding })
}

interface WeightGradientAttributes extends ConvAttributes {
  readonly kernel: readonly [number, number]
}

/** dw[o, i, a, e] = Σ over n, y, x of dy[n, o, y, x] · x[n, i, s·y + d·a − p, s·x + d·e − p]. */
export const conv2dWeightGradientOp: Op<WeightGradientAttributes> = defineOp<WeightGradientAttributes>({
  name: 'ConvWeightGradient',
  infer: ([x, dy], { kernel, groups }) => [
    { shape: [dy!.shape[1]!, known(x!.shape[1]) / groups, ...kernel], dtype: 'float32' },
  ],
  // Bilinear: each factor's gradient is again one of the three convolutions.
  gradient: ({ inputs: [x, dy], upstreams: [upstream], needs, attributes }) => [
    needs(0)
      ? conv2dInputGradient(dy!, upstream!, x!.shape.slice(2).map(known) as [number, number], attributes)
      : undefined,
    needs(1) ? apply(conv2dOp, [x!, upstream!], attributes) : undefined,
  ],
  onnx: (context) => [lowerWeightGradient(context)],
  gpu: (context) => (context.attributes.groups === 1 ? gpuWeightGradient(context) : [lowerWeightGradient(context)]),
  blocked: blockedWeightGradient,
  samples: [
    {
      inputs: [f32([2, 3, 6, 5]), f32([2, 4, 3, 3])],
      attributes: { ...normal({ stride: 2, padding: 1 }), kernel: [3, 3] },
    },
    { inputs: [f32([2, 3, 4, 4]), f32([2, 5, 4, 4])], attributes: { ...normal({}), kernel: [1, 1] } },
    { inputs: [f32([1, 3, 8, 9]), f32([1, 5, 8, 9])], attributes: { ...normal({}), kernel: [1, 1] } },
    { inputs: [f32([16, 3, 2, 3]), f32([16, 4, 2, 3])], attributes: { ...normal({ padding: 1 }), kernel: [3, 3] } },
    { inputs: [f32([16, 2, 3, 8]), f32([16, 2, 3, 8])], attributes: { ...normal({ padding: 1 }), kernel: [3, 3] } },
    { inputs: [f32([2, 3, 6, 6]), f32([2, 5, 3, 3])], attributes: { ...normal({ stride: 2 }), kernel: [1, 1] } },
    {
      inputs: [f32([2, 4, 5, 5]), f32([2, 6, 5, 5])],
      attributes: { ...normal({ padding: 1, groups: 2 }), kernel: [3, 3] },
    },
    {
      inputs: [f32([2, 3, 7, 7]), f32([2, 2, 7, 7])],
      attributes: { ...normal({ padding: 2, dilation: 2 }), kernel: [3, 3] },
    },
  ],
})

/**
 * The sum over n, y, x is itself a convolution that slides dy over x: dy is the filter, its stride is the dilation and
 * its dilation the stride. The batch takes the place of the channels, the input channels become the depth of a 3-D
 * convolution, so that neither im2col nor a transposition of x is needed.
 */
function lowerWeightGradient({
  lowering,
  inputs,
  inputTypes,
  attributes,
}: LowerContext<WeightGradientAttributes>): string {
  const { writer } = lowering
  const { stride, padding, dilation, groups, kernel } = attributes
  const [batch, into, ...size] = inputTypes[0]!.shape.map(known)
  const [, out, ...outSize] = inputTypes[1]!.shape.map(known)
  // Padding of the far edge so that exactly `kernel` positions result; negative if the last pixels are never used.
  const far = kernel.map((taps, i) => (taps - 1) * dilation + (outSize[i]! - 1) * stride + 1 - size[i]! - padding[i]!)
  let x = inputs[0]!
  const used = size.map((length, i) => length + Math.min(far[i]!, 0))
  if (far.some((length) => length < 0))
    x = writer.node('Slice', [x, writer.integers([0, 0]), writer.integers(used), writer.integers([2, 3])])
  const pads = [...padding, ...far.map((length) => Math.max(length, 0))]
  if (groups === 1) {
    const depth = lowering.reshape(x, [1, batch!, into!, ...used])
    const filter = lowering.reshape(writer.node('Transpose', [inputs[1]!], { perm: [1, 0, 2, 3] }), [
      out!,
      batch!,
      1,
      ...outSize,
    ])
    const result = writer.node('Conv', [depth, filter], {
      kernel_shape: [1, ...outSize],
      dilations: [1, stride, stride],
      strides: [1, dilation, dilation],
      pads: [0, pads[0]!, pads[1]!, 0, pads[2]!, pads[3]!],
    })
    return lowering.reshape(result, [out!, into!, ...kernel])
  }
  // With groups: channels of one group are the batch, (group, image) the channels of a grouped 2-D convolution.
  const [inGroup, outGroup] = [into! / groups, out! / groups]
  const grouped = lowering.reshape(
    writer.node('Transpose', [lowering.reshape(x, [batch!, groups, inGroup, ...used])], { perm: [2, 1, 0, 3, 4] }),
    [inGroup, groups * batch!, ...used],
  )
  const filter = writer.node('Transpose', [inputs[1]!], { perm: [1, 0, 2, 3] })
  const result = writer.node('Conv', [grouped, filter], {
    kernel_shape: outSize,
    dilations: [stride, stride],
    strides: [dilation, dilation],
    pads,
    group: groups,
  })
  return writer.node('Transpose', [lowering.reshape(result, [inGroup, groups * outGroup, ...kernel])], {
    perm: [1, 0, 2, 3],
  })
}

function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  return inputs[0]!.graph.apply(op, inputs, attributes)[0]!
}

const only = ({ stride, padding, dilation, groups }: ConvAttributes): ConvAttributes => ({
  stride,
  padding,
  dilation,
  groups,
})

const conv2dInputGradient = (dy: Tensor, w: Tensor, size: readonly [number, number], attributes: ConvAttributes) =>
  apply(conv2dInputGradientOp, [dy, w], { ...only(attributes), size })

const conv2dWeightGradient = (x: Tensor, dy: Tensor, kernel: readonly [number, number], attributes: ConvAttributes) =>
  apply(conv2dWeightGradientOp, [x, dy], { ...only(attributes), kernel })

/** A bias [C] added to [N, C, H, W]. */
export const addBias = (x: Tensor, bias: Tensor): Tensor => add(x, reshape(bias, [1, ...bias.shape, 1, 1]))

/**
 * 2-D convolution (cross-correlation, as in PyTorch).
 *
 * @param x - [N, C, H, W]
 * @param w - [O, C / groups, kh, kw]
 * @param bias - [O]
 * @returns [N, O, floor((H + 2 · padding − span) / stride) + 1, …]
 */
export function conv2d(x: Tensor, w: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  const inputs = bias ? [x, w, bias] : [x, w]
  return apply(bias ? conv2dBiasOp : conv2dOp, inputs, normal(options))
}

/** The same with a bias per output channel. */
export const conv2dBiasOp: Op<ConvAttributes> = defineOp<ConvAttributes>({
  ...conv2dOp,
  name: 'ConvBias',
  gradient: (context) => [
    ...(conv2dOp.gradient as Exclude<typeof conv2dOp.gradient, 'none'>)(context),
    context.needs(2) ? reduceSum(context.upstreams[0]!, [0, 2, 3]) : undefined,
  ],
  samples: [{ inputs: [f32([2, 3, 4, 4]), f32([4, 3, 3, 3]), f32([4])], attributes: normal({ padding: 1 }) }],
})

/**
 * Transposed 2-D convolution (PyTorch's conv_transpose2d without output padding or dilation).
 *
 * @param x - [N, C, H, W]
 * @param w - [C, O, kh, kw]
 */
export function convTranspose2d(x: Tensor, w: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  const attributes = normal(options)
  const size = kernelOf(w).map(
    (kernel, i) =>
      (known(x.shape[2 + i]) - 1) * attributes.stride + span(kernel, attributes) - 2 * attributes.padding[i]!,
  ) as [number, number]
  const y = conv2dInputGradient(x, w, size, attributes)
  return bias ? addBias(y, bias) : y
}

/** Ops that read a filter as their second input. */
const filterReaders: ReadonlySet<string> = new Set([conv2dOp.name, conv2dBiasOp.name, conv2dInputGradientOp.name])

/** Storages for the blocked form of the parameters that are filters; parameters that are not in the map are plain. */
export const filterStorages = (graph: Graph): Map<Tensor, Storage> => storagesOf(graph, filterReaders)
