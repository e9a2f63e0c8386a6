// The update at the end of a training step, as graph: clipping, SGD / Adam / AdamW / RMSProp, EMA.
import type { GraphWriter } from './onnx/model.ts'

export type OptimizerName = 'SGD' | 'Adam' | 'AdamW' | 'RMSProp'

/** What each optimizer remembers per weight. */
export const optimizerSlots: Readonly<Record<OptimizerName, readonly string[]>> = {
  SGD: ['momentum'],
  Adam: ['mean', 'square'],
  AdamW: ['mean', 'square'],
  RMSProp: ['square', 'momentum'],
}

/** Names of ONNX values: vectors of one group of weights, and scalars. */
export interface UpdateInputs {
  readonly weights: string
  readonly gradient: string
  readonly slots: readonly string[]
  readonly learningRate: string
  readonly momentum: string
  /** Undefined for a group without decay. */
  readonly weightDecay: string | undefined
  /** 1 − momentum^t and √(1 − 0.999^t), for Adam. */
  readonly correction1: string
  readonly correction2: string
}

/**
 * Writes the update of one group.
 *
 * SGD is PyTorch's with Nesterov and without dampening:
 *   g ← g + λ w,  m ← μ m + g,  w ← w − η (g + μ m).
 * Adam (β = μ, 0.999; ε = 1e-8; λ w joins the gradient), AdamW (w ← w − η λ w first) and RMSProp (α = 0.99) as
 * torch.optim 1.13 computes them.
 */
export function writeUpdate(
  writer: GraphWriter,
  optimizer: OptimizerName,
  input: UpdateInputs,
): { weights: string; slots: string[] } {
  const op = (operator: string, ...inputs: string[]) => writer.node(operator, inputs)
  const constant = (value: number) => writer.floats([value], [])
  const { learningRate, momentum, weightDecay } = input
  let { weights, gradient } = input
  if (weightDecay !== undefined) {
    if (optimizer === 'AdamW') weights = op('Sub', weights, op('Mul', weights, op('Mul', learningRate, weightDecay)))
    else gradient = op('Add', gradient, op('Mul', weights, weightDecay))
  }
  const move = (direction: string, rate: string) => op('Sub', weights, op('Mul', direction, rate))
  if (optimizer === 'SGD') {
    const buffer = op('Add', op('Mul', input.slots[0]!, momentum), gradient)
    const direction = op('Add', gradient, op('Mul', buffer, momentum))
    return { weights: move(direction, learningRate), slots: [buffer] }
  }
  const average = (old: string, value: string, decay: string) =>
    op('Add', op('Mul', old, decay), op('Mul', value, op('Sub', constant(1), decay)))
  const squared = op('Mul', gradient, gradient)
  if (optimizer === 'RMSProp') {
    const square = average(input.slots[0]!, squared, constant(0.99))
    const scaled = op('Div', gradient, op('Add', op('Sqrt', square), constant(1e-8)))
    const buffer = op('Add', op('Mul', input.slots[1]!, momentum), scaled)
    return { weights: move(buffer, learningRate), slots: [square, buffer] }
  }
  const mean = average(input.slots[0]!, gradient, momentum)
  const square = average(input.slots[1]!, squared, constant(0.999))
  const denominator = op('Add', op('Div', op('Sqrt', square), input.correction2), constant(1e-8))
  return {
    weights: move(op('Div', mean, denominator), op('Div', learningRate, input.correction1)),
    slots: [mean, square],
  }
}
