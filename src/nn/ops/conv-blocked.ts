// Blocked forms of the convolutions. b is the block size, x is [N, I, H, W], y is [N, O, OH, OW]; activations lie as
// [N, I/b, H, W, b] and filters as [O/b, I/b, kh, kw, b(in), b(out)] (lowering.ts). Every reshape below is free: it only
// gives the same bytes another nominal shape.
import { type Graph, known, leafOf, type Tensor } from '../graph.ts'
import { type Lowering, MICROSOFT, type Storage } from '../lowering.ts'
import type { BlockedNode } from '../op.ts'
import type { ConvAttributes } from './conv.ts'

/** A 6x6 convolution with stride 2 on the image: the stem of YOLOv5, 3x3 on the space-to-depth image. */
const isStem = (x: Tensor, w: Tensor, { stride, padding, dilation, groups }: ConvAttributes): boolean => {
  const leaf = leafOf(x)
  return (
    leaf?.kind === 'image' &&
    leaf.layout.kind === 'blocked' &&
    w.shape[2] === 6 &&
    w.shape[3] === 6 &&
    stride === 2 &&
    padding[0] === 2 &&
    padding[1] === 2 &&
    dilation === 1 &&
    groups === 1
  )
}

/**
 * Storages of the parameters that only convolutions read: they are kept as blocked filters and never converted.
 * Everything else is plain and not in the map.
 *
 * @param readers - names of the ops whose second input is a filter
 */
export function storagesOf(graph: Graph, readers: ReadonlySet<string>): Map<Tensor, Storage> {
  const uses = new Map<Tensor, { readonly node: Tensor['node']; readonly input: number }[]>()
  for (const node of graph.nodes)
    for (const [input, tensor] of node.inputs.entries()) {
      const list = uses.get(tensor)
      if (list) list.push({ node, input })
      else uses.set(tensor, [{ node, input }])
    }
  /** The storage in which all readers want a filter. */
  const wanted = (filter: Tensor): Storage => {
    const found = new Set(
      (uses.get(filter) ?? []).map(({ node, input }): Storage => {
        const { op, inputs, outputs, attributes } = node
        if (readers.has(op.name) && input === 1 && attributes.groups === 1)
          return isStem(inputs[0]!, filter, attributes) ? 'stem' : 'filter'
        // Filters that are joined by their outputs stay filters (merge.ts).
        const joined = op.name === 'Concat' && attributes.axis === 0 && filter.shape.length === 4
        return joined && wanted(outputs[0]!) === 'filter' ? 'filter' : 'plain'
      }),
    )
    return found.size === 1 ? [...found][0]! : 'plain'
  }
  const storages = new Map<Tensor, Storage>()
  for (const { outputs } of graph.nodes) {
    const [tensor] = outputs
    if (leafOf(tensor!)?.kind !== 'parameter' || tensor!.shape.length !== 4) continue
    const storage = wanted(tensor!)
    if (storage !== 'plain') storages.set(tensor!, storage)
  }
  return storages
}

/** Forward: the runtime's own direct convolution. */
export function blockedConv(lowering: Lowering, { inputs, outputs, attributes }: BlockedNode<ConvAttributes>): boolean {
  const [x, w, bias] = inputs
  const { stride, padding, dilation, groups } = attributes
  if (groups !== 1) return false
  const stem = isStem(x!, w!, attributes)
  const [out, , kh, kw] = w!.shape.map(known)
  const stored = lowering.blockedChannels(out!)
  const pads = stem ? [1, 1, 1, 1] : [...padding, ...padding]
  const names = stem
    ? [lowering.value(x!, 'stem'), lowering.value(w!, 'stem')]
    : [lowering.value(x!, 'blocked'), lowering.value(w!, 'filter')]
  if (bias) names.push(lowering.padVector(lowering.value(bias), out!, stored))
  const y = lowering.nchwc('Conv', names, {
    kernel_shape: stem ? [3, 3] : [kh!, kw!],
    strides: stem ? [1, 1] : [stride, stride],
    pads,
    dilations: [dilation, dilation],
  })
  lowering.define(outputs[0]!, 'blocked', y)
  return true
}

/**
 * The filter with inputs and outputs exchanged, before the taps are put in order: [I/b, O/b, kh·kw, b(out), b(in)].
 * ReorderOutput on the filter seen as [1, O, 1, I·kh·kw] gives [O/b, b(out), I/b, kh·kw, b(in)].
 */
