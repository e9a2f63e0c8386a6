// Drawing images by weight (`--image-weights`): those with rare and badly found classes come more often.
import { type Dataset, datasetStatistics } from '../data/index.ts'

/** Weight of each class by the number of its labels, 1 on average. Source: yolov5 v7.0, labels_to_class_weights. */
export function classWeights(instancesPerClass: readonly number[]): number[] {
  const inverse = instancesPerClass.map((count) => 1 / Math.max(count, 1))
  const sum = inverse.reduce((a, b) => a + b, 0)
  return inverse.map((value) => (value / sum) * inverse.length)
}

/**
 * Weight of each image: its labels, each with the weight of its class times (1 − mAP)². An image without labels has 0.
 * Source: yolov5 v7.0, labels_to_image_weights.
 *
 * @param maps - mAP50-95 of each class in the last validation; 0 before the first
 */
export function imageWeights(dataset: Dataset, maps: readonly number[]): Float64Array {
  const { paths, labels, labelStart } = dataset
  const byClass = classWeights(datasetStatistics(dataset).instancesPerClass).map(
    (weight, i) => (weight * (1 - (maps[i] ?? 0)) ** 2) / dataset.names.length,
  )
  const weights = new Float64Array(paths.length)
  for (let i = 0; i < paths.length; i++)
    for (let row = labelStart[i]!; row < labelStart[i + 1]!; row++) weights[i]! += byClass[labels[5 * row]!] ?? 0
  return weights
}
