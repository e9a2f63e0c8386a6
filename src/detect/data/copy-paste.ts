// Copy-paste (Ghiasi et al., arXiv:2012.07177) in v7.0's form: objects with a polygon are pasted again where they appear
// in the mirrored image, unless they would hide a labelled object there.
import type { Random } from '../../base/index.ts'
import type { Labels, Polygon } from './boxes.ts'
import { fillPolygon } from './polygon-fill.ts'
import { type RgbImage, roundHalfEven } from './rgb.ts'

/** A box that covers this share of any other object is not pasted. */
const HIDDEN = 0.3

/**
 * Pastes objects into the image, in place.
 *
 * Nothing is drawn for a probability of 0 or without polygons. v7.0 augmentations.py, copy_paste; it confuses objects
 * where some labels have polygons and others have none, here each polygon keeps its label.
 *
 * @param labels - corners in pixels
 * @param probability - share of the objects with a polygon that are tried
 * @returns the labels with those of the pasted objects behind
 */
export function copyPaste(image: RgbImage, labels: Labels, probability: number, { python }: Random): Labels {
  const { rows, polygons } = labels
  const segmented = Array.from(polygons.keys()).filter((i) => polygons[i] !== undefined)
  if (!probability || segmented.length === 0) return labels

  const { width, height } = image
  const chosen = python.sample(segmented, roundHalfEven(probability * segmented.length))
  const boxes = Array.from(rows)
  const outlines: (Polygon | undefined)[] = [...polygons]
  const pasted: Polygon[] = []
  for (const i of chosen) {
    const [label, x1, y1, x2, y2] = rows.subarray(5 * i, 5 * i + 5)
    const box = [Math.fround(width - x2), y1, Math.fround(width - x1), y2]
    if (hides(box, boxes)) continue
    const polygon = polygons[i]!
    boxes.push(label, ...box)
    outlines.push(mirrored(polygon, width))
    pasted.push(polygon)
  }
  if (pasted.length === 0) return labels
  const mask = new Uint8Array(width * height)
  for (const polygon of pasted) fillPolygon(mask, width, height, Int32Array.from(polygon))
  pasteMirrored(image, mask)
  return { rows: Float32Array.from(boxes), polygons: outlines }
}

function mirrored(polygon: Polygon, width: number): Polygon {
  const result = polygon.slice()
  for (let i = 0; i < result.length; i += 2) result[i] = width - result[i]
  return result
}

/** Would the box cover too much of one of the others? Rows of 5 with corners. */
function hides([x1, y1, x2, y2]: readonly number[], rows: readonly number[]): boolean {
  for (let i = 0; i < rows.length; i += 5) {
    const across = Math.min(x2, rows[i + 3]) - Math.max(x1, rows[i + 1])
    const down = Math.min(y2, rows[i + 4]) - Math.max(y1, rows[i + 2])
    const area = (rows[i + 3] - rows[i + 1]) * (rows[i + 4] - rows[i + 2]) + 1e-7
    if ((Math.max(across, 0) * Math.max(down, 0)) / area >= HIDDEN) return true
  }
  return false
}

/** Copies the masked pixels to their mirrored places. Mirrored pixels are taken as they were before. */
function pasteMirrored({ data, width, height }: RgbImage, mask: Uint8Array): void {
  const before = new Uint8Array(3 * width)
  for (let y = 0; y < height; y++) {
    const marks = mask.subarray(y * width, (y + 1) * width)
    let x = marks.indexOf(1)
    if (x < 0) continue
    const row = data.subarray(3 * y * width, 3 * (y + 1) * width)
    before.set(row)
    for (const end = marks.lastIndexOf(1); x <= end; x++) {
      if (marks[x] === 0) continue
      const to = 3 * (width - 1 - x)
      row[to] = before[3 * x]
      row[to + 1] = before[3 * x + 1]
      row[to + 2] = before[3 * x + 2]
    }
  }
}
