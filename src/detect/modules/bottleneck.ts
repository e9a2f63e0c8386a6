// Bottleneck: a 1x1 and a 3x3 convolution, with a shortcut where the channels allow it.
import { add, type Scope, type Tensor } from '../../nn/index.ts'
import { convOutput, convSpec } from './conv.ts'
import { buildConv } from './layers.ts'
import { type Activation, defineModule } from './module.ts'

export interface BottleneckSpec {
  readonly inChannels: number
  readonly outChannels: number
  readonly hiddenChannels: number
  readonly shortcut: boolean
  readonly groups: number
  readonly activation: Activation
}

/** Builds cv1 and cv2. */
export function buildBottleneck(scope: Scope, x: Tensor, spec: BottleneckSpec): Tensor {
  const { inChannels, outChannels, hiddenChannels, activation, groups } = spec
  const hidden = buildConv(scope.child('cv1'), x, convSpec(inChannels, hiddenChannels, activation))
  const y = buildConv(
    scope.child('cv2'),
    hidden,
    convSpec(hiddenChannels, outChannels, activation, { kernel: 3, groups }),
  )
  return spec.shortcut && inChannels === outChannels ? add(x, y) : y
}

/** [channels, shortcut = True, groups = 1, expansion = 0.5] */
export const bottleneck = defineModule({
  inputs: 'one',
  repeats: 'chain',
  plan({ inputs: [input], args, model }) {
    args.atMost(4)
    const outChannels = model.width(args.integer(0, 'channels', 1))
    const groups = args.integer(2, 'groups', 1, 1)
    const hiddenChannels = Math.max(1, Math.trunc(outChannels * args.fraction(3, 'expansion', 16, 0.5)))
    const spec: BottleneckSpec = {
      inChannels: input!.channels,
      outChannels,
      hiddenChannels,
      shortcut: args.boolean(1, 'shortcut', true),
      groups,
      activation: model.activation,
    }
    return {
      shownArgs: [spec.inChannels, outChannels, ...args.values.slice(1)],
      output: convOutput(input!, convSpec(hiddenChannels, outChannels, model.activation, { kernel: 3, groups })),
      build: (scope, [x]) => [buildBottleneck(scope, x!, spec)],
    }
  },
})
