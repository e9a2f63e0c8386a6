// Conv: convolution without bias, batch norm, activation. The brick of all other modules.
import { buildConv, type ConvSpec } from './layers.ts'
import { type Activation, defineModule, type FeatureMap, type RowContext, RowProblem } from './module.ts'

/** Fills in what most convolutions have: kernel 1, stride 1, padding that keeps the size, one group. */
export function convSpec(
  inChannels: number,
  outChannels: number,
  activation: Activation,
  options: Partial<Omit<ConvSpec, 'inChannels' | 'outChannels' | 'activation'>> = {},
): ConvSpec {
  const kernel = options.kernel ?? 1
  const dilation = options.dilation ?? 1
  const padding = options.padding ?? Math.floor((dilation * (kernel - 1) + 1) / 2)
  return {
    inChannels,
    outChannels,
    kernel,
    stride: options.stride ?? 1,
    padding,
    groups: options.groups ?? 1,
    dilation,
    activation,
  }
}

/** Size of a convolution's output. @throws {@link RowProblem} if nothing is left of the map */
export function convOutput(input: FeatureMap, spec: Omit<ConvSpec, 'activation'>): FeatureMap {
  if (spec.inChannels % spec.groups !== 0 || spec.outChannels % spec.groups !== 0)
    throw new RowProblem(
      `${spec.groups} groups do not divide ${spec.inChannels} input and ${spec.outChannels} output channels.`,
    )
  const reach = spec.dilation * (spec.kernel - 1) + 1
  const side = Math.floor((input.side + 2 * spec.padding - reach) / spec.stride) + 1
  if (side < 1) throw new RowProblem('the feature map is used up: too many strides for an image.')
  return { channels: spec.outChannels, side }
}

/** Reads [channels, kernel, stride, padding, groups, dilation, activation]. */
function readConv({ inputs, args, model }: RowContext): ConvSpec {
  args.atMost(7)
  const outChannels = model.width(args.integer(0, 'channels', 1))
  const padding = args.values[3] ?? null
  return convSpec(
    inputs[0]!.channels,
    outChannels,
    args.boolean(6, 'activation', true) ? model.activation : { kind: 'Identity' },
    {
      kernel: args.integer(1, 'kernel', 1, 1),
      stride: args.integer(2, 'stride', 1, 1),
      ...(padding === null ? {} : { padding: args.integer(3, 'padding', 0) }),
      groups: args.integer(4, 'groups', 1, 1),
      dilation: args.integer(5, 'dilation', 1, 1),
    },
  )
}

/** [channels, kernel = 1, stride = 1, padding = same, groups = 1, dilation = 1, activation = True] */
export const conv = defineModule({
  inputs: 'one',
  repeats: 'chain',
  plan(row) {
    const spec = readConv(row)
    return {
      shownArgs: [spec.inChannels, spec.outChannels, ...row.args.values.slice(1)],
      output: convOutput(row.inputs[0]!, spec),
      build: (scope, [x]) => [buildConv(scope, x!, spec)],
    }
  },
})
