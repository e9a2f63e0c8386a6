// Sizes of the training images: one, or several that batches are scaled to (`--multi-scale`).
import { families } from '../family.ts'
import type { ModelDefinition } from '../model/definition.ts'
import { roundHalfEven } from '../schedule.ts'
import type { TrainOptions } from './options.ts'

/** Each size is a graph of its own. */
const mostSizes = 5

export interface TrainingSizes {
  /** What images are loaded and augmented at. */
  readonly imagePx: number
  /** What the longer side of a batch is scaled to; empty if it is never scaled. */
  readonly sizes: readonly number[]
}

/**
 * Sizes of a training: evenly spread over the family's range, the ends among them.
 *
 * @param imagePx - a multiple of the stride
 */
export function trainingSizes(
  { family }: Pick<ModelDefinition, 'family'>,
  { multiScale, leastImagePx }: Pick<TrainOptions, 'multiScale' | 'leastImagePx'>,
  imagePx: number,
  stride: number,
): TrainingSizes {
  const cells = imagePx / stride
  if (leastImagePx !== undefined && leastImagePx < imagePx)
    return { imagePx, sizes: spread(Math.ceil(leastImagePx / stride), cells, stride) }
  if (!multiScale) return { imagePx, sizes: [] }
  const { least, most, made } = families[family].multiScale(cells)
  return { imagePx: made * stride, sizes: spread(Math.max(1, least), most, stride) }
}

function spread(least: number, most: number, stride: number): number[] {
  const steps = mostSizes - 1
  const cells = Array.from({ length: mostSizes }, (_, i) => least + roundHalfEven(((most - least) * i) / steps))
  return [...new Set(cells)].map((count) => count * stride)
}
