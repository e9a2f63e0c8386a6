import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eigen } from './cmaes-eigen.ts'

const symmetric = (n: number, entries: readonly number[]): Float64Array => {
  const matrix = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = entries[(i * (i + 1)) / 2 + j]
  return matrix
}

describe('eigen', () => {
  it('knows small ones', () => {
    expect([...eigen(new Float64Array([2, 1, 1, 2]), 2).values].sort()).toEqual([
      expect.closeTo(1, 12),
      expect.closeTo(3, 12),
    ])
    expect(eigen(new Float64Array([7]), 1)).toEqual({ values: new Float64Array([7]), vectors: new Float64Array([1]) })
    expect(eigen(new Float64Array(0), 0).values).toHaveLength(0)
    expect([...eigen(new Float64Array(9), 3).values]).toEqual([0, 0, 0])
  })

  it('gives orthogonal vectors that make the matrix again', () => {
    const any = fc.integer({ min: 1, max: 12 }).chain((n) =>
      fc.record({
        n: fc.constant(n),
        entries: fc.array(fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.constantFrom(0, 1, 1e-9, 1e3)), {
          minLength: (n * (n + 1)) / 2,
          maxLength: (n * (n + 1)) / 2,
        }),
      }),
    )
    fc.assert(
      fc.property(any, ({ n, entries }) => {
        const matrix = symmetric(n, entries)
        const { values, vectors } = eigen(matrix, n)
        const size = Math.max(...matrix.map(Math.abs), 1e-260)
        for (let i = 0; i < n; i++)
          for (let j = 0; j < n; j++) {
            let [made, product] = [0, 0]
            for (let k = 0; k < n; k++) {
              made += vectors[i * n + k] * values[k] * vectors[j * n + k]
              product += vectors[k * n + i] * vectors[k * n + j]
            }
            expect(Math.abs(made - matrix[i * n + j]) / size).toBeLessThan(1e-12)
            expect(Math.abs(product - (i === j ? 1 : 0))).toBeLessThan(1e-12)
          }
      }),
      {
        numRuns: 300,
        examples: [[{ n: 2, entries: [0, 1e-280, 0] }], [{ n: 3, entries: [1, -5e-324, 0, 7e-307, 0, 0] }]],
      },
    )
  })
})