const exchangedFilter = (lowering: Lowering, w: Tensor): string =>
  lowering.derive(w, 'exchanged', () => {
    const [out, into] = w.shape.slice(0, 2).map((channels) => lowering.blockedChannels(known(channels)))
    const taps = known(w.shape[2]) * known(w.shape[3])
    const block = lowering.blockSize
    const flat = lowering.reshape(lowering.value(w, 'filter'), [1, out!, 1, into! * taps])
    const rows = lowering.nchwc('ReorderOutput', [flat], { channels: out! })
    const parts = lowering.reshape(rows, [out! / block, block, into! / block, taps, block])
    return lowering.writer.node('Transpose', [parts], { perm: [2, 0, 3, 1, 4] })
  })

/** Gradient by the input, for stride 1 and for stride 2 on even sizes. */
export function blockedInputGradient(
  lowering: Lowering,
  { inputs, outputs, attributes }: BlockedNode<ConvAttributes & { readonly size: readonly [number, number] }>,
): boolean {
  const [dy, w] = inputs
  const { stride, padding, dilation, groups, size } = attributes
  const { writer, blockSize: block } = lowering
  if (groups !== 1 || stride > 2 || (stride === 2 && dilation !== 1)) return false
  const [out, into] = w!.shape.slice(0, 2).map((channels) => lowering.blockedChannels(known(channels)))
  const kernel = w!.shape.slice(2).map(known)
  const outSize = dy!.shape.slice(2).map(known)
  const [kh, kw] = kernel as [number, number]

  /** Convolution of dy with some taps of the exchanged filter. */
  const convolve = (rows: readonly number[], columns: readonly number[], pads: readonly number[]) => {
    const taps = rows.flatMap((row) => columns.map((column) => row * kw + column))
    const exchanged = exchangedFilter(lowering, w!)
    const chosen =
      taps.length === 1 && kh * kw === 1
        ? exchanged
        : writer.node('Gather', [exchanged, writer.integers(taps)], { axis: 2 })
    return lowering.nchwc(
      'Conv',
      [lowering.value(dy!, 'blocked'), lowering.reshape(chosen, [into!, out!, rows.length, columns.length])],
      { kernel_shape: [rows.length, columns.length], pads, dilations: stride === 1 ? [dilation, dilation] : [1, 1] },
    )
  }

  if (stride === 1) {
    const pads = kernel.map((length, i) => dilation * (length - 1) - padding[i]!)
    if (pads.some((length) => length < 0)) return false
    const reversed = (length: number) => Array.from({ length }, (_, tap) => length - 1 - tap)
    lowering.define(outputs[0]!, 'blocked', convolve(reversed(kh), reversed(kw), [...pads, ...pads]))
    return true
  }

  // Stride 2: pixels of each parity get their own taps, dx[2y + r] = Σ dy[y + o] w[a] with o = (r + p − a) / 2.
  const phases = kernel.map((length, axis) =>
    [0, 1].map((parity) => phase(length, padding[axis]!, parity, outSize[axis]!)),
  )
  if (size.some((length, axis) => length !== 2 * outSize[axis]!)) return false
  if (phases.flat().some(({ taps, before, after }) => taps.length === 0 || before < 0 || after < 0)) return false
  const planes = (known(dy!.shape[0]) * into!) / block
  const [oh, ow] = outSize as [number, number]
  const rows = phases[0]!.map((row) => {
    const halves = phases[1]!.map((column) => {
      const half = convolve(row.taps, column.taps, [row.before, column.before, row.after, column.after])
      return lowering.reshape(half, [planes, oh, 1, ow, 1, block])
    })
    return writer.node('Concat', halves, { axis: 4 })
  })
  const dx = writer.node('Concat', rows, { axis: 2 })
  lowering.define(outputs[0]!, 'blocked', lowering.reshape(dx, [known(dy!.shape[0]), into!, ...size]))
  return true
}

/** Taps that reach pixels of one parity, in the order in which they meet dy, and the padding of dy. */
function phase(kernel: number, padding: number, parity: number, outputs: number) {
  const taps: number[] = []
  for (let tap = kernel - 1; tap >= 0; tap--) if ((parity + padding - tap) % 2 === 0) taps.push(tap)
  const offset = (tap: number | undefined) => (tap === undefined ? 0 : (parity + padding - tap) / 2)
  const before = -offset(taps[0])
  const after = offset(taps.at(-1))
  return { taps, before: before === 0 ? 0 : before, after, outputs }
}

