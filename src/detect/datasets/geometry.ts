// Shapes that annotation programs know, as polygons and boxes. Points are flat: x, y, x, y, …

/** left, top, right, bottom */
export type Corners = readonly [number, number, number, number]

/** The smallest box around points. */
export function around(points: ArrayLike<number>): Corners {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  for (let i = 0; i + 1 < points.length; i += 2) {
    left = Math.min(left, points[i])
    right = Math.max(right, points[i])
    top = Math.min(top, points[i + 1])
    bottom = Math.max(bottom, points[i + 1])
  }
  return [left, top, right, bottom]
}

/** The corners of a box, clockwise from the upper left one. */
export const cornersOf = ([left, top, right, bottom]: Corners): number[] => [
  ...[left, top, right, top],
  ...[right, bottom, left, bottom],
]

/** Points turned clockwise (y points down) about a centre. */
export function rotate(points: readonly number[], degrees: number, [x, y]: readonly [number, number]): number[] {
  const angle = (degrees * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const turned: number[] = []
  for (let i = 0; i + 1 < points.length; i += 2) {
    const [dx, dy] = [points[i] - x, points[i + 1] - y]
    turned.push(x + dx * cos - dy * sin, y + dx * sin + dy * cos)
  }
  return turned
}

/** An ellipse as a polygon of 36 corners, among them its four extremes. */
export function ellipse([x, y]: readonly [number, number], radiusX: number, radiusY: number): number[] {
  return Array.from({ length: 36 }, (_, i) => (i * Math.PI) / 18).flatMap((angle) => [
    x + radiusX * Math.cos(angle),
    y + radiusY * Math.sin(angle),
  ])
}

/**
 * What of a polygon lies inside a frame that begins at 0, 0 (Sutherland and Hodgman, 1974); empty if nothing does.
 */
export function clipPolygon(points: readonly number[], width: number, height: number): number[] {
  let clipped = points
  for (const [axis, limit, sign] of [
    [0, 0, 1],
    [0, width, -1],
    [1, 0, 1],
    [1, height, -1],
  ] as const) {
    const kept: number[] = []
    const inside = (i: number) => sign * (clipped[i + axis] - limit) >= 0
    for (let i = 0; i + 1 < clipped.length; i += 2) {
      const before = i === 0 ? clipped.length - 2 : i - 2
      if (inside(i) !== inside(before)) {
        const share = (limit - clipped[before + axis]) / (clipped[i + axis] - clipped[before + axis])
        const other = clipped[before + 1 - axis] + share * (clipped[i + 1 - axis] - clipped[before + 1 - axis])
        kept.push(...(axis === 0 ? [limit, other] : [other, limit]))
      }
      if (inside(i)) kept.push(clipped[i], clipped[i + 1])
    }
    clipped = kept
  }
  return [...clipped]
}

/** More pairs of corners than this are not compared; no drawn outline has as many. */
const comparedPairs = 1e7

/** The parts of one object as one polygon: each further part is reached from the nearest corner, and left the same way. */
export function joinPolygons(parts: readonly (readonly number[])[]): number[] {
  let joined = [...(parts[0] ?? [])]
  for (const part of parts.slice(1)) {
    let [from, to, nearest] = [0, 0, Infinity]
    const compared = joined.length * part.length <= 4 * comparedPairs ? joined.length : 0
    for (let i = 0; i < compared; i += 2)
      for (let k = 0; k < part.length; k += 2) {
        const distance = (joined[i] - part[k]) ** 2 + (joined[i + 1] - part[k + 1]) ** 2
        if (distance < nearest) [from, to, nearest] = [i, k, distance]
      }
    const detour = [...part.slice(to), ...part.slice(0, to + 2)]
    joined = [...joined.slice(0, from + 2), ...detour, ...joined.slice(from)]
  }
  return joined
}
