// Blocked forms of batch norm and of the SiLU gradient. Per-channel work is done by depthwise 1x1 convolutions of the
// blocked domain: weight is the factor, bias the summand, and the optional fourth input is added on top.
import { known, type Tensor } from '../graph.ts'
import type { Lowering } from '../lowering.ts'
import type { BlockedNode } from '../op.ts'
import { batchNormCoefficients } from './batch-norm-coefficients.ts'

/** factor · x + summand [+ more] per channel; factor and summand are vectors of the stored channels. */
export function channelAffine(
  lowering: Lowering,
  x: string,
  stored: number,
  factor: string,
  summand: string | undefined,
  more?: string,
): string {
  const inputs = [x, lowering.reshape(factor, [stored, 1, 1, 1]), summand ?? '']
  if (more !== undefined) inputs.push(more)
  else if (summand === undefined) inputs.pop()
  return lowering.nchwc('Conv', inputs, { kernel_shape: [1, 1], group: stored })
}

interface Shape {
  readonly batch: number
  readonly stored: number
  readonly height: number
  readonly width: number
}

const shapeOf = (lowering: Lowering, x: Tensor): Shape => {
  const [batch, channels, height, width] = x.shape.map(known)
  return { batch: batch!, stored: lowering.blockedChannels(channels!), height: height!, width: width! }
}

/**
 * Pixels that one serial sum adds up. Longer planes are summed by rows first, which keeps the rounding error small and
 * gives the kernel independent sums to work on.
 */
const SERIAL_PIXELS = 256

/** Rows that are summed as one: as many as fit SERIAL_PIXELS. */
function stripe({ height, width }: Shape): { stripes: number; pixels: number } {
  let rows = Math.max(1, Math.min(height, Math.floor(SERIAL_PIXELS / width)))
  while (height % rows !== 0) rows--
  return { stripes: height / rows, pixels: rows * width }
}

/** Mean over images and pixels per channel, [stored]. */
export function channelMean(lowering: Lowering, x: string, shape: Shape): string {
  const { batch, stored } = shape
  const { writer, blockSize: block } = lowering
  const { stripes, pixels } = stripe(shape)
  const planes = lowering.reshape(x, [(batch * stored * stripes) / block, block, 1, pixels])
  const means = lowering.nchwc('GlobalAveragePool', [planes])
  return reduceStripes(lowering, writer, means, shape, stripes, 'ReduceMean')
}

/**
 * Mean of x · y per channel: a depthwise convolution whose filter is y itself, one output per stripe, so that the product
 * is never written.
 */
export function channelDot(lowering: Lowering, x: string, y: string, shape: Shape): string {
  const { batch, stored, height, width } = shape
  const { writer } = lowering
  const { stripes, pixels } = stripe(shape)
  const groups = batch * stored * stripes
  const products = lowering.nchwc(
    'Conv',
    [lowering.reshape(x, [1, groups, 1, pixels]), lowering.reshape(y, [groups, 1, 1, pixels])],
    { kernel_shape: [1, pixels], group: groups },
  )
  const sum = reduceStripes(lowering, writer, products, shape, stripes, 'ReduceSum')
  return writer.node('Mul', [sum, writer.floats([1 / (batch * height * width)], [])])
}

function reduceStripes(
  lowering: Lowering,
  writer: Lowering['writer'],
  value: string,
  { batch, stored }: Shape,
  stripes: number,
  operator: 'ReduceMean' | 'ReduceSum',
): string {
  const block = lowering.blockSize
  const parts = lowering.reshape(value, [batch, stored / block, stripes, block])
  const reduced =
    operator === 'ReduceMean'
      ? writer.node('ReduceMean', [parts], { axes: [0, 2], keepdims: 0 })
      : writer.node('ReduceSum', [parts, writer.integers([0, 2])], { keepdims: 0 })
  return lowering.reshape(reduced, [stored])
}

/**
 * Up to this many values per channel the mean is subtracted before squares are summed: E[x²] − mean² loses digits when
 * the mean is large against the spread, which happens on the small maps of deep layers, where one more pass costs little.
 */
const CENTRED_VALUES = 4096

const isCentred = ({ batch, height, width }: Shape) => batch * height * width <= CENTRED_VALUES

/** x − mean, kept for the gradient. */
const centred = (lowering: Lowering, x: Tensor, average: string, { stored }: Shape): string =>
  lowering.derive(x, 'centred', () => {
    const { writer } = lowering
    const ones = writer.floats(new Array<number>(stored).fill(1))
    return channelAffine(lowering, lowering.value(x, 'blocked'), stored, ones, writer.node('Neg', [average]))
  })

