// A validation batch as pictures: what the labels say, and what was found.
import type { BatchImages } from '../train/events.ts'
import { DETECTION_COLUMNS } from './nms.ts'
import type { ValidationBatch } from './validate.ts'

/** Batches that are drawn of a validation, as in v7.0. */
export const picturedBatches = 3

/** Detections below it are not worth showing. */
const shownConfidence = 0.25

/**
 * Two pictures of a batch.
 *
 * @param detections - per image [n, 6] in pixels of the batch's images
 */
export function batchPictures(
  index: number,
  batch: ValidationBatch,
  detections: readonly Float32Array[],
): BatchImages[] {
  const shared = {
    index,
    images: batch.images.slice(),
    batch: batch.batch,
    height: batch.height,
    width: batch.width,
    files: batch.originals.map(({ path }) => path),
  }
  return [
    { ...shared, kind: 'val-labels', boxes: pixelBoxes(batch.targets, batch.width, batch.height) },
    { ...shared, kind: 'val-predictions', boxes: confident(detections) },
  ]
}

/** Labels of a batch, [n, 6] normalised, as rows of 7 in pixels. */
export function pixelBoxes(targets: Float32Array, width: number, height: number): Float32Array {
  const rows = targets.length / 6
  const boxes = new Float32Array(7 * rows)
  for (let row = 0; row < rows; row++) {
    const [image, cls, x, y, w, h] = targets.subarray(6 * row, 6 * row + 6) as unknown as number[]
    boxes.set([image!, cls!, x! * width, y! * height, w! * width, h! * height, 1], 7 * row)
  }
  return boxes
}

/** Detections worth showing, as rows of 7 in pixels. */
function confident(detections: readonly Float32Array[]): Float32Array {
  const rows: number[] = []
  for (const [image, boxes] of detections.entries())
    for (let at = 0; at < boxes.length; at += DETECTION_COLUMNS) {
      const [x1, y1, x2, y2, confidence, cls] = boxes.subarray(at, at + DETECTION_COLUMNS) as unknown as number[]
      if (confidence! > shownConfidence)
        rows.push(image, cls!, (x1! + x2!) / 2, (y1! + y2!) / 2, x2! - x1!, y2! - y1!, confidence!)
    }
  return Float32Array.from(rows)
}
