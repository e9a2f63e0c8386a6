// GhostConv: half of the channels by a convolution, the other half by a cheap 5x5 one of each of those channels.
import { concat } from '../../nn/index.ts'
import { convOutput, convSpec } from './conv.ts'
import { buildConv } from './layers.ts'
import { type Activation, defineModule, RowProblem } from './module.ts'

/** [channels, kernel = 1, stride = 1, groups = 1, activation = True] */
export const ghostConv = defineModule({
  inputs: 'one',
  repeats: 'chain',
  plan({ inputs: [input], args, model }) {
    args.atMost(5)
    const outChannels = model.width(args.integer(0, 'channels', 2))
    if (outChannels % 2 !== 0) throw new RowProblem(`${outChannels} channels cannot be halved.`)
    const half = outChannels / 2
    const activation: Activation = args.boolean(4, 'activation', true) ? model.activation : { kind: 'Identity' }
    const first = convSpec(input!.channels, half, activation, {
      kernel: args.integer(1, 'kernel', 1, 1),
      stride: args.integer(2, 'stride', 1, 1),
      groups: args.integer(3, 'groups', 1, 1),
    })
    const second = convSpec(half, half, activation, { kernel: 5, groups: half })
    return {
      shownArgs: [input!.channels, outChannels, ...args.values.slice(1)],
      output: { channels: outChannels, side: convOutput(input!, first).side },
      build: (scope, [x]) => {
        const y = buildConv(scope.child('cv1'), x!, first)
        return [concat([y, buildConv(scope.child('cv2'), y, second)], 1)]
      },
    }
  },
})
