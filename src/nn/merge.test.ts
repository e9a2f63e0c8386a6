// Merging of parallel convolutions: what is merged, what is left alone, and that the numbers stay.
import { expect, it } from 'vitest'
import { Graph, type Tensor } from './graph.ts'
import { reachable } from './lowering.ts'
import { mergeParallel } from './merge.ts'
import { add, concat, mul, reduceSum, silu } from './ops/index.ts'
import { convBatchNorm, Scope } from './scope.ts'
import { compile } from './session.ts'

const count = (tensors: readonly Tensor[], op: string) => {
  const nodes = reachable(tensors)
  return tensors[0]!.graph.nodes.filter((node) => nodes.has(node.id) && node.op.name === op).length
}

const values = (size: number, seed: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 3.7 * i))

async function evaluate(outputs: readonly Tensor[]): Promise<number[][]> {
  const { graph } = outputs[0]!
  const feeds: Record<string, Float32Array> = {}
  for (const { inputs, outputs: leaves, attributes } of graph.nodes)
    if (inputs.length === 0 && attributes.kind !== 'constant')
      feeds[attributes.name] = values(
        (leaves[0]!.shape as number[]).reduce((a, b) => a * b, 1),
        attributes.name.length,
      )
  const executable = await compile(graph, outputs)
  const results = await executable.run(feeds)
  await executable.dispose()
  return results.map(({ data }) => Array.from(data, Number))
}

function block(scope: Scope, x: Tensor, name: string, out: number, kernel = 1): Tensor {
  return silu(convBatchNorm(scope.child(name), x, { out, kernel, padding: (kernel - 1) / 2 }))
}

it('merges convolution, batch norm and SiLU of two branches', async () => {
  const scope = Scope.train(new Graph())
  const x = scope.graph.input('x', [2, 8, 3, 3])
  const [left, right] = [block(scope, x, 'a', 8), block(scope, x, 'b', 16)]
  const y = concat([block(scope, left, 'c', 8, 3), right], 1)
  const outputs = [y, ...scope.updates.map(({ batch }) => batch)]
  const { find } = mergeParallel(scope.graph, outputs, 8)
  const merged = outputs.map(find)
  expect([count(outputs, 'Conv'), count(outputs, 'BatchNorm'), count(outputs, 'SiLU')]).toEqual([3, 3, 3])
  expect([count(merged, 'Conv'), count(merged, 'BatchNorm'), count(merged, 'SiLU')]).toEqual([2, 2, 2])
  const [before, after] = [await evaluate(outputs), await evaluate(merged)]
  for (const [i, list] of before.entries())
    for (const [j, value] of list.entries()) expect(after[i]![j]).toBeCloseTo(value, 4)
})

it('leaves alone what differs, is read twice, or would not give whole blocks', () => {
  const scope = Scope.train(new Graph())
  const x = scope.graph.input('x', [2, 8, 3, 3])
  const kernels = add(block(scope, x, 'a', 8), block(scope, x, 'b', 8, 3))
  const narrow = concat([block(scope, x, 'c', 4), block(scope, x, 'd', 12)], 1)
  const outputs = [kernels, narrow]
  const { find } = mergeParallel(scope.graph, outputs, 8)
  expect(count(outputs.map(find), 'Conv')).toBe(4)
})

it('splits behind the convolution where the branches go on differently', async () => {
  const scope = Scope.train(new Graph())
  const x = scope.graph.input('x', [2, 8, 3, 3])
  const plain = convBatchNorm(scope.child('a'), x, { out: 8, kernel: 1 })
  const active = silu(convBatchNorm(scope.child('b'), x, { out: 8, kernel: 1 }))
  const outputs = [reduceSum(mul(plain, active))]
  const merged = outputs.map(mergeParallel(scope.graph, outputs, 8).find)
  expect([count(merged, 'Conv'), count(merged, 'BatchNorm'), count(merged, 'SiLU')]).toEqual([1, 1, 1])
  const [before, after] = [await evaluate(outputs), await evaluate(merged)]
  expect(after[0]![0]! / before[0]![0]!).toBeCloseTo(1, 4)
})
