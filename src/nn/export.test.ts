// Exported models: dynamic axes, names, metadata, weights inside; and the arithmetic of dynamic lengths.
import { expect, it } from 'vitest'
import { broadcastShapes, divideDim, multiplyDims, scaleDim, windowDim } from './dims.ts'
import { declarations, exportOnnx } from './export.ts'
import { Graph } from './graph.ts'
import { cast, concat, lengthOf, maxPool2d, range, reshape, sigmoid, silu, upsampleNearest } from './ops/index.ts'
import type { Weights } from './safetensors.ts'
import { convBatchNorm, convLayer, Scope } from './scope.ts'
import { openModel } from './session.ts'

it('runs one model on several sizes', async () => {
  const build = (scope: Scope, x: ReturnType<Graph['input']>) => {
    const down = silu(convBatchNorm(scope.child('a'), x, { out: 4, kernel: 3, stride: 2, padding: 1 }))
    const pooled = maxPool2d(down, 5, 1, 2)
    const deep = convLayer(scope.child('b'), pooled, { out: 4, kernel: 2, stride: 2, bias: true })
    const joined = concat([upsampleNearest(deep, 2), down], 1)
    const [batch, channels, height, width] = joined.shape
    return sigmoid(reshape(joined, [batch!, 2, (channels as number) / 2, height!, width!]))
  }
  const weights: Weights = new Map()
  for (const { name, shape } of declarations((scope) => build(scope, scope.graph.input('x', [1, 3, 8, 8]))))
    weights.set(name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.1) })
  const scope = Scope.evaluate(weights)
  const x = scope.graph.input('x', ['batch', 3, 'height', 'width'])
  const y = build(scope, x)
  expect(y.shape).toEqual(['batch', 2, 4, 'height/2', 'width/2'])
  const columns = cast(range(lengthOf(y, 4), y.shape[4]!), 'float32')
  const model = await openModel(exportOnnx({ outputs: { y, columns }, metadata: { names: '{0: "a"}' } }))
  expect(model.inputs.map(({ name }) => name)).toEqual(['x'])
  expect(model.outputs.map(({ name }) => name)).toEqual(['y', 'columns'])
  for (const [batch, height, width] of [
    [1, 8, 8],
    [3, 12, 20],
  ] as const) {
    // prettier-ignore
    const data = new Float32Array(batch * 3 * height * width).fill(0.5)
    const result = await model.run({ x: { dtype: 'float32', data, shape: [batch, 3, height, width] } })
    expect(result['y']!.shape).toEqual([batch, 2, 4, height / 2, width / 2])
    expect([...(result['columns']!.data as Float32Array)]).toEqual(Array.from({ length: width / 2 }, (_, i) => i))
  }
  await model.dispose()
})

it('puts metadata into the file', () => {
  const graph = new Graph()
  const bytes = exportOnnx({ outputs: { y: sigmoid(graph.input('x', [2])) }, metadata: { stride: '32' } })
  expect(Buffer.from(bytes).includes('stride')).toBe(true)
})

it('lists weights once, in the order of the network', () => {
  const list = declarations((scope) =>
    convBatchNorm(scope.child(0), scope.graph.input('x', [1, 2, 4, 4]), { out: 3, kernel: 1 }),
  )
  expect(list.map(({ name }) => name)).toEqual([
    '0.conv.weight',
    '0.bn.weight',
    '0.bn.bias',
    '0.bn.running_mean',
    '0.bn.running_var',
  ])
})

it('calculates with dynamic lengths', () => {
  expect(divideDim('height', 8)).toBe('height/8')
  expect(scaleDim('height/8', 2)).toBe('height/4')
  expect(scaleDim('height/2', 4)).toBe('2*height')
  expect(windowDim('height/4', 3, 2, 2)).toBe('height/8')
  expect(windowDim('height', 5, 1, 4)).toBe('height')
  expect(windowDim(9, 3, 2, 2)).toBe(5)
  expect(multiplyDims([2, 'height', 3])).toBe('6*height')
  expect(broadcastShapes(['batch', 1, 3], [4, 1])).toEqual(['batch', 4, 3])
  expect(() => broadcastShapes([2], [3])).toThrow('do not broadcast')
  expect(() => windowDim(2, 5, 1, 0)).toThrow('does not fit')
})