/** Gradient by the weight; left in filter (or stem) storage. */
export function blockedWeightGradient(
  lowering: Lowering,
  { inputs, outputs, attributes }: BlockedNode<ConvAttributes & { readonly kernel: readonly [number, number] }>,
): boolean {
  const [x, dy] = inputs
  const [dw] = outputs
  if (attributes.groups !== 1 || attributes.dilation !== 1) return false
  const stem = isStem(x!, dw!, attributes)
  const geometry: Geometry = {
    batch: known(x!.shape[0]),
    into: stem ? 16 : lowering.blockedChannels(known(x!.shape[1])),
    out: lowering.blockedChannels(known(dy!.shape[1])),
    size: x!.shape.slice(2).map((length) => (stem ? known(length) / 2 : known(length))),
    outSize: dy!.shape.slice(2).map(known),
    kernel: stem ? [3, 3] : attributes.kernel,
    stride: stem ? 1 : attributes.stride,
    padding: stem ? [1, 1] : attributes.padding,
  }
  const { kernel, stride, batch, into, out, outSize } = geometry
  const pixels = outSize[0]! * outSize[1]!
  const operands: Operands = { x: x!, dy: dy!, xStorage: stem ? 'stem' : 'blocked' }
  const pointwise = kernel[0]! * kernel[1]! === 1 && stride === 1
  // Which form is the fastest was measured: bench/engine/README.md.
  const make = pointwise
    ? pixels <= (lowering.blockSize === 16 ? 200 : 4 * Math.max(into, out))
      ? pointwiseFolded
      : lowering.blockSize === 16
        ? pointwiseInPlace
        : pointwisePerImage
    : batch % lowering.blockSize === 0 && (stride === 1 || isChunked(geometry))
      ? batchInnerWeightGradient
      : volumeWeightGradient
  lowering.define(dw!, stem ? 'stem' : 'filter', make(lowering, operands, geometry))
  return true
}

interface Geometry {
  readonly batch: number
  /** Stored channels. */
  readonly into: number
  readonly out: number
  readonly size: readonly number[]
  readonly outSize: readonly number[]
  readonly kernel: readonly number[]
  readonly stride: number
  readonly padding: readonly number[]
}

interface Operands {
  readonly x: Tensor
  readonly xStorage: Storage
  readonly dy: Tensor
}

/** A blocked tensor as [C, N·H·W]: all pixels of a channel together. */
const channelMajor = (lowering: Lowering, tensor: Tensor): string =>
  lowering.derive(tensor, 'channel major', () => {
    const { blockSize: block } = lowering
    const [batch, channels, height, width] = tensor.shape.map(known)
    const stored = lowering.blockedChannels(channels!)
    const pixels = height! * width!
    const blocks = lowering.reshape(lowering.value(tensor, 'blocked'), [batch!, stored / block, pixels * block])
    const turned = stored === block ? blocks : lowering.writer.node('Transpose', [blocks], { perm: [1, 0, 2] })
    const rows = lowering.reshape(turned, [stored / block, block, 1, batch! * pixels])
    return lowering.nchwc('ReorderOutput', [rows], { channels: block })
  })

/** [O, I/b, kh, kw, b(in)] to filter storage: ReorderInput moves b of the outputs to the end. */
function toFilter(lowering: Lowering, value: string, { out, into, kernel }: Geometry): string {
  const columns = into * kernel[0]! * kernel[1]!
  const filter = lowering.nchwc('ReorderInput', [lowering.reshape(value, [1, out, 1, columns])])
  return lowering.reshape(filter, [out, into, kernel[0]!, kernel[1]!])
}

/** Padding of the far edges with which exactly kernel positions result; negative if the last pixels are never used. */
const farPadding = ({ kernel, outSize, stride, size, padding }: Geometry): number[] =>
  kernel.map((taps, i) => taps - 1 + (outSize[i]! - 1) * stride + 1 - size[i]! - padding[i]!)

/**
 * dw[o, i, a, e] = Σ over n, y, x of dy · x as a 3-D convolution: batch as channels, I/b as depth, a row of W·b floats as
 * columns, so that the innermost run of the result is kw·b long. dy is the filter; stride and dilation change places.
 */
function volumeWeightGradient(lowering: Lowering, { x, xStorage, dy }: Operands, geometry: Geometry): string {
  const { batch, into, out, size, outSize, stride, padding } = geometry
  const { writer, blockSize: block } = lowering
  const far = farPadding(geometry)
  let rows = lowering.reshape(lowering.value(x, xStorage), [batch, into / block, size[0]!, size[1]! * block])
  const used = size.map((length, i) => length + Math.min(far[i]!, 0))
  if (far.some((length) => length < 0)) {
    const ends = writer.integers([used[0]!, used[1]! * block])
    rows = writer.node('Slice', [rows, writer.integers([0, 0]), ends, writer.integers([2, 3])])
  }
  const [bottom, right] = far.map((length) => Math.max(length, 0))
  const result = writer.node(
    'Conv',
    [
      lowering.reshape(rows, [1, batch, into / block, used[0]!, used[1]! * block]),
      lowering.reshape(channelMajor(lowering, dy), [out, batch, 1, ...outSize]),
    ],
    {
      kernel_shape: [1, ...outSize],
      dilations: [1, stride, stride * block],
      pads: [0, padding[0]!, padding[1]! * block, 0, bottom!, right! * block],
    },
  )
  return toFilter(lowering, result, geometry)
}

