import { describe, expect, it } from 'vitest'
import { gradients } from '../gradients.ts'
import { Graph, known } from '../graph.ts'
import { probeBlockSize } from '../probe.ts'
import { compile } from '../session.ts'
import { conv2d } from './conv.ts'

/** d loss / d weight of a 3x3 convolution for random values, once per layout. */
async function weightGradients(batch: number, into: number, out: number, size: [number, number], stride: number) {
  const graph = new Graph()
  const x = graph.input('x', [batch, into, ...size])
  const w = graph.input('w', [out, into, 3, 3])
  const y = conv2d(x, w, undefined, { stride, padding: 1 })
  const dy = graph.input('dy', y.shape)
  const [dw] = gradients(y, [w], dy)
  const feeds = Object.fromEntries(
    [x, w, dy].map(({ shape }, i) => {
      const count = shape.reduce<number>((product, dim) => product * known(dim), 1)
      return [
        ['x', 'w', 'dy'][i]!,
        Float32Array.from({ length: count }, (_, j) => Math.sin(1 + 12.9898 * j + 78.2 * i)),
      ]
    }),
  )
  const results: Float32Array[] = []
  for (const options of [{}, { block: await probeBlockSize(), blockInputs: true }]) {
    const executable = await compile(graph, [dw!], options)
    results.push((await executable.run(feeds))[0]!.data as Float32Array)
    await executable.dispose()
  }
  return results as [plain: Float32Array, blocked: Float32Array]
}

describe('weight gradients that are summed in chunks', () => {
  // More than a MiB of dy; with odd sizes, so that the chunks are of different heights and the far edge is not padded.
  it.each([
    { name: 'stride 1', batch: 16, into: 16, out: 16, size: [39, 33] as [number, number], stride: 1 },
    { name: 'stride 2, even', batch: 16, into: 16, out: 32, size: [66, 64] as [number, number], stride: 2 },
    { name: 'stride 2, odd', batch: 16, into: 12, out: 24, size: [67, 65] as [number, number], stride: 2 },
    { name: 'rows larger than a chunk', batch: 16, into: 16, out: 64, size: [3, 400] as [number, number], stride: 1 },
  ])('agree with the plain form: $name', async ({ batch, into, out, size, stride }) => {
    const [plain, blocked] = await weightGradients(batch, into, out, size, stride)
    const largest = plain.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const worst = plain.reduce((most, value, i) => Math.max(most, Math.abs(value - blocked[i]!)), 0)
    expect(blocked).toHaveLength(plain.length)
    expect(largest).toBeGreaterThan(1)
    expect(worst / largest).toBeLessThan(2e-5)
  })
})
