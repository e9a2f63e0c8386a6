// Dense linear algebra of Gaussian processes: matrices by rows in one array, loops along rows only.

/**
 * Overwrites the lower half of a symmetric positive definite matrix with its Cholesky factor L. The upper half is left
 * as it is.
 *
 * @param from - rows before this one hold the factor already
 * @returns false if the matrix is not positive definite (what the lower half holds then is of no use)
 */
export function cholesky(a: Float64Array, n: number, from = 0): boolean {
  for (let i = from; i < n; i++) {
    const row = i * n
    for (let j = 0; j <= i; j++) {
      const other = j * n
      const sum = a[row + j] - dotRows(a, row, a, other, j)
      if (j < i) a[row + j] = sum / a[other + j]
      else if (sum > 0 && Number.isFinite(sum)) a[row + j] = Math.sqrt(sum)
      else return false
    }
  }
  return true
}

/** Four sums at a time: a processor adds to one only when the last addition to it is through. */
function dotRows(a: Float64Array, i: number, b: Float64Array, j: number, length: number): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let k = 0
  for (; k + 3 < length; k += 4) {
    s0 += a[i + k] * b[j + k]
    s1 += a[i + k + 1] * b[j + k + 1]
    s2 += a[i + k + 2] * b[j + k + 2]
    s3 += a[i + k + 3] * b[j + k + 3]
  }
  for (; k < length; k++) s0 += a[i + k] * b[j + k]
  return s0 + s1 + (s2 + s3)
}

/** x becomes the solution of L x = b, b being what it holds. */
export function solveLower(l: Float64Array, n: number, x: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const row = i * n
    x[i] = (x[i] - dotRows(l, row, x, 0, i)) / l[row + i]
  }
}

/** x becomes the solution of Lᵀ x = b, b being what it holds. */
export function solveUpper(l: Float64Array, n: number, x: Float64Array): void {
  for (let i = n - 1; i >= 0; i--) {
    const row = i * n
    const value = x[i] / l[row + i]
    x[i] = value
    for (let k = 0; k < i; k++) x[k] -= l[row + k] * value
  }
}

/**
 * The lower half of (L Lᵀ)^-1.
 *
 * @param work - n × n, overwritten
 */
export function invert(l: Float64Array, n: number, inverse: Float64Array, work: Float64Array): void {
  // work: the inverse of L
  for (let i = 0; i < n; i++) {
    const row = i * n
    for (let j = 0; j < i; j++) work[row + j] = 0
    for (let k = 0; k < i; k++) {
      const factor = l[row + k]
      const other = k * n
      for (let j = 0; j <= k; j++) work[row + j] -= factor * work[other + j]
    }
    const scale = 1 / l[row + i]
    for (let j = 0; j < i; j++) work[row + j] *= scale
    work[row + i] = scale
  }
  inverse.fill(0)
  for (let k = 0; k < n; k++) {
    const other = k * n
    for (let i = 0; i <= k; i++) {
      const factor = work[other + i]
      const row = i * n
      for (let j = 0; j <= i; j++) inverse[row + j] += factor * work[other + j]
    }
  }
}
