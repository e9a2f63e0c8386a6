// nn.Upsample: enlarges a map by repeating its cells.
import { upsampleNearest } from '../../nn/index.ts'
import { defineModule, RowProblem, show } from './module.ts'

/** [size (must be None), factor, mode = nearest] */
export const upsample = defineModule({
  inputs: 'one',
  repeats: 'chain',
  plan({ inputs: [input], args }) {
    args.atMost(3)
    const [size, , mode = 'nearest'] = args.values
    if (size !== null && size !== undefined)
      throw new RowProblem(`argument 0 (size) is ${show(size)}, only None is supported: give a factor.`)
    if (mode !== 'nearest') throw new RowProblem(`argument 2 (mode) is ${show(mode)}, only nearest is supported.`)
    const factor = args.integer(1, 'factor', 1)
    if (factor > 32) throw new RowProblem(`argument 1 (factor) is ${factor}, at most 32 is supported.`)
    return {
      shownArgs: ['None', factor, mode],
      output: { channels: input!.channels, side: input!.side * factor },
      build: (_, [x]) => [upsampleNearest(x!, factor)],
    }
  },
})
