// Models for others to run: plain operators, weights inside, dynamic axes, metadata.
import { Graph, leafOf, type Tensor } from './graph.ts'
import { Lowering } from './lowering.ts'
import type { FloatType } from './onnx/model.ts'
import { type Declaration, Scope } from './scope.ts'

export interface ExportOptions {
  /** Result tensors by the name they get in the model. */
  readonly outputs: Readonly<Record<string, Tensor>>
  /** Text by name; `metadata_props` of the model. */
  readonly metadata?: Readonly<Record<string, string>>
  /** `float16` stores and computes in half precision, inputs and outputs too; default float32. */
  readonly floats?: FloatType
}

/**
 * Bytes of an ONNX model of an evaluation graph; inputs keep their names and dynamic axes.
 *
 * @throws {@link HalfRangeError} if half precision cannot hold a weight
 */
export function exportOnnx({ outputs, metadata = {}, floats }: ExportOptions): Uint8Array {
  const tensors = Object.values(outputs)
  const { graph } = tensors[0]!
  const lowering = new Lowering(graph, tensors, { floats })
  for (const [name, tensor] of Object.entries(outputs)) {
    if (leafOf(tensor) && (leafOf(tensor) as { name?: string }).name === name) continue
    lowering.writer.nodes('Identity', [lowering.value(tensor)], [name])
    lowering.writer.output(name, tensor)
  }
  return lowering.writer.encode(metadata)
}

/** The weights a network asks for, in order, without running anything. */
export function declarations(build: (scope: Scope) => unknown): readonly Declaration[] {
  const scope = Scope.train(new Graph())
  build(scope)
  const seen = new Set<string>()
  return scope.declarations.filter(({ name }) => !seen.has(name) && seen.add(name))
}