/** Below this width nearly all outputs lie at the edge anyway, and padding inside the convolution is the faster one. */
const EXPLICIT_PADDING_FROM = 8

/** Bytes of dy from which the sum is taken in chunks, and of one chunk: it stays in the second-level cache with its x. */
const CHUNKED_FROM = 2 ** 20
const CHUNK = 2 ** 18

const slopeBytes = ({ batch, out, outSize }: Geometry) => 4 * batch * out * outSize[0]! * outSize[1]!

const isChunked = (geometry: Geometry) =>
  slopeBytes(geometry) >= CHUNKED_FROM &&
  geometry.size[1]! >= EXPLICIT_PADDING_FROM &&
  farPadding(geometry).every((length) => length >= 0)

/** Images and rows of dy that are summed in one convolution. */
interface Chunk {
  readonly images: readonly [from: number, to: number]
  readonly rows: readonly [from: number, to: number]
}

function chunksOf(geometry: Geometry, block: number): Chunk[] {
  const { batch, out, outSize } = geometry
  if (!isChunked(geometry)) return [{ images: [0, batch], rows: [0, outSize[0]!] }]
  const fitting = Math.floor(CHUNK / (4 * block * out * outSize[1]!))
  const count = Math.ceil(outSize[0]! / Math.max(fitting, 1))
  const chunks: Chunk[] = []
  for (let image = 0; image < batch; image += block)
    for (let i = 0; i < count; i++) {
      const row = (part: number) => Math.round((part * outSize[0]!) / count)
      chunks.push({ images: [image, image + block], rows: [row(i), row(i + 1)] })
    }
  return chunks
}

/**
 * The same sum as a blocked convolution with the images as channels, for batches of whole blocks: x as [I/b, N, H, W·b]
 * blocked by image, dy as filter [O, N, OH, OW]; the result [I/b, O, kh, kw·b] lies as
 * [I/b, O/b, kh, kw, b(in), b(out)], filter storage but for the first two axes.
 *
 * The kernel goes through all of dy for every few outputs. If dy is larger than the cache, it is done in chunks of images
 * and rows, and the results are added.
 */
function batchInnerWeightGradient(lowering: Lowering, operands: Operands, geometry: Geometry): string {
  const { into, out, kernel } = geometry
  const { writer, blockSize: block } = lowering
  const parts = chunksOf(geometry, block).map((chunk) => batchInnerPart(lowering, operands, geometry, chunk))
  const sum = parts.length === 1 ? parts[0]! : writer.node('Sum', parts)
  const blocks = lowering.reshape(sum, [into / block, out / block, kernel[0]! * kernel[1]! * block * block])
  const turned = into === block || out === block ? blocks : writer.node('Transpose', [blocks], { perm: [1, 0, 2] })
  return lowering.reshape(turned, [out, into, ...kernel])
}

/**
 * One chunk of it. The zeros around x are written explicitly: with padding of its own the kernel would take the slow path
 * of edges for nearly every output.
 */
