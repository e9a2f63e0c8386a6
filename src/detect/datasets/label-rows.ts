// Objects as they were annotated → rows of a label file.
import { around, type Corners, clipPolygon, cornersOf } from './geometry.ts'
import type { SourceObject, Tally } from './source.ts'

export interface LabelRow {
  readonly class: number
  /** Normalised. */
  readonly box: Corners
  /** Normalised outline, if the object has one. */
  readonly polygon?: readonly number[]
}

/** Smaller sides than this share of an image have no area worth the name: the label file could not hold them. */
const smallestSide = 2e-6

/**
 * The rows of an image. What sticks out of it is cut off; what then has no area, lies outside or is there twice is left
 * out and counted.
 *
 * @param classOf - number of a label; undefined if it is not wanted
 */
export function labelRows(
  objects: readonly SourceObject[],
  { width, height }: { readonly width: number; readonly height: number },
  classOf: (label: string) => number | undefined,
  tally: Tally,
  place: string,
): LabelRow[] {
  const rows: LabelRow[] = []
  const seen = new Set<string>()
  for (const object of objects) {
    const number = classOf(object.label)
    if (number === undefined) {
      tally.add('unnamed', place)
      continue
    }
    const [left, top, right, bottom] = object.box
    if (!(right - left > smallestSide * width && bottom - top > smallestSide * height)) {
      tally.add('zero-area', place)
      continue
    }
    const points = clipPolygon(object.polygon ?? cornersOf(object.box), width, height)
    const polygon = points.map((value, i) => value / (i % 2 === 0 ? width : height))
    const box = around(polygon)
    if (!(box[2] - box[0] > smallestSide && box[3] - box[1] > smallestSide)) {
      tally.add('outside', place)
      continue
    }
    const row = { class: number, box, ...(object.polygon && { polygon }) }
    const text = rowText(row, true)
    if (seen.has(text)) tally.add('duplicate', place)
    else rows.push(row)
    seen.add(text)
  }
  return rows
}

/**
 * The text of a label file. Where one object has an outline all rows are outlines, boxes as their four corners: readers
 * take a file for one or the other.
 *
 * @param outlines - false: boxes only
 */
export function labelText(rows: readonly LabelRow[], outlines: boolean): string {
  const asOutlines = outlines && rows.some(({ polygon }) => polygon !== undefined)
  return rows.map((row) => `${rowText(row, asOutlines)}\n`).join('')
}

function rowText({ class: number, box, polygon }: LabelRow, asOutline: boolean): string {
  const [left, top, right, bottom] = box
  const values = asOutline
    ? (polygon ?? cornersOf(box))
    : [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
  return [number, ...values.map((value) => value.toFixed(6))].join(' ')
}
