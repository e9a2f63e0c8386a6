// One number from the metrics of a training; larger is better.

/** Weights of precision, recall, mAP50 and mAP50-95 (or, before YOLOv5, of precision, recall, mAP and F1). */
export type FitnessWeights = readonly [number, number, number, number]

/** Fitness of every YOLOv5 release (and of yolov3 since v9.0). */
export const yolov5Fitness: FitnessWeights = [0, 0, 0.1, 0.9]

/**
 * Weighted sum of the first four results, added left to right as NumPy does for so few. NaN if one of them is NaN.
 *
 * @param results - at least four numbers
 */
export function fitness(results: readonly number[], weights: FitnessWeights = yolov5Fitness): number {
  return results[0] * weights[0] + results[1] * weights[1] + results[2] * weights[2] + results[3] * weights[3]
}
