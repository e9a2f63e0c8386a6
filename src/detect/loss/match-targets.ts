// Which anchor cells each true box is assigned to, level by level. Runs on the CPU before a training step; the graph
// gets the result as index tensors (pack-matches.ts).

/** One detection level of a batch. */
export interface LevelGeometry {
  /** Cells of the feature map. */
  readonly ny: number
  readonly nx: number
  /** [anchors, 2] widths and heights in cells, float32. */
  readonly anchors: Float32Array
}

/** Targets matched to one level, a row each, in v7.0's row order: of several rows of a cell the last one wins. */
export interface MatchedRows {
  readonly count: number
  readonly image: Int32Array
  readonly anchor: Int32Array
  readonly gridY: Int32Array
  readonly gridX: Int32Array
  readonly classes: Int32Array
  /** [count, 4] centre relative to the cell, width and height, all in cells. */
  readonly boxes: Float32Array
  /** [count, 2] anchor of the row in cells. */
  readonly anchorSizes: Float32Array
}

/** x, y steps from the cell of a box's centre, in the order of the rows: itself, left, up, right, down. */
const neighbours = [
  [0, 0],
  [-1, 0],
  [0, -1],
  [1, 0],
  [0, 1],
] as const

/**
 * Matches boxes to anchor cells. A box takes an anchor if neither side differs by more than the factor `anchorT`. It
 * takes the cell of its centre and, of the four neighbours, the two whose border is less than half a cell away,
 * unless they lie outside. Rows are ordered by neighbour, then anchor, then target.
 *
 * All arithmetic is float32, so that ties fall as in the original.
 *
 * Source: yolov5 v7.0 utils/loss.py, ComputeLoss.build_targets. Kept from there: a cell index is clamped to the map
 * before the offset of the box from its cell is taken, so at a border the offset may reach 1.
 *
 * @param targets - [count, 6] image, class, x, y, width, height; boxes normalised to [0, 1]
 */
export function matchTargets(targets: Float32Array, levels: readonly LevelGeometry[], anchorT: number): MatchedRows[] {
  const limit = Math.fround(anchorT)
  return levels.map((level) => matchLevel(targets, level, limit))
}

function matchLevel(targets: Float32Array, { ny, nx, anchors }: LevelGeometry, limit: number): MatchedRows {
  const targetCount = Math.floor(targets.length / 6)
  const anchorCount = anchors.length / 2
  // Pairs that pass the shape test, anchor by anchor.
  const pairTarget: number[] = []
  const pairAnchor: number[] = []
  // Boxes in cells.
  const cells = new Float32Array(4 * targetCount)
  for (let t = 0; t < targetCount; t++) {
    cells[4 * t] = targets[6 * t + 2]! * nx
    cells[4 * t + 1] = targets[6 * t + 3]! * ny
    cells[4 * t + 2] = targets[6 * t + 4]! * nx
    cells[4 * t + 3] = targets[6 * t + 5]! * ny
  }
  for (let a = 0; a < anchorCount; a++)
    for (let t = 0; t < targetCount; t++) {
      const wide = Math.fround(cells[4 * t + 2]! / anchors[2 * a]!)
      const high = Math.fround(cells[4 * t + 3]! / anchors[2 * a + 1]!)
      const worst = Math.max(wide, Math.fround(1 / wide), high, Math.fround(1 / high))
      if (!(worst < limit)) continue
      pairTarget.push(t)
      pairAnchor.push(a)
    }

  const capacity = neighbours.length * pairTarget.length // a centre exactly on a border has a neighbour on either side
  const { image, anchor, gridY, gridX, classes, boxes, anchorSizes } = emptyRows(capacity)
  let row = 0
  for (const [stepX, stepY] of neighbours)
    for (let pair = 0; pair < pairTarget.length; pair++) {
      const t = pairTarget[pair]!
      const x = cells[4 * t]!
      const y = cells[4 * t + 1]!
      if (stepX !== 0 && !isNear(stepX < 0 ? x : Math.fround(nx - x))) continue
      if (stepY !== 0 && !isNear(stepY < 0 ? y : Math.fround(ny - y))) continue
      const a = pairAnchor[pair]!
      const cellX = clamp(Math.trunc(Math.fround(x + 0.5 * stepX)), nx)
      const cellY = clamp(Math.trunc(Math.fround(y + 0.5 * stepY)), ny)
      image[row] = targets[6 * t]!
      classes[row] = targets[6 * t + 1]!
      anchor[row] = a
      gridX[row] = cellX
      gridY[row] = cellY
      boxes[4 * row] = x - cellX
      boxes[4 * row + 1] = y - cellY
      boxes[4 * row + 2] = cells[4 * t + 2]!
      boxes[4 * row + 3] = cells[4 * t + 3]!
      anchorSizes[2 * row] = anchors[2 * a]!
      anchorSizes[2 * row + 1] = anchors[2 * a + 1]!
      row++
    }
  return {
    count: row,
    image: image.subarray(0, row),
    anchor: anchor.subarray(0, row),
    gridY: gridY.subarray(0, row),
    gridX: gridX.subarray(0, row),
    classes: classes.subarray(0, row),
    boxes: boxes.subarray(0, 4 * row),
    anchorSizes: anchorSizes.subarray(0, 2 * row),
  }
}

/** Room for so many rows. */
export function emptyRows(count: number): MatchedRows {
  return {
    count,
    image: new Int32Array(count),
    anchor: new Int32Array(count),
    gridY: new Int32Array(count),
    gridX: new Int32Array(count),
    classes: new Int32Array(count),
    boxes: new Float32Array(4 * count),
    anchorSizes: new Float32Array(2 * count),
  }
}

/** A distance from the map's edge whose next cell border towards that edge is less than half a cell away. */
const isNear = (distance: number) => distance - Math.floor(distance) < 0.5 && distance > 1

const clamp = (index: number, length: number) => Math.min(Math.max(index, 0), length - 1)
