// The gradient of a convolution by its weight as products of matrices, which every graphics processor is good at. The plain
// form, a convolution whose kernel is as large as the image, none is.
import { known } from '../graph.ts'
import type { LowerContext } from '../op.ts'
import type { ConvAttributes } from './conv.ts'

interface WeightGradientAttributes extends ConvAttributes {
  readonly kernel: readonly [number, number]
}

/** Shifted images that are gathered for one product may take so much. */
const COLUMN_BYTES = 2 ** 28

/**
 * With x as [N, H, W, I]: for each tap the pixels that it saw, [N, y·x, I]; taps side by side, [N, y·x, taps · I]; times
 * dy [N, O, y·x]; summed over the images. Without groups only.
 */
export function gpuWeightGradient({
  lowering,
  inputs: [x, dy],
  inputTypes,
  attributes: { stride, padding, dilation, kernel },
}: LowerContext<WeightGradientAttributes>): readonly string[] {
  const { writer } = lowering
  const [batch, into, ...size] = inputTypes[0]!.shape.map(known)
  const [, out, height, width] = inputTypes[1]!.shape.map(known)
  const pixels = height! * width!
  const upstream = lowering.reshape(dy!, [batch!, out!, pixels])
  // Zeros on both ends, so that the last tap of the last pixel exists.
  const far = kernel.map((taps, i) =>
    Math.max(0, (taps - 1) * dilation + ([height!, width!][i]! - 1) * stride + 1 - size[i]! - padding[i]!),
  )
  const [top, left, bottom, right] = [padding[0], padding[1], far[0]!, far[1]!]
  let image = writer.node('Transpose', [x!], { perm: [0, 2, 3, 1] })
  if (top + left + bottom + right > 0)
    image = writer.node('Pad', [image, writer.integers([0, top, left, 0, 0, bottom, right, 0])])

  const seen = (row: number, column: number) => {
    const starts = [row * dilation, column * dilation]
    const ends = [starts[0]! + (height! - 1) * stride + 1, starts[1]! + (width! - 1) * stride + 1]
    const whole = starts.every((start) => start === 0) && kernel.every((taps) => taps === 1) && stride === 1
    const values = whole
      ? image
      : writer.node('Slice', [image, ...[starts, ends, [1, 2], [stride, stride]].map((list) => writer.integers(list))])
    return lowering.reshape(values, [batch!, pixels, into!])
  }
  const taps = Array.from({ length: kernel[0] * kernel[1] }, (_, tap) => tap)
  const together = Math.max(1, Math.floor(COLUMN_BYTES / (4 * batch! * pixels * into!)))
  const products: string[] = []
  for (let first = 0; first < taps.length; first += together) {
    const group = taps.slice(first, first + together)
    const columns = group.map((tap) => seen(Math.floor(tap / kernel[1]), tap % kernel[1]))
    const beside = columns.length === 1 ? columns[0]! : writer.node('Concat', columns, { axis: 2 })
    const perImage = writer.node('MatMul', [upstream, beside])
    products.push(writer.node('ReduceSum', [perImage, writer.integers([0])], { keepdims: 0 }))
  }
  const all = products.length === 1 ? products[0]! : writer.node('Concat', products, { axis: 1 })
  // [O, taps, I] -> [O, I, taps]
  const byTap = lowering.reshape(all, [out!, taps.length, into!])
  const turned = taps.length === 1 ? byTap : writer.node('Transpose', [byTap], { perm: [0, 2, 1] })
  return [lowering.reshape(turned, [out!, into!, ...kernel])]
}
