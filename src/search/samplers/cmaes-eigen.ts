// Eigenvalues and eigenvectors of small symmetric matrices.

/** Of a symmetric matrix, by rows: `vectors[i * n + k]` is entry i of the eigenvector to `values[k]`. */
export interface Eigen {
  readonly values: Float64Array
  readonly vectors: Float64Array
}

const mostSweeps = 50

/**
 * Jacobi's cyclic method (Golub and Van Loan, "Matrix Computations", 8.5): rotations that bring one entry beside the
 * diagonal to 0 after the other, until all are. Nothing depends on the machine but its rounding.
 *
 * @param matrix - n × n by rows, symmetric
 */
export function eigen(matrix: Float64Array, n: number): Eigen {
  const a = matrix.slice()
  const vectors = new Float64Array(n * n)
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1
  for (let sweep = 0; sweep < mostSweeps && !isDiagonal(a, n); sweep++)
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) if (a[p * n + q] !== 0) rotate(a, vectors, n, p, q)
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), vectors }
}

function isDiagonal(a: Float64Array, n: number): boolean {
  let [beside, all] = [0, 0]
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const square = a[i * n + j] ** 2
      all += square
      if (i !== j) beside += square
    }
  return beside <= 1e-26 * all
}

function rotate(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const [app, aqq, apq] = [a[p * n + p], a[q * n + q], a[p * n + q]]
  const half = (aqq - app) / (2 * apq)
  const tangent = (half < 0 ? -1 : 1) / (Math.abs(half) + Math.sqrt(1 + half * half))
  const c = 1 / Math.sqrt(1 + tangent * tangent)
  const s = tangent * c
  for (let k = 0; k < n; k++) {
    const [v, w] = [vectors[k * n + p], vectors[k * n + q]]
    vectors[k * n + p] = c * v - s * w
    vectors[k * n + q] = s * v + c * w
    if (k === p || k === q) continue
    const [x, y] = [a[k * n + p], a[k * n + q]]
    a[p * n + k] = a[k * n + p] = c * x - s * y
    a[q * n + k] = a[k * n + q] = s * x + c * y
  }
  a[p * n + p] = app - tangent * apq
  a[q * n + q] = aqq + tangent * apq
  a[p * n + q] = a[q * n + p] = 0
}
