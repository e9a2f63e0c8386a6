import { describe, expect, it } from 'vitest'
import { gradients } from '../gradients.ts'
import { Graph } from '../graph.ts'
import { probeBlockSize } from '../probe.ts'
import { compile } from '../session.ts'
import { maxPool2d } from './pool.ts'

/** d sum(dy · pool(x)) / dx: each goes to the first pixel of its window, in row-major order, that is the maximum. */
function expected(x: Float32Array, dy: Float32Array, height: number, width: number, kernel: number): Float32Array {
  const dx = new Float32Array(x.length)
  const reach = (kernel - 1) / 2
  const planes = x.length / (height * width)
  for (let plane = 0; plane < planes; plane++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        let winner = -1
        for (let i = Math.max(row - reach, 0); i <= Math.min(row + reach, height - 1); i++)
          for (let j = Math.max(column - reach, 0); j <= Math.min(column + reach, width - 1); j++) {
            const at = (plane * height + i) * width + j
            if (winner < 0 || x[at]! > x[winner]!) winner = at
          }
        dx[winner]! += dy[(plane * height + row) * width + column]!
      }
  return dx
}

describe('the gradient of a max pool with stride 1 on plateaus', () => {
  // Short lines are written out pair by pair, long ones are not.
  it.each([
    { height: 4, width: 5, kernel: 5 },
    { height: 16, width: 4, kernel: 5 },
    { height: 3, width: 19, kernel: 5 },
    { height: 20, width: 18, kernel: 9 },
  ])('goes to the first maximum: $height x $width, kernel $kernel', async ({ height, width, kernel }) => {
    const shape = [2, 8, height, width]
    const graph = new Graph()
    const input = graph.input('x', shape)
    const pooled = maxPool2d(input, kernel, 1, (kernel - 1) / 2)
    const [slope] = gradients(pooled, [input], graph.input('dy', shape))
    const count = 16 * height * width
    const x = Float32Array.from({ length: count }, (_, i) => Math.floor(3 * Math.sin(12.9898 * i)))
    const dy = Float32Array.from({ length: count }, (_, i) => Math.sin(78.233 * i))
    const wanted = expected(x, dy, height, width, kernel)
    for (const options of [{}, { gpu: true }, { block: await probeBlockSize(), blockInputs: true }]) {
      const executable = await compile(graph, [slope!], options)
      const [result] = await executable.run({ x, dy })
      await executable.dispose()
      const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(result!.data[i]))), 0)
      expect(worst).toBeLessThan(1e-5)
    }
  })
})
