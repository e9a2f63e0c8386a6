// k-means as SciPy 1.10 runs it on float32 points (`scipy.cluster.vq.kmeans`), number for number: the anchors that
// YOLOv5 finds depend on its roundings, its stopping rule and its draws.
import type { NumpyRandom } from '../../base/index.ts'

const f = Math.fround

/** Result of {@link kmeans}. */
export interface KMeansResult {
  /** [k, 2] flat; fewer than asked for if a cluster lost all its points. */
  readonly centres: Float32Array
  /** Mean distance of the points to their centre, in the iteration before the last. */
  readonly distortion: number
  /** Which start gave it. */
  readonly run: number
  /** Row numbers that each start took as centres, and the distortion it came to. */
  readonly starts: readonly { readonly rows: readonly number[]; readonly distortion: number }[]
}

/**
 * The best of several k-means clusterings, each from `k` different points taken at random.
 *
 * @param points - [n, 2] flat, n at least `k`
 * @param restarts - SciPy's `iter`
 * @param threshold - an iteration that lowers the distortion by no more is the last
 */
export function kmeans(
  points: Float32Array,
  k: number,
  random: NumpyRandom,
  restarts: number,
  threshold = 1e-5,
): KMeansResult {
  const count = points.length / 2
  let best: Omit<KMeansResult, 'starts'> = {
    centres: new Float32Array(0),
    distortion: Number.POSITIVE_INFINITY,
    run: -1,
  }
  const starts: { rows: number[]; distortion: number }[] = []
  for (let run = 0; run < restarts; run++) {
    const rows = random.choice(count, k, { replace: false })
    const { centres, distortion } = cluster(points, rows, threshold)
    starts.push({ rows, distortion })
    if (distortion < best.distortion) best = { centres, distortion, run }
  }
  return { ...best, starts }
}

/** One run: assign and average until the distortion settles. SciPy cluster/vq.py, _kmeans. */
function cluster(points: Float32Array, rows: readonly number[], threshold: number) {
  const count = points.length / 2
  const codes = new Int32Array(count)
  const distances = new Float32Array(count)
  let centres: Float32Array = Float32Array.from(rows.flatMap((row) => [points[2 * row]!, points[2 * row + 1]!]))
  let distortion = Number.POSITIVE_INFINITY
  for (;;) {
    assign(points, centres, codes, distances)
    const mean = f(pairwiseSum(distances, 0, count) / count)
    centres = clusterMeans(points, codes, centres.length / 2)
    const improvement = distortion - mean // below 0 too, at times: the centres minimise squares, this counts distances
    distortion = mean
    if (!(improvement > threshold)) return { centres, distortion }
  }
}

/** Nearest centre of each point, the first among equals (SciPy's _vq_small_nf). */
function assign(points: Float32Array, centres: Float32Array, codes: Int32Array, distances: Float32Array): void {
  for (let i = 0; i < codes.length; i++) {
    const x = points[2 * i]!
    const y = points[2 * i + 1]!
    let code = 0
    let low = Number.POSITIVE_INFINITY
    let lowSquare = Number.POSITIVE_INFINITY
    for (let c = 0; c < centres.length; c += 2) {
      const dx = f(centres[c]! - x)
      const dy = f(centres[c + 1]! - y)
      const square = f(f(dx * dx) + f(dy * dy))
      if (square >= lowSquare) continue
      const distance = f(Math.sqrt(square)) // rounding may make equal what was not
      if (distance < low) {
        low = distance
        lowSquare = square
        code = c / 2
      }
    }
    codes[i] = code
    distances[i] = low
  }
}

/** Means of the clusters that have points, in order; sums in float32 in the order of the points. */
function clusterMeans(points: Float32Array, codes: Int32Array, k: number): Float32Array {
  const sums = new Float32Array(2 * k)
  const sizes = new Int32Array(k)
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i]!
    sums[2 * c] = sums[2 * c]! + points[2 * i]!
    sums[2 * c + 1] = sums[2 * c + 1]! + points[2 * i + 1]!
    sizes[c]!++
  }
  const means: number[] = []
  for (let c = 0; c < k; c++) if (sizes[c]! > 0) means.push(sums[2 * c]! / sizes[c]!, sums[2 * c + 1]! / sizes[c]!)
  return Float32Array.from(means)
}

/** NumPy's float32 sum of a contiguous array: eight running sums in blocks of up to 128, blocks added in pairs. */
export function pairwiseSum(values: Float32Array, from: number, count: number): number {
  if (count < 8) {
    let sum = 0
    for (let i = 0; i < count; i++) sum = f(sum + values[from + i]!)
    return sum
  }
  if (count > 128) {
    let half = Math.floor(count / 2)
    half -= half % 8
    return f(pairwiseSum(values, from, half) + pairwiseSum(values, from + half, count - half))
  }
  const r = values.slice(from, from + 8)
  let i = 8
  for (; i < count - (count % 8); i += 8) for (let k = 0; k < 8; k++) r[k] = r[k]! + values[from + i + k]!
  let sum = f(f(f(r[0]! + r[1]!) + f(r[2]! + r[3]!)) + f(f(r[4]! + r[5]!) + f(r[6]! + r[7]!)))
  for (; i < count; i++) sum = f(sum + values[from + i]!)
  return sum
}