/** var = E[(x − mean)²] or E[x²] − mean²; A = γ/√(var + ε), y = A (x − mean) + β. */
export function blockedBatchNorm(
  lowering: Lowering,
  {
    inputs: [x, gamma, beta],
    outputs: [y, mean, variance],
    attributes: { epsilon },
  }: BlockedNode<{ readonly epsilon: number }>,
): boolean {
  if (!lowering.has(x!, 'blocked')) return false
  const { writer } = lowering
  const shape = shapeOf(lowering, x!)
  const channels = known(gamma!.shape[0])
  const op = (operator: string, ...names: string[]) => writer.node(operator, names)
  const vector = (tensor: Tensor) => lowering.padVector(lowering.value(tensor), channels, shape.stored)
  const raw = lowering.value(x!, 'blocked')
  const average = channelMean(lowering, raw, shape)
  const centre = isCentred(shape)
  const value = centre ? centred(lowering, x!, average, shape) : raw
  const square = channelDot(lowering, value, value, shape)
  // Rounding may bring a variance of zero below zero.
  const spread = centre ? square : op('Max', op('Sub', square, op('Mul', average, average)), writer.floats([0], []))
  const factor = op('Div', vector(gamma!), op('Sqrt', op('Add', spread, writer.floats([epsilon], []))))
  const summand = centre ? vector(beta!) : op('Sub', vector(beta!), op('Mul', average, factor))
  lowering.define(y!, 'blocked', channelAffine(lowering, value, shape.stored, factor, summand))
  lowering.define(mean!, 'plain', lowering.cutVector(average, channels, shape.stored))
  lowering.define(variance!, 'plain', lowering.cutVector(spread, channels, shape.stored))
  return true
}

/** dx = A dy + B x + D; see batch-norm-coefficients.ts, with x − mean and a mean of zero for the centred form. */
export function blockedBatchNormGradient(
  lowering: Lowering,
  {
    inputs: [x, gamma, mean, variance, dy],
    outputs: [dx, dGamma, dBeta],
    attributes: { epsilon },
  }: BlockedNode<{ readonly epsilon: number }>,
): boolean {
  if (!lowering.has(x!, 'blocked')) return false
  const shape = shapeOf(lowering, x!)
  const channels = known(gamma!.shape[0])
  const vector = (tensor: Tensor) => lowering.padVector(lowering.value(tensor), channels, shape.stored)
  const centre = isCentred(shape)
  const value = centre ? centred(lowering, x!, vector(mean!), shape) : lowering.value(x!, 'blocked')
  const slope = lowering.value(dy!, 'blocked')
  const { dgamma, dbeta, a, b, d } = batchNormCoefficients(lowering, {
    gamma: vector(gamma!),
    mean: centre ? undefined : vector(mean!),
    variance: vector(variance!),
    m1: channelMean(lowering, slope, shape),
    m2: channelDot(lowering, slope, value, shape),
    count: shape.batch * shape.height * shape.width,
    epsilon,
  })
  const affine = channelAffine(lowering, value, shape.stored, b, d)
  lowering.define(dx!, 'blocked', channelAffine(lowering, slope, shape.stored, a, undefined, affine))
  lowering.define(dGamma!, 'plain', lowering.cutVector(dgamma, channels, shape.stored))
  lowering.define(dBeta!, 'plain', lowering.cutVector(dbeta, channels, shape.stored))
  return true
}

/** dx = dy · sigmoid(x) · (1 + x − y); the bracket is one depthwise convolution of y with x added. */
export function blockedSiluGradient(
  lowering: Lowering,
  { inputs: [x, y, dy], outputs: [dx] }: BlockedNode<Record<never, never>>,
): boolean {
  if (!lowering.has(x!, 'blocked') || !lowering.has(y!, 'blocked')) return false
  const { writer } = lowering
  const { stored } = shapeOf(lowering, x!)
  const fill = (value: number) => writer.floats(new Array<number>(stored).fill(value))
  const value = lowering.value(x!, 'blocked')
  const bracket = channelAffine(lowering, lowering.value(y!, 'blocked'), stored, fill(-1), fill(1), value)
  const scaled = writer.node('Mul', [lowering.value(dy!, 'blocked'), writer.node('Sigmoid', [value])])
  lowering.define(dx!, 'blocked', writer.node('Mul', [scaled, bracket]))
  return true
}
