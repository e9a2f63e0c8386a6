// Label boxes through letterbox, mosaic and warp, rounded to float32 at every step as NumPy does in v7.0.
// Rows of 5: class, then the box; `Xywhn` is centre form normalised, `Xyxy` corners in pixels.
import type { Matrix } from './perspective.ts'

const f = Math.fround

/** Corners of a polygon, x and y in pixels. [points * 2] */
export type Polygon = Float32Array

/** Labels on their way through an item. */
export interface Labels {
  /** Rows of 5: class, then the box. */
  readonly rows: Float32Array
  /** The polygon of each row, if it has one; empty if no row has. */
  readonly polygons: readonly (Polygon | undefined)[]
}

/** The labels of several images together, in new memory. */
export function joinLabels(parts: readonly Labels[]): Labels {
  const rows = new Float32Array(parts.reduce((sum, part) => sum + part.rows.length, 0))
  const polygons: (Polygon | undefined)[] = []
  let at = 0
  for (const part of parts) {
    rows.set(part.rows, at)
    // Rows of images without polygons stand between those with.
    for (const [i, polygon] of part.polygons.entries()) polygons[at / 5 + i] = polygon
    at += part.rows.length
  }
  if (polygons.length > 0) polygons.length = rows.length / 5
  return { rows, polygons: Array.from(polygons) }
}

/** Rows in centre form, normalised, to corners in pixels: x = width * (cx ± w / 2) + padX. In place. */
export function toXyxy(rows: Float32Array, width: number, height: number, padX: number, padY: number): void {
  const w = f(width)
  const h = f(height)
  const px = f(padX)
  const py = f(padY)
  for (let i = 0; i < rows.length; i += 5) {
    const halfWidth = f(rows[i + 3] / 2)
    const halfHeight = f(rows[i + 4] / 2)
    const x = rows[i + 1]
    const y = rows[i + 2]
    rows[i + 1] = f(w * f(x - halfWidth)) + px
    rows[i + 2] = f(h * f(y - halfHeight)) + py
    rows[i + 3] = f(w * f(x + halfWidth)) + px
    rows[i + 4] = f(h * f(y + halfHeight)) + py
  }
}

/** Corners in pixels to centre form, normalised, clipped to the image less 1/1000 pixel. In place. */
export function toXywhn(rows: Float32Array, width: number, height: number): void {
  const maxX = f(width - 1e-3)
  const maxY = f(height - 1e-3)
  for (let i = 0; i < rows.length; i += 5) {
    const x1 = clamp(rows[i + 1], maxX)
    const y1 = clamp(rows[i + 2], maxY)
    const x2 = clamp(rows[i + 3], maxX)
    const y2 = clamp(rows[i + 4], maxY)
    rows[i + 1] = f(f(x1 + x2) / 2) / width
    rows[i + 2] = f(f(y1 + y2) / 2) / height
    rows[i + 3] = f(x2 - x1) / width
    rows[i + 4] = f(y2 - y1) / height
  }
}

const clamp = (x: number, max: number) => Math.min(Math.max(x, 0), max)

/** Clips the corners of rows to [0, max]. In place. */
export function clipRows(rows: Float32Array, max: number): void {
  for (let i = 0; i < rows.length; i += 5) for (let k = 1; k < 5; k++) rows[i + k] = clamp(rows[i + k], max)
}

/**
 * Is a box still worth a label after the warp? Wider and higher than 2 pixels, enough of its (scaled) area left, and not
 * thinner than 1 : 100. v7.0 augmentations.py, box_candidates.
 */
export function isCandidate(before: ArrayLike<number>, after: ArrayLike<number>, areaThreshold: number): boolean {
  const w1 = f(f(before[2]) - f(before[0]))
  const h1 = f(f(before[3]) - f(before[1]))
  const w2 = after[2] - after[0]
  const h2 = after[3] - after[1]
  const aspect = Math.max(w2 / (h2 + 1e-16), h2 / (w2 + 1e-16))
  return w2 > 2 && h2 > 2 && (w2 * h2) / f(f(w1 * h1) + 1e-16) > areaThreshold && aspect < 100
}

/**
 * Boxes of a warped image, those not worth a label removed: the box around the four warped corners, or around the
 * warped polygon of a row that has one.
 *
 * @param labels - corners in pixels of the source
 * @param scale - the scale of the warp: a box counts as shrunk only beyond it
 * @returns rows in pixels of the result, clipped to it
 */
