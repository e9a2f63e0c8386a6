// Rows of YOLO's label files.
import { formatG } from '../base/index.ts'

/** '3 0.5 0.4 0.1 0.2': class, centre and size as shares of the image, and the confidence if it is given. */
export function labelRow(
  classIndex: number,
  { x1, y1, x2, y2 }: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number },
  { width, height }: { readonly width: number; readonly height: number },
  confidence?: number,
): string {
  const row = [classIndex, (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
  if (confidence !== undefined) row.push(confidence)
  return row.map((value) => formatG(value)).join(' ')
}
