// Turns matched targets into the tensors that the training graph reads, padded to a fixed number of rows.
import { MatchCapacityError } from '../../base/index.ts'
import type { MatchedRows } from './match-targets.ts'

/** Shape of one raw head, [batch, anchors * (5 + classes), ny, nx]. */
export interface HeadGeometry {
  readonly ny: number
  readonly nx: number
}

/** What the padded tensors depend on besides the matches. */
export interface PackOptions {
  readonly batch: number
  readonly anchors: number
  readonly classes: number
  /** One per level. */
  readonly heads: readonly HeadGeometry[]
  /** Rows per level; see {@link matchCapacity}. */
  readonly capacity: number
}

/**
 * Padded rows, level after level: row r of level l stands at l * capacity + r. Padding has weight 0, reads cell 0 and
 * writes into the dump slot.
 */
export interface PackedMatches {
  /** [levels * capacity] where the row's first channel lies in its flattened head; channel c lies c * ny * nx later. */
  readonly cells: Int32Array
  /**
   * [levels * capacity] where the row's target goes in the objectness of all levels laid end to end. Of several rows
   * of one cell only the last has a place; the others, and padding, go to the dump slot behind the end.
   */
  readonly objectness: Int32Array
  /** [levels * capacity, 4] */
  readonly boxes: Float32Array
  /** [levels * capacity, 2] */
  readonly anchorSizes: Float32Array
  /** [levels * capacity] */
  readonly classes: Int32Array
  /** [levels * capacity] 1 / (matches of the level); 0 for padding. */
  readonly weights: Float32Array
}

/** The largest number of matches on any level. */
export function matchCount(matched: readonly MatchedRows[]): number {
  return matched.reduce((most, { count }) => Math.max(most, count), 0)
}

const smallestCapacity = 256

/**
 * Rows per level that a graph should have for a batch with so many matches: a power of two or one and a half, at
 * least 256, so that a training needs few different sessions.
 */
export function matchCapacity(matches: number): number {
  let capacity = smallestCapacity
  while (capacity < matches) {
    if (capacity * 1.5 >= matches) return capacity * 1.5
    capacity *= 2
  }
  return capacity
}

/**
 * @throws {@link MatchCapacityError} if a level has more matches than `capacity`: nothing is ever dropped
 */
export function packMatches(matched: readonly MatchedRows[], options: PackOptions): PackedMatches {
  const { batch, anchors, classes, heads, capacity } = options
  const most = matchCount(matched)
  if (most > capacity) throw new MatchCapacityError(most, capacity)
  const columns = 5 + classes
  const rows = heads.length * capacity
  const packed: PackedMatches = {
    cells: new Int32Array(rows),
    objectness: new Int32Array(rows),
    boxes: new Float32Array(4 * rows),
    anchorSizes: new Float32Array(2 * rows).fill(1),
    classes: new Int32Array(rows),
    weights: new Float32Array(rows),
  }
  const dump = heads.reduce((sum, { ny, nx }) => sum + batch * anchors * ny * nx, 0)
  let offset = 0
  for (const [level, { ny, nx }] of heads.entries()) {
    const { count, image, anchor, gridY, gridX, classes: rowClasses, boxes, anchorSizes } = matched[level]!
    const start = level * capacity
    const taken = new Set<number>()
    for (let row = count - 1; row >= 0; row--) {
      const place = gridY[row]! * nx + gridX[row]!
      const plane = image[row]! * anchors + anchor[row]!
      packed.cells[start + row] = plane * columns * ny * nx + place
      const slot = plane * ny * nx + place
      packed.objectness[start + row] = taken.has(slot) ? dump : offset + slot
      taken.add(slot)
    }
    packed.objectness.fill(dump, start + count, start + capacity)
    packed.boxes.set(boxes, 4 * start)
    for (let row = count; row < capacity; row++) {
      packed.boxes[4 * (start + row) + 2] = 1
      packed.boxes[4 * (start + row) + 3] = 1
    }
    packed.anchorSizes.set(anchorSizes, 2 * start)
    packed.classes.set(rowClasses, start)
    packed.weights.fill(1 / count, start, start + count)
    offset += batch * anchors * ny * nx
  }
  return packed
}
