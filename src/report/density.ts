// How crowded the cell of each point is: the colour of the points in evolve.png.

/**
 * ln(number of points in the point's cell) for every point, over `edges - 1` × `edges - 1` equal cells between the smallest
 * and the largest x and y. Points that are not finite are not counted and get NaN. On an axis without extent all points
 * share the last cell. Source: yolov5 v7.0 plots.py, hist2d.
 */
export function density(x: ArrayLike<number>, y: ArrayLike<number>, edges = 20): Float64Array {
  const n = x.length
  const finite = Array.from({ length: n }, (_, i) => Number.isFinite(x[i]) && Number.isFinite(y[i]))
  const cellX = cells(x, finite, edges)
  const cellY = cells(y, finite, edges)
  const counts = new Int32Array((edges - 1) * (edges - 1))
  for (let i = 0; i < n; i++) if (finite[i]) counts[cellX[i]! * (edges - 1) + cellY[i]!]!++
  return Float64Array.from({ length: n }, (_, i) =>
    finite[i] ? Math.log(counts[cellX[i]! * (edges - 1) + cellY[i]!]!) : Number.NaN,
  )
}

/** Cell of each value; edges as numpy.linspace makes them, cells closed on the left, the last one on both sides. */
function cells(values: ArrayLike<number>, finite: readonly boolean[], edges: number): Int32Array {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    if (!finite[i]) continue
    min = Math.min(min, values[i]!)
    max = Math.max(max, values[i]!)
  }
  const step = (max - min) / (edges - 1)
  const edge = Array.from({ length: edges }, (_, i) => (i === edges - 1 ? max : i * step + min))
  return Int32Array.from({ length: values.length }, (_, i) => {
    if (!finite[i]) return 0
    let cell = 0
    while (cell < edges - 2 && edge[cell + 1]! <= values[i]!) cell++
    return cell
  })
}
