// Rectangular batches: images of similar aspect go together, so that little border is needed. v7.0 dataloaders.py.

export interface RectangularBatches {
  /** Data set indices by aspect (height / width), flat images first. */
  readonly order: Int32Array
  /** [height, width] of each batch in pixels. */
  readonly frames: readonly (readonly [height: number, width: number])[]
}

export interface RectangularOptions {
  readonly batchSize: number
  readonly imagePx: number
  readonly stride: number
  /** Border in strides: 0 in training, 0.5 in validation. */
  readonly pad: number
  /** No more different frames than that: some batches get a larger one. Every frame is a graph to be compiled. */
  readonly mostFrames?: number
}

/**
 * Order and frames of rectangular batches.
 *
 * Images of equal aspect stay in their order; v7.0 leaves that to NumPy's unstable sort.
 *
 * @param sizes - width and height of each image
 */
export function rectangularBatches(
  sizes: Int32Array,
  { batchSize, imagePx, stride, pad, mostFrames = Number.POSITIVE_INFINITY }: RectangularOptions,
): RectangularBatches {
  const aspect = Float64Array.from({ length: sizes.length / 2 }, (_, i) => sizes[2 * i + 1] / sizes[2 * i])
  const order = Int32Array.from(aspect.keys()).sort((a, b) => aspect[a] - aspect[b] || a - b)
  const frames: [number, number][] = []
  for (let start = 0; start < order.length; start += batchSize) {
    const flattest = aspect[order[start]]
    const tallest = aspect[order[Math.min(start + batchSize, order.length) - 1]]
    const shape = tallest < 1 ? [tallest, 1] : flattest > 1 ? [1, 1 / flattest] : [1, 1]
    const side = (fraction: number) => Math.ceil((fraction * imagePx) / stride + pad) * stride
    frames.push([side(shape[0]), side(shape[1])])
  }
  return { order, frames: fewFrames(frames, mostFrames) }
}

interface FrameGroup {
  height: number
  width: number
  count: number
  members: string[]
}

/** Frames in groups of one size, joined where that adds the least border until there are at most `most`. */
function fewFrames(frames: readonly [number, number][], most: number): readonly [number, number][] {
  const groups = new Map<string, FrameGroup>()
  for (const [height, width] of frames) {
    const name = `${height} ${width}`
    const group = groups.get(name) ?? { height, width, count: 0, members: [name] }
    group.count++
    groups.set(name, group)
  }
  const join = (a: FrameGroup, b: FrameGroup): FrameGroup => ({
    height: Math.max(a.height, b.height),
    width: Math.max(a.width, b.width),
    count: a.count + b.count,
    members: [...a.members, ...b.members],
  })
  const area = ({ height, width, count }: FrameGroup) => height * width * count
  const left = [...groups.values()]
  while (left.length > most) {
    let best = { i: 0, j: 1, added: Number.POSITIVE_INFINITY }
    for (let i = 0; i < left.length; i++)
      for (let j = i + 1; j < left.length; j++) {
        const added = area(join(left[i], left[j])) - area(left[i]) - area(left[j])
        if (added < best.added) best = { i, j, added }
      }
    const [b] = left.splice(best.j, 1)
    left[best.i] = join(left[best.i], b)
  }
  const frameOf = new Map(left.flatMap(({ height, width, members }) => members.map((name) => [name, [height, width]])))
  return frames.map(([height, width]) => frameOf.get(`${height} ${width}`) as [number, number])
}
