// Numbers of a data set for tables and pictures.
import type { Dataset } from './types.ts'

export interface DatasetStatistics {
  readonly images: number
  /** Images without a label. */
  readonly background: number
  readonly instances: number
  /** By class: labels, and images with at least one of them. */
  readonly instancesPerClass: readonly number[]
  readonly imagesPerClass: readonly number[]
  /** Rows of 5: class, x, y, width, height, normalised. */
  readonly boxes: Float32Array
}

export function datasetStatistics({ names, paths, labels, labelStart }: Dataset): DatasetStatistics {
  const instancesPerClass = new Array<number>(names.length).fill(0)
  const imagesPerClass = new Array<number>(names.length).fill(0)
  let background = 0
  for (let i = 0; i < paths.length; i++) {
    const seen = new Set<number>()
    for (let row = labelStart[i]; row < labelStart[i + 1]; row++) {
      instancesPerClass[labels[5 * row]]++
      seen.add(labels[5 * row])
    }
    for (const label of seen) imagesPerClass[label]++
    if (seen.size === 0) background++
  }
  // A copy in memory of its own: it travels in events.
  const boxes = Float32Array.from(labels)
  return { images: paths.length, background, instances: labels.length / 5, instancesPerClass, imagesPerClass, boxes }
}
