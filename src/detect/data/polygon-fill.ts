// Filled polygons by OpenCV's rules (4.6, drawContours with FILLED, 8-connected), pixel for pixel: the outline as lines
// between whole pixels, and what lies between an odd and an even crossing of each row. Copy-paste cuts objects out with it.

/**
 * Sets the pixels of a polygon to 1, its outline included.
 *
 * @param mask - [height, width], drawn into
 * @param corners - x, y of each corner in whole pixels; corners may lie outside. [corners * 2]
 */
export function fillPolygon(mask: Uint8Array, width: number, height: number, corners: Int32Array): void {
  const count = corners.length / 2
  if (count === 0) return
  for (let i = 0, j = count - 1; i < count; j = i++)
    drawLine(mask, width, height, corners[2 * j], corners[2 * j + 1], corners[2 * i], corners[2 * i + 1])
  fillInside(mask, width, height, corners)
}

/** Crossings of each row with the sides of the polygon, in 1/65536 pixel; between two of them the row is filled. */
function fillInside(mask: Uint8Array, width: number, height: number, corners: Int32Array): void {
  const count = corners.length / 2
  // Sides that cross rows of the picture: a side has its upper row and not its lower one.
  const sides: { x: number; slope: number; top: number; bottom: number }[] = []
  let first = height
  let end = 0
  for (let i = 0, j = count - 1; i < count; j = i++) {
    const [upper, lower] = corners[2 * j + 1] < corners[2 * i + 1] ? [j, i] : [i, j]
    const top = corners[2 * upper + 1]
    const bottom = corners[2 * lower + 1]
    if (top === bottom || bottom <= 0 || top >= height) continue
    const x = 65536 * corners[2 * upper]
    const slope = Math.trunc((65536 * corners[2 * lower] - x) / (bottom - top))
    sides.push({ x, slope, top, bottom })
    first = Math.min(first, Math.max(top, 0))
    end = Math.max(end, Math.min(bottom, height))
  }
  if (first >= end) return

  const start = new Int32Array(end - first + 1) // of each row's crossings; one more at the end
  for (const { top, bottom } of sides)
    for (let y = Math.max(top, 0); y < Math.min(bottom, height); y++) start[y - first + 1]++
  for (let i = 1; i < start.length; i++) start[i] += start[i - 1]
  const crossings = new Float64Array(start[start.length - 1])
  const next = start.slice()
  for (const { x, slope, top, bottom } of sides)
    for (let y = Math.max(top, 0); y < Math.min(bottom, height); y++)
      crossings[next[y - first]++] = x + slope * (y - top)

  for (let y = first; y < end; y++) {
    const [from, to] = [start[y - first], start[y - first + 1]]
    sort(crossings, from, to)
    for (let i = from; i + 1 < to; i += 2) {
      const left = Math.max(Math.ceil(crossings[i] / 65536), 0)
      const right = Math.min(Math.floor(crossings[i + 1] / 65536), width - 1)
      if (left <= right) mask.fill(1, y * width + left, y * width + right + 1)
    }
  }
}

/** Sorts a few numbers by insertion. */
function sort(numbers: Float64Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const number = numbers[i]
    let k = i
    for (; k > from && numbers[k - 1] > number; k--) numbers[k] = numbers[k - 1]
    numbers[k] = number
  }
}

/** Bresenham's line, from left to right. */
function drawLine(
  mask: Uint8Array,
  width: number,
  height: number,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
): void {
  const clipped = clipLine(width - 1, height - 1, x1, y1, x2, y2)
  if (!clipped) return
  const [fromX, fromY, toX, toY] = clipped[0] <= clipped[2] ? clipped : [...clipped.slice(2), ...clipped]
  const dx = toX - fromX
  const dy = Math.abs(toY - fromY)
  const down = toY < fromY ? -width : width
  const steep = dy > dx
  const [long, short] = steep ? [dy, dx] : [dx, dy]
  const [longStep, shortStep] = steep ? [down, 1] : [1, down]
  let at = fromY * width + fromX
  let error = long - 2 * short
  for (let i = 0; i <= long; i++) {
    mask[at] = 1
    at += longStep
    if (error < 0) {
      at += shortStep
      error += 2 * long
    }
    error -= 2 * short
  }
}

/** The part of a line inside [0, right] x [0, bottom], its ends in whole pixels (fractions cut off); undefined: none. */
function clipLine(
  right: number,
  bottom: number,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
): [number, number, number, number] | undefined {
  const sideOf = (x: number) => (x < 0 ? -1 : x > right ? 1 : 0)
  const rowSideOf = (y: number) => (y < 0 ? -1 : y > bottom ? 1 : 0)
  const apart = (a: number, b: number) => a === b && a !== 0
  if (apart(sideOf(x1), sideOf(x2)) || apart(rowSideOf(y1), rowSideOf(y2))) return undefined
  if (rowSideOf(y1) !== 0) {
    const y = y1 < 0 ? 0 : bottom
    x1 += Math.trunc(((y - y1) * (x2 - x1)) / (y2 - y1))
    y1 = y
  }
  if (rowSideOf(y2) !== 0) {
    const y = y2 < 0 ? 0 : bottom
    x2 += Math.trunc(((y - y2) * (x2 - x1)) / (y2 - y1))
    y2 = y
  }
  if (apart(sideOf(x1), sideOf(x2))) return undefined
  if (sideOf(x1) !== 0) {
    const x = x1 < 0 ? 0 : right
    y1 += Math.trunc(((x - x1) * (y2 - y1)) / (x2 - x1))
    x1 = x
  }
  if (sideOf(x2) !== 0) {
    const x = x2 < 0 ? 0 : right
    y2 += Math.trunc(((x - x2) * (y2 - y1)) / (x2 - x1))
    x2 = x
  }
  return [x1, y1, x2, y2]
}
