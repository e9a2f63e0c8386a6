// Eigenvalues and eigenvectors of small symmetric matrices: one decomposition for each generation of CMA-ES.

/** Of a symmetric matrix, by rows: `vectors[i * n + k]` is entry i of the eigenvector to `values[k]`. */
export interface Eigen {
  readonly values: Float64Array
  readonly vectors: Float64Array
}

/**
 * Householder's reduction to three diagonals, then QL with implicit shifts: the routines tred2 and tql2 of EISPACK, by
 * Bowdler, Martin, Reinsch and Wilkinson (Handbook for Automatic Computation, vol. II, 1971).
 *
 * @param matrix - n × n by rows, symmetric and finite
 */
export function eigen(matrix: Float64Array, n: number): Eigen {
  // entries of any size, without their squares leaving the range of numbers
  const largest = matrix.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0)
  const scale = largest < 1e-290 ? 1 : largest
  const vectors = matrix.map((entry) => (Math.abs(entry) < 1e-100 * scale ? 0 : entry / scale))
  const values = new Float64Array(n)
  const beside = new Float64Array(n)
  if (n > 0) {
    tridiagonal(vectors, values, beside, n)
    diagonal(vectors, values, beside, n)
  }
  return { values: values.map((value) => value * scale), vectors }
}

/** v becomes the product of the reflections, d the diagonal, e (from 1) the entries beside it. */
function tridiagonal(v: Float64Array, d: Float64Array, e: Float64Array, n: number): void {
  for (let j = 0; j < n; j++) d[j] = v[(n - 1) * n + j]
  for (let i = n - 1; i > 0; i--) {
    let scale = 0
    for (let k = 0; k < i; k++) scale += Math.abs(d[k])
    let h = 0
    if (scale === 0) {
      e[i] = d[i - 1]
      for (let j = 0; j < i; j++) {
        d[j] = v[(i - 1) * n + j]
        v[i * n + j] = v[j * n + i] = 0
      }
    } else {
      h = reflect(v, d, e, n, i, scale)
    }
    d[i] = h
  }
  for (let i = 0; i < n - 1; i++) accumulate(v, d, n, i)
  for (let j = 0; j < n; j++) {
    d[j] = v[(n - 1) * n + j]
    v[(n - 1) * n + j] = 0
  }
  v[n * n - 1] = 1
  e[0] = 0
}

/** One reflection, applied from both sides to what is left of the matrix. */
function reflect(v: Float64Array, d: Float64Array, e: Float64Array, n: number, i: number, scale: number): number {
  let h = 0
  for (let k = 0; k < i; k++) {
    d[k] /= scale
    h += d[k] * d[k]
  }
  const first = d[i - 1]
  const g = first > 0 ? -Math.sqrt(h) : Math.sqrt(h)
  e[i] = scale * g
  h -= first * g
  d[i - 1] = first - g
  for (let j = 0; j < i; j++) e[j] = 0
  for (let j = 0; j < i; j++) {
    const f = d[j]
    v[j * n + i] = f
    let sum = e[j] + v[j * n + j] * f
    for (let k = j + 1; k < i; k++) {
      sum += v[k * n + j] * d[k]
      e[k] += v[k * n + j] * f
    }
    e[j] = sum
  }
  let f = 0
  for (let j = 0; j < i; j++) {
    e[j] /= h
    f += e[j] * d[j]
  }
  for (let j = 0; j < i; j++) e[j] -= (f / (h + h)) * d[j]
  for (let j = 0; j < i; j++) {
    for (let k = j; k < i; k++) v[k * n + j] -= d[j] * e[k] + e[j] * d[k]
    d[j] = v[(i - 1) * n + j]
    v[i * n + j] = 0
  }
  return h
}

function accumulate(v: Float64Array, d: Float64Array, n: number, i: number): void {
  v[(n - 1) * n + i] = v[i * n + i]
  v[i * n + i] = 1
  const h = d[i + 1]
  if (h !== 0) {
    for (let k = 0; k <= i; k++) d[k] = v[k * n + i + 1] / h
    for (let j = 0; j <= i; j++) {
      let g = 0
      for (let k = 0; k <= i; k++) g += v[k * n + i + 1] * v[k * n + j]
      for (let k = 0; k <= i; k++) v[k * n + j] -= g * d[k]
    }
  }
  for (let k = 0; k <= i; k++) v[k * n + i + 1] = 0
}

/** d becomes the eigenvalues, v the eigenvectors. */
function diagonal(v: Float64Array, d: Float64Array, e: Float64Array, n: number): void {
  for (let i = 1; i < n; i++) e[i - 1] = e[i]
  e[n - 1] = 0
  let shift = 0
  let size = 0
  for (let l = 0; l < n; l++) {
    size = Math.max(size, Math.abs(d[l]) + Math.abs(e[l]))
    const small = Number.EPSILON * size
    let m = l
    while (m < n - 1 && Math.abs(e[m]) > small) m++
    if (m > l)
      do {
        shift += shifted(d, e, n, l)
        chase(v, d, e, n, l, m)
      } while (Math.abs(e[l]) > small)
    d[l] += shift
    e[l] = 0
  }
}

/** Subtracts the implicit shift from the diagonal and gives it. */
function shifted(d: Float64Array, e: Float64Array, n: number, l: number): number {
  const g = d[l]
  const p = (d[l + 1] - g) / (2 * e[l])
  const r = p < 0 ? -Math.sqrt(p * p + 1) : Math.sqrt(p * p + 1)
  d[l] = e[l] / (p + r)
  d[l + 1] = e[l] * (p + r)
  const h = g - d[l]
  for (let i = l + 2; i < n; i++) d[i] -= h
  return h
}

/** One QL step on rows l to m. */
function chase(v: Float64Array, d: Float64Array, e: Float64Array, n: number, l: number, m: number): void {
  const next = d[l + 1]
  const besideNext = e[l + 1]
  let p = d[m]
  let [c, c2, c3, s, s2] = [1, 1, 1, 0, 0]
  for (let i = m - 1; i >= l; i--) {
    c3 = c2
    c2 = c
    s2 = s
    const g = c * e[i]
    const h = c * p
    const r = Math.sqrt(p * p + e[i] * e[i])
    e[i + 1] = s * r
    s = e[i] / r
    c = p / r
    p = c * d[i] - s * g
    d[i + 1] = h + s * (c * g + s * d[i])
    for (let k = 0; k < n * n; k += n) {
      const right = v[k + i + 1]
      v[k + i + 1] = s * v[k + i] + c * right
      v[k + i] = c * v[k + i] - s * right
    }
  }
  p = (-s * s2 * c3 * besideNext * e[l]) / next
  e[l] = s * p
  d[l] = c * p
}
