// Concat: joins maps of equal size along the channels.
import { concat as concatenate } from '../../nn/index.ts'
import { defineModule, RowProblem } from './module.ts'

/** [dimension = 1] */
export const concat = defineModule({
  inputs: 'many',
  repeats: 'chain',
  plan({ inputs, args }) {
    args.atMost(1)
    const dimension = args.integer(0, 'dimension', 0, 1)
    if (dimension !== 1) throw new RowProblem(`only dimension 1, the channels, can be joined, not ${dimension}.`)
    const sides = inputs.map(({ side }) => side)
    if (new Set(sides).size > 1)
      throw new RowProblem(`its inputs have different strides (${sides.map((side) => 256 / side).join(', ')}).`)
    return {
      shownArgs: [dimension],
      output: { channels: inputs.reduce((sum, { channels }) => sum + channels, 0), side: sides[0]! },
      build: (_, tensors) => [tensors.length === 1 ? tensors[0]! : concatenate(tensors, 1)],
    }
  },
})