function batchInnerPart(
  lowering: Lowering,
  { x, xStorage, dy }: Operands,
  geometry: Geometry,
  { images: [first, last], rows: [top, bottom] }: Chunk,
): string {
  const { batch, into, out, size, outSize, kernel, stride, padding } = geometry
  const { writer, blockSize: block } = lowering
  const whole = last - first === batch && bottom - top === outSize[0]!
  const images = (last - first) / block
  const cut = (value: string, from: number, to: number) =>
    whole
      ? value
      : writer.node('Slice', [
          value,
          writer.integers([first, from]),
          writer.integers([last, to]),
          writer.integers([0, 2]),
        ])

  // Rows of x that the rows of dy meet, without those that lie outside.
  const start = top * stride - padding[0]!
  const end = (bottom - 1) * stride - padding[0]! + kernel[0]!
  const [before, after] = [Math.max(-start, 0), Math.max(end - size[0]!, 0)]
  const explicit = size[1]! >= EXPLICIT_PADDING_FROM
  const pads = [before, padding[1]! * block, after, farPadding(geometry)[1]! * block]
  const height = explicit ? end - start : size[0]!
  const columns = explicit ? size[1]! * block + pads[1]! + pads[3]! : size[1]! * block
  const byImage = lowering.derive(x, `by image ${[first, last, start, end, explicit ? pads : '']}`, () => {
    const all = lowering.reshape(lowering.value(x, xStorage), [batch, into / block, size[0]!, size[1]! * block])
    const rows = cut(all, start + before, end - after)
    const padded = explicit
      ? writer.node('Pad', [rows, writer.integers([0, 0, pads[0]!, pads[1]!, 0, 0, pads[2]!, pads[3]!])])
      : rows
    const blocked = lowering.nchwc('ReorderInput', [
      lowering.reshape(padded, [images, block, 1, (into / block) * height * columns]),
    ])
    if (images === 1) return blocked
    const planes = lowering.reshape(blocked, [images, into / block, height * columns * block])
    return writer.node('Transpose', [planes], { perm: [1, 0, 2] })
  })

  const slope = lowering.reshape(lowering.value(dy, 'blocked'), [batch, out / block, outSize[0]! * outSize[1]!, block])
  const used = cut(slope, top * outSize[1]!, bottom * outSize[1]!)
  const pixels = (bottom - top) * outSize[1]!
  const parts = lowering.reshape(used, [images, block, out / block, pixels, block])
  const filter = writer.node('Transpose', [parts], { perm: [2, 0, 3, 1, 4] })
  return lowering.nchwc(
    'Conv',
    [
      lowering.reshape(byImage, [into / block, images * block, height, columns]),
      lowering.reshape(filter, [out, images * block, bottom - top, outSize[1]!]),
    ],
    {
      kernel_shape: [bottom - top, outSize[1]!],
      dilations: [stride, stride * block],
      ...(explicit ? {} : { pads }),
    },
  )
}

/** 1x1 filters on large maps: a product of matrices [O, P] x [P, I] per image, summed over the images. */
function pointwisePerImage(lowering: Lowering, { x, dy }: Operands, geometry: Geometry): string {
  const { writer } = lowering
  const { batch, into, out, outSize } = geometry
  const pixels = outSize[0]! * outSize[1]!
  const plain = (tensor: Tensor, channels: number) => {
    const value = lowering.derive(tensor, 'image major', () =>
      lowering.nchwc('ReorderOutput', [lowering.value(tensor, 'blocked')], { channels }),
    )
    return lowering.reshape(value, [batch, channels, pixels])
  }
  const products = writer.node('FusedMatMul', [plain(dy, out), plain(x, into)], { transB: 1 }, MICROSOFT)
  const sum = writer.node('ReduceSum', [products, writer.integers([0])], { keepdims: 0 })
  return toFilter(lowering, sum, geometry)
}

/** The same with x as it lies, [P, b(in)] for every I/b: saves a pass where 16 columns fill the registers of a product. */
function pointwiseInPlace(lowering: Lowering, { x, dy }: Operands, { batch, into, out, outSize }: Geometry): string {
  const { writer, blockSize: block } = lowering
  const pixels = outSize[0]! * outSize[1]!
  const rows = lowering.nchwc('ReorderOutput', [lowering.value(dy, 'blocked')], { channels: out })
  const columns = lowering.reshape(lowering.value(x, 'blocked'), [batch, into / block, pixels, block])
  const products = writer.node('MatMul', [lowering.reshape(rows, [batch, 1, out, pixels]), columns])
  // [N, I/b, O, b(in)] -> [I/b, O/b, b(out), b(in)] -> [O/b, I/b, b(in), b(out)]
  const sum = writer.node('ReduceSum', [products, writer.integers([0])], { keepdims: 0 })
  const parts = lowering.reshape(sum, [into / block, out / block, block, block])
  return lowering.reshape(writer.node('Transpose', [parts], { perm: [1, 0, 3, 2] }), [out, into, 1, 1])
}

/** 1x1 filters on small maps: one product [O, N·P] x [N·P, I]. */
function pointwiseFolded(lowering: Lowering, { x, dy }: Operands, geometry: Geometry): string {
  const { batch, into, out, outSize } = geometry
  const pixels = batch * outSize[0]! * outSize[1]!
  const rows = lowering.reshape(channelMajor(lowering, dy), [out, pixels])
  const columns = lowering.reshape(channelMajor(lowering, x), [into, pixels])
  const product = lowering.writer.node('FusedMatMul', [rows, columns], { transB: 1 }, MICROSOFT)
  return toFilter(lowering, product, geometry)
}
