// Convolutions side by side on one input (cv1 and cv2 of YOLOv5's C3) become one convolution with all their outputs,
// followed by a split. Exactly the same numbers, but the input is read once and the kernels get more channels at a time;
// batch norm and SiLU behind them are merged as well.
import { Graph, known, leafOf, type Tensor } from './graph.ts'
import { reachable } from './lowering.ts'
import { siluOp } from './ops/activation.ts'
import { batchNormOp } from './ops/batch-norm.ts'
import { type ConvAttributes, conv2dOp } from './ops/conv.ts'
import { concat, split } from './ops/shape.ts'

/** Output i of some nodes that were merged: part i of `whole` along axis 1. */
interface Part {
  readonly whole: Tensor
  readonly siblings: readonly Tensor[]
  readonly sizes: readonly number[]
}

/**
 * Rewrites a forward graph.
 *
 * @param block - only convolutions whose outputs are a multiple of this are merged, so that the parts stay whole blocks
 * @returns the new graph and where the old tensors are in it
 */
export function mergeParallel(
  graph: Graph,
  outputs: readonly Tensor[],
  block: number,
): { graph: Graph; find: (tensor: Tensor) => Tensor } {
  const wanted = reachable(outputs)
  const nodes = graph.nodes.filter(({ id }) => wanted.has(id))
  const readers = new Map<Tensor, Tensor['node'][]>()
  for (const node of nodes)
    for (const input of node.inputs) {
      const list = readers.get(input)
      if (list) list.push(node)
      else readers.set(input, [node])
    }
  const kept = new Set(outputs)
  /** The one node that reads a tensor, if there is exactly one and nobody else wants it. */
  const onlyReader = (tensor: Tensor) => {
    const list = readers.get(tensor)
    return list?.length === 1 && !kept.has(tensor) ? list[0] : undefined
  }

  const groups = parallelConvolutions(nodes, onlyReader, block)
  const target = new Graph()
  const found = new Map<Tensor, Tensor>()
  const parts = new Map<Tensor, Part>()
  const find = (tensor: Tensor): Tensor => {
    const known = found.get(tensor)
    if (known) return known
    const part = parts.get(tensor)!
    for (const [i, piece] of split(part.whole, part.sizes, 1).entries()) found.set(part.siblings[i]!, piece)
    return found.get(tensor)!
  }
  const share = (whole: Tensor, siblings: readonly Tensor[], sizes: readonly number[]) => {
    for (const sibling of siblings) parts.set(sibling, { whole, siblings, sizes })
  }

  for (const { outputs: leaves, inputs } of nodes)
    if (inputs.length === 0) found.set(leaves[0]!, target.copyLeaf(leaves[0]!))
  const done = new Set<Tensor>()
  for (const node of nodes) {
    const { op, inputs, attributes, outputs: results } = node
    if (inputs.length === 0 || done.has(results[0]!)) continue
    const group = groups.get(node)
    if (group) {
      const weights = concat(
        group.map(({ inputs: [, weight] }) => find(weight!)),
        0,
      )
      const whole = target.apply(conv2dOp, [find(inputs[0]!), weights], attributes)[0]!
      const siblings = group.map((member) => member.outputs[0]!)
      const sizes = siblings.map(({ shape }) => known(shape[1]))
      share(whole, siblings, sizes)
      for (const sibling of siblings) done.add(sibling)
      continue
    }
    const part = inputs[0] && parts.get(inputs[0])
    const followers = part?.siblings.map(onlyReader)
    const follows = (other: Tensor['node'] | undefined, i: number) =>
      other?.op === op && other.inputs[0] === part!.siblings[i] && other.attributes.epsilon === attributes.epsilon
    if (part && followers?.every(follows)) {
      const all = followers as Tensor['node'][]
      const join = (input: number) =>
        concat(
          all.map((other) => find(other.inputs[input]!)),
          0,
        )
      const outputsOf = (output: number) => all.map((other) => other.outputs[output]!)
      if (op === batchNormOp) {
        const [y, mean, variance] = target.apply(batchNormOp, [part.whole, join(1), join(2)], attributes)
        share(y!, outputsOf(0), part.sizes)
        for (const [output, statistic] of [mean!, variance!].entries())
          for (const [i, piece] of split(statistic, part.sizes, 0).entries())
            found.set(outputsOf(output + 1)[i]!, piece)
        for (const result of outputsOf(0)) done.add(result)
        continue
      }
      if (op === siluOp) {
        share(target.apply(siluOp, [part.whole], attributes)[0]!, outputsOf(0), part.sizes)
        for (const result of outputsOf(0)) done.add(result)
        continue
      }
    }
    for (const [i, result] of target.apply(op, inputs.map(find), attributes).entries()) found.set(results[i]!, result)
  }
  return { graph: target, find }
}

/** Nodes that can become one convolution, by each of their members. */
function parallelConvolutions(
  nodes: readonly Tensor['node'][],
  onlyReader: (tensor: Tensor) => Tensor['node'] | undefined,
  block: number,
): Map<Tensor['node'], readonly Tensor['node'][]> {
  const candidates = new Map<Tensor, Map<string, Tensor['node'][]>>()
  for (const node of nodes) {
    if (node.op !== conv2dOp) continue
    const [x, weight] = node.inputs
    const { groups } = node.attributes as ConvAttributes
    const fits = groups === 1 && known(weight!.shape[0]) % block === 0
    if (!fits || leafOf(weight!)?.kind !== 'parameter' || onlyReader(weight!) !== node) continue
    const key = JSON.stringify([node.attributes, weight!.shape.slice(2)])
    let byKey = candidates.get(x!)
    if (!byKey) candidates.set(x!, (byKey = new Map()))
    byKey.set(key, [...(byKey.get(key) ?? []), node])
  }
  const groups = new Map<Tensor['node'], readonly Tensor['node'][]>()
  for (const byKey of candidates.values())
    for (const members of byKey.values())
      if (members.length > 1) for (const member of members) groups.set(member, members)
  return groups
}
