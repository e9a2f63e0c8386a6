// What an op is: one object with its ONNX form, shape rule, gradient and sample inputs. ops/ has the list.
import type { DType, Tensor, TensorData, TensorType } from './graph.ts'
import type { Lowering } from './lowering.ts'

/** What a gradient rule sees. */
export interface GradientContext<A> {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  /** d loss / d output, of the output's shape; zeros where the loss does not depend on an output. */
  readonly upstreams: readonly Tensor[]
  /** The same, but `undefined` where the loss does not depend on that output. */
  readonly sparseUpstreams: readonly (Tensor | undefined)[]
  readonly attributes: A
  /** Whether the gradient of input i is wanted at all. */
  needs(input: number): boolean
}

/** What an ONNX form sees: names of the values that hold the inputs in plain layout. */
export interface LowerContext<A> {
  readonly lowering: Lowering
  readonly inputs: readonly string[]
  readonly inputTypes: readonly TensorType[]
  readonly outputTypes: readonly TensorType[]
  readonly attributes: A
}

/** One input of a sample: values, or a range from which the contract suite draws. */
export interface SampleInput {
  readonly shape: readonly number[]
  readonly dtype?: DType
  /** Range of drawn values, default [-1, 1]. */
  readonly low?: number
  readonly high?: number
  readonly values?: TensorData | readonly number[]
}

export interface Sample<A> {
  readonly inputs: readonly SampleInput[]
  readonly attributes: A
  /** Outputs whose gradient is not checked here (statistics that nothing differentiates through). */
  readonly withoutGradient?: readonly number[]
}

export interface OpDefinition<A> {
  readonly name: string
  /** Shape and type rule; asserts what the op demands of its inputs. */
  infer(inputs: readonly TensorType[], attributes: A): TensorType[]
  /**
   * Gradients of the inputs, built from ops again, or 'none' for an op that has none (comparisons, integers, and the
   * gradient ops of layers, which nobody differentiates again).
   */
  readonly gradient: 'none' | ((context: GradientContext<A>) => readonly (Tensor | undefined)[])
  /** Name of the ONNX operator (attributes and inputs are the same), or a function that writes the nodes. */
  readonly onnx: string | ((context: LowerContext<A>) => readonly string[])
  /** The form for graphics processors, where theirs lack the operator of the plain form or run it slowly. */
  readonly gpu?: (context: LowerContext<A>) => readonly string[]
  /**
   * The form for tensors in the blocked layout (lowering.ts), or 'elementwise' if the operator does not care in what
   * order the elements lie. Returns false if it does not apply to these inputs; then the plain form is used.
   */
  readonly blocked?: 'elementwise' | 'elementwise-zero' | ((lowering: Lowering, node: BlockedNode<A>) => boolean)
  readonly samples: readonly Sample<A>[]
}

/** The node that a blocked form lowers. */
export interface BlockedNode<A> {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly attributes: A
}

export type Op<A> = OpDefinition<A>

/** Declares an op. */
export function defineOp<A = Record<never, never>>(definition: OpDefinition<A>): Op<A> {
  return definition
}

/** A float32 sample input. */
export const f32 = (shape: readonly number[], low = -1, high = 1): SampleInput => ({ shape, low, high })