export function warpBoxes(
  { rows, polygons }: Labels,
  matrix: Matrix,
  scale: number,
  height: number,
  width: number,
  perspective: boolean,
): Float32Array {
  // v7.0 takes the polygons as those of the first rows even where other rows have none, and then mixes boxes up.
  const usePolygons = polygons.some((polygon) => polygon?.some((value) => value !== 0))
  const kept: number[] = []
  for (let n = 0; n < rows.length / 5; n++) {
    const row = rows.subarray(5 * n, 5 * n + 5)
    const polygon = usePolygons ? polygons[n] : undefined
    const box = polygon
      ? aroundPolygon(polygon, matrix, height, width, perspective)
      : aroundCorners(row, matrix, height, width, perspective)
    const before = [1, 2, 3, 4].map((k) => f(row[k] * f(scale)))
    if (isCandidate(before, box, polygon ? 0.01 : 0.1)) kept.push(row[0], ...box)
  }
  return Float32Array.from(kept)
}

function aroundCorners(row: Float32Array, m: Matrix, height: number, width: number, perspective: boolean): number[] {
  const [, x1, y1, x2, y2] = row
  const xs: number[] = []
  const ys: number[] = []
  for (const [x, y] of [
    [x1, y1],
    [x2, y2],
    [x1, y2],
    [x2, y1],
  ]) {
    const w = perspective ? x * m[6] + y * m[7] + m[8] : 1
    xs.push((x * m[0] + y * m[1] + m[2]) / w)
    ys.push((x * m[3] + y * m[4] + m[5]) / w)
  }
  return [
    clamp(Math.min(...xs), width),
    clamp(Math.min(...ys), height),
    clamp(Math.max(...xs), width),
    clamp(Math.max(...ys), height),
  ]
}

/** Points that a polygon is resampled to before it is warped. */
const RESAMPLED = 1000

/** A point of a polygon and where the warp puts it: x, y, denominator. */
const placed = new Float64Array(3)

/** @param at - position along the closed polygon: 1.5 lies halfway between corners 1 and 2 */
function placePoint(polygon: Polygon, at: number, m: Matrix, perspective: boolean): void {
  const corners = polygon.length / 2
  const index = Math.min(Math.floor(at), corners - 1)
  const next = index + 1 < corners ? index + 1 : 0
  const t = at - index
  const x = (polygon[2 * next] - polygon[2 * index]) * t + polygon[2 * index]
  const y = (polygon[2 * next + 1] - polygon[2 * index + 1]) * t + polygon[2 * index + 1]
  const w = perspective ? x * m[6] + y * m[7] + m[8] : 1
  placed[0] = (x * m[0] + y * m[1] + m[2]) / w
  placed[1] = (x * m[3] + y * m[4] + m[5]) / w
  placed[2] = w
}

/**
 * The box around those of the resampled points that fall into the frame; zeros if none does. Sides stay straight, so of
 * a side whose ends are inside nothing else needs to be looked at, and nothing at all of one that lies beyond an edge.
 */
function aroundPolygon(polygon: Polygon, m: Matrix, height: number, width: number, perspective: boolean): number[] {
  const corners = polygon.length / 2
  const step = corners / (RESAMPLED - 1)
  const positionOf = (k: number) => (k === RESAMPLED - 1 ? corners : k * step)
  let minX = Number.POSITIVE_INFINITY
  let minY = Number.POSITIVE_INFINITY
  let maxX = Number.NEGATIVE_INFINITY
  let maxY = Number.NEGATIVE_INFINITY
  const isInside = (x: number, y: number) => x >= 0 && y >= 0 && x <= width && y <= height
  const add = (x: number, y: number) => {
    if (x < minX) minX = x
    if (x > maxX) maxX = x
    if (y < minY) minY = y
    if (y > maxY) maxY = y
  }
  for (let side = 0, first = 0; side < corners; side++) {
    // The points of this side are those from `first` to `last`.
    let end = side + 1 === corners ? RESAMPLED : Math.ceil((side + 1) / step)
    while (end < RESAMPLED - 1 && positionOf(end) < side + 1) end++
    while (end > first && end < RESAMPLED && positionOf(end - 1) >= side + 1) end--
    const last = end - 1
    if (last < first) continue
    placePoint(polygon, positionOf(first), m, perspective)
    const [x1, y1, w1] = [placed[0], placed[1], placed[2]]
    placePoint(polygon, positionOf(last), m, perspective)
    const [x2, y2, w2] = [placed[0], placed[1], placed[2]]
    const straight = w1 > 0 && w2 > 0
    const beyond =
      (x1 < 0 && x2 < 0) || (y1 < 0 && y2 < 0) || (x1 > width && x2 > width) || (y1 > height && y2 > height)
    if (straight && isInside(x1, y1) && isInside(x2, y2)) {
      add(x1, y1)
      add(x2, y2)
    } else if (!(straight && beyond))
      for (let k = first; k <= last; k++) {
        placePoint(polygon, positionOf(k), m, perspective)
        if (isInside(placed[0], placed[1])) add(placed[0], placed[1])
      }
    first = end
  }
  // v7.0 takes x coordinates that are all 0 for no points.
  return minX === 0 && maxX === 0 ? [0, 0, 0, 0] : minX <= maxX ? [minX, minY, maxX, maxY] : [0, 0, 0, 0]
}
