// Rectangular batches: images of similar aspect go together, so that little border is needed. v7.0 dataloaders.py.

export interface RectangularBatches {
  /** Data set indices by aspect (height / width), flat images first. */
  readonly order: Int32Array
  /** [height, width] of each batch in pixels. */
  readonly frames: readonly (readonly [height: number, width: number])[]
}

/**
 * Order and frames of rectangular batches.
 *
 * Images of equal aspect stay in their order; v7.0 leaves that to NumPy's unstable sort.
 *
 * @param sizes - width and height of each image
 * @param pad - border in strides: 0 in training, 0.5 in validation
 */
export function rectangularBatches(
  sizes: Int32Array,
  batchSize: number,
  imagePx: number,
  stride: number,
  pad: number,
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
  return { order, frames }
}
