// SPPF: the same max pool three times in a row, all stages joined. Equals SPP with growing windows, but faster.
import { concat, maxPool2d } from '../../nn/index.ts'
import { convSpec } from './conv.ts'
import { buildConv } from './layers.ts'
import { defineModule, RowProblem } from './module.ts'

/** [channels, window = 5] */
export const sppf = defineModule({
  inputs: 'one',
  repeats: 'chain',
  plan({ inputs: [input], args, model }) {
    args.atMost(2)
    const { channels: inChannels, side } = input!
    const outChannels = model.width(args.integer(0, 'channels', 1))
    const kernel = args.integer(1, 'window', 1, 5)
    if (kernel % 2 === 0) throw new RowProblem(`window ${kernel} must be odd, else the maps differ in size.`)
    const hidden = Math.floor(inChannels / 2)
    return {
      shownArgs: [inChannels, outChannels, ...args.values.slice(1)],
      output: { channels: outChannels, side },
      silentModules: 1,
      build: (scope, [x]) => {
        const padding = (kernel - 1) / 2
        const first = buildConv(scope.child('cv1'), x!, convSpec(inChannels, hidden, model.activation))
        const second = maxPool2d(first, kernel, 1, padding)
        const third = maxPool2d(second, kernel, 1, padding)
        const joined = concat([first, second, third, maxPool2d(third, kernel, 1, padding)], 1)
        return [buildConv(scope.child('cv2'), joined, convSpec(4 * hidden, outChannels, model.activation))]
      },
    }
  },
})
