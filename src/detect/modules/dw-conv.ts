// DWConv: a convolution with as many groups as the channels allow.
import { convOutput, convSpec } from './conv.ts'
import { buildConv } from './layers.ts'
import { type Activation, defineModule } from './module.ts'

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** [channels, kernel = 1, stride = 1, dilation = 1, activation = True] */
export const dwConv = defineModule({
  inputs: 'one',
  repeats: 'chain',
  plan({ inputs: [input], args, model }) {
    args.atMost(5)
    const outChannels = model.width(args.integer(0, 'channels', 1))
    const activation: Activation = args.boolean(4, 'activation', true) ? model.activation : { kind: 'Identity' }
    const spec = convSpec(input!.channels, outChannels, activation, {
      kernel: args.integer(1, 'kernel', 1, 1),
      stride: args.integer(2, 'stride', 1, 1),
      dilation: args.integer(3, 'dilation', 1, 1),
      groups: gcd(input!.channels, outChannels),
    })
    return {
      shownArgs: [input!.channels, outChannels, ...args.values.slice(1)],
      output: convOutput(input!, spec),
      build: (scope, [x]) => [buildConv(scope, x!, spec)],
    }
  },
})
