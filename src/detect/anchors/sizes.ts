// Sizes of labelled boxes in pixels of training, which is all that anchors are about.

/** What anchors need of a data set; a `Dataset` has it. */
export interface LabelledSizes {
  /** Width and height by image, pixels. [images * 2] */
  readonly sizes: ArrayLike<number>
  /** Rows of 5: class, x, y, width, height, normalised, image by image. [rows * 5] */
  readonly labels: Float32Array
  /** First row of each image in `labels`, and the number of rows at the end. [images + 1] */
  readonly labelStart: ArrayLike<number>
}

/**
 * Widths and heights of all labels in pixels when the longer side of each image is `imagePx`. [rows * 2], float64.
 *
 * @param scales - a further factor by image
 */
export function labelSizes(
  { sizes, labels, labelStart }: LabelledSizes,
  imagePx: number,
  scales?: ArrayLike<number>,
): Float64Array {
  const result = new Float64Array((labels.length / 5) * 2)
  for (let image = 0; image + 1 < labelStart.length; image++) {
    const longer = Math.max(sizes[2 * image]!, sizes[2 * image + 1]!)
    const scale = scales?.[image] ?? 1
    const width = ((imagePx * sizes[2 * image]!) / longer) * scale
    const height = ((imagePx * sizes[2 * image + 1]!) / longer) * scale
    for (let row = labelStart[image]!; row < labelStart[image + 1]!; row++) {
      result[2 * row] = labels[5 * row + 3]! * width
      result[2 * row + 1] = labels[5 * row + 4]! * height
    }
  }
  return result
}

/** Float32 copy of those rows that `keep` keeps. */
export function toFloat32(sizes: Float64Array, keep?: (width: number, height: number) => boolean): Float32Array {
  if (!keep) return Float32Array.from(sizes)
  const kept: number[] = []
  for (let i = 0; i < sizes.length; i += 2) if (keep(sizes[i]!, sizes[i + 1]!)) kept.push(sizes[i]!, sizes[i + 1]!)
  return Float32Array.from(kept)
}
