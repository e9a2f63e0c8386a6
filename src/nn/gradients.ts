// Reverse-mode differentiation. The backward pass is made of the same nodes as the forward pass.
import assert from 'node:assert/strict'
import { known, type Tensor } from './graph.ts'
import { reachable } from './lowering.ts'
import { addAll } from './ops/elementwise.ts'
import { broadcastTo } from './ops/shape.ts'

/**
 * d loss / d parameter for every parameter, of the parameter's shape; zeros where the loss does not depend on one.
 *
 * @param loss - a scalar (shape [] or [1]); or any shape if `upstream` is given
 * @param upstream - d final / d loss, of the loss's shape; default 1
 */
export function gradients(loss: Tensor, parameters: readonly Tensor[], upstream?: Tensor): Tensor[] {
  const { graph } = loss
  assert.ok(upstream || loss.shape.every((dim) => dim === 1), `the loss must be a scalar, not of shape [${loss.shape}]`)
  // Nodes that lie between the parameters and the loss.
  const depends = new Set<number>(parameters.map((parameter) => parameter.node.id))
  const below = reachable([loss])
  const last = graph.nodes.length
  for (let id = 0; id < last; id++) {
    const node = graph.nodes[id]!
    if (below.has(id) && node.inputs.some((input) => depends.has(input.node.id))) depends.add(id)
  }

  const contributions = new Map<Tensor, Tensor[]>()
  const receive = (tensor: Tensor, gradient: Tensor) => {
    assert.deepEqual(gradient.shape, tensor.shape, `gradient of a ${tensor.node.op.name} output has another shape`)
    const list = contributions.get(tensor)
    if (list) list.push(gradient)
    else contributions.set(tensor, [gradient])
  }
  const total = (tensor: Tensor): Tensor | undefined => {
    const list = contributions.get(tensor)
    if (!list) return undefined
    const sum = addAll(list)
    contributions.set(tensor, [sum])
    return sum
  }

  receive(loss, upstream ?? broadcastTo(graph.constant(1), loss.shape))
  for (let id = last - 1; id >= 0; id--) {
    const node = graph.nodes[id]!
    if (node.inputs.length === 0 || !depends.has(id) || node.op.gradient === 'none') continue
    const sparse = node.outputs.map(total)
    if (sparse.every((gradient) => gradient === undefined)) continue
    const results = node.op.gradient({
      inputs: node.inputs,
      outputs: node.outputs,
      get upstreams() {
        return sparse.map((gradient, i) => gradient ?? zerosLike(node.outputs[i]!))
      },
      sparseUpstreams: sparse,
      attributes: node.attributes,
      needs: (input: number) => depends.has(node.inputs[input]!.node.id),
    })
    for (const [i, gradient] of results.entries()) {
      const input = node.inputs[i]!
      if (gradient && depends.has(input.node.id)) receive(input, gradient)
    }
  }
  return parameters.map((parameter) => total(parameter) ?? zerosLike(parameter))
}

const zerosLike = (tensor: Tensor) => broadcastTo(tensor.graph.constant(0), tensor.shape.map(known))
