// PED-ANOVA: how far the best trials lie from where all trials lie, one hyperparameter at a time. Asks for no model, so
// a few dozen trials are enough, and it does not mind that a search looked more closely at some places. Used by
// importance.ts.
import type { Axis } from './samplers/unit-cube.ts'

/** Positions of a grid on a numeric axis; the integral is the mean over them. */
const gridSize = 48

/** The kernels of all rows on one axis, as values on a grid (or for each choice). */
export interface AxisKernels {
  /** [rows × cells]; rows without a value are 0. */
  readonly values: Float64Array
  readonly cells: number
  /** Rows that have a value. */
  readonly present: Uint32Array
}

/**
 * A kernel for every row. Numbers: a normal distribution cut off at the ends, of Scott's width for as many rows as are
 * going to be good. Choices: the row's own, and a little on all others.
 *
 * @param good - how many rows a density is made of at least
 */
export function axisKernels(axis: Axis, column: Float64Array, good: number): AxisKernels {
  const present = Uint32Array.from(column.keys()).filter((row) => !Number.isNaN(column[row]))
  const cells = axis.kind === 'choice' ? axis.choices.length : gridSize
  const values = new Float64Array(column.length * cells)
  if (axis.kind === 'choice') {
    const rest = 1 / Math.max(1, good)
    for (const row of present)
      for (let cell = 0; cell < cells; cell++)
        values[row * cells + cell] = ((cell === column[row] ? 1 : 0) + rest / cells) / (1 + rest) // sums to 1
    return { values, cells, present }
  }
  const width = bandwidth(present, column, good)
  for (const row of present) {
    let sum = 0
    for (let cell = 0; cell < cells; cell++) {
      const z = ((cell + 0.5) / cells - column[row]) / width
      sum += values[row * cells + cell] = Math.exp(-0.5 * z * z)
    }
    for (let cell = 0; cell < cells; cell++) values[row * cells + cell] /= sum
  }
  return { values, cells, present }
}

/** Scott's rule; never narrower than a step of the grid. */
function bandwidth(rows: Uint32Array, column: Float64Array, count: number): number {
  let [sum, squares] = [0, 0]
  for (const row of rows) {
    sum += column[row]
    squares += column[row] ** 2
  }
  const variance = Math.max(0, squares / rows.length - (sum / rows.length) ** 2)
  return Math.max(1.06 * Math.sqrt(variance) * Math.max(1, count) ** -0.2, 1 / gridSize)
}

/**
 * Pearson divergence of the density of the good rows from that of all: ∫ (p_good / p_all - 1)² p_all.
 *
 * Watanabe, Bansal and Hutter, "PED-ANOVA" (IJCAI 2023, arXiv 2304.10255), eq. 14, with all trials as the region.
 *
 * @param weights - how often each row counts
 * @param isGood - 1 for good rows
 */
export function divergence(
  { values, cells, present }: AxisKernels,
  weights: ArrayLike<number>,
  isGood: ArrayLike<number>,
): number {
  const all = new Float64Array(cells)
  const good = new Float64Array(cells)
  let [allCount, goodCount] = [0, 0]
  for (const row of present) {
    const weight = weights[row]
    if (weight === 0) continue
    allCount += weight
    for (let cell = 0; cell < cells; cell++) all[cell] += weight * values[row * cells + cell]
    if (isGood[row] === 0) continue
    goodCount += weight
    for (let cell = 0; cell < cells; cell++) good[cell] += weight * values[row * cells + cell]
  }
  if (goodCount === 0 || goodCount === allCount) return 0
  let sum = 0
  for (let cell = 0; cell < cells; cell++) {
    const p = all[cell] / allCount
    const q = good[cell] / goodCount
    if (p > 0) sum += (q - p) ** 2 / p
  }
  return sum
}
