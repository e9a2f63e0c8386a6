// C3: a cross-stage block. One branch passes a chain of bottlenecks, the other does not; both are joined.
import { concat, type Scope, type Tensor } from '../../nn/index.ts'
import { buildBottleneck } from './bottleneck.ts'
import { convOutput, convSpec } from './conv.ts'
import { buildConv } from './layers.ts'
import { type Activation, defineModule, type RowContext } from './module.ts'

export interface CrossStageSpec {
  readonly inChannels: number
  readonly outChannels: number
  readonly hiddenChannels: number
  readonly repeats: number
  readonly shortcut: boolean
  readonly groups: number
  readonly activation: Activation
}

/** The chain of bottlenecks m.0, m.1, … */
export function buildChain(scope: Scope, x: Tensor, spec: CrossStageSpec): Tensor {
  const { hiddenChannels, shortcut, groups, activation } = spec
  let y = x
  for (let i = 0; i < spec.repeats; i++)
    y = buildBottleneck(scope.child('m').child(String(i)), y, {
      inChannels: hiddenChannels,
      outChannels: hiddenChannels,
      hiddenChannels,
      shortcut,
      groups,
      activation,
    })
  return y
}

/** Reads [channels, shortcut, groups, expansion]. */
export function readCrossStage({ inputs, args, repeats, model }: RowContext): CrossStageSpec {
  args.atMost(4)
  const outChannels = model.width(args.integer(0, 'channels', 1))
  const spec: CrossStageSpec = {
    inChannels: inputs[0]!.channels,
    outChannels,
    hiddenChannels: Math.max(1, Math.trunc(outChannels * args.fraction(3, 'expansion', 16, 0.5))),
    repeats,
    shortcut: args.boolean(1, 'shortcut', true),
    groups: args.integer(2, 'groups', 1, 1),
    activation: model.activation,
  }
  const { hiddenChannels, groups, activation } = spec
  convOutput(inputs[0]!, convSpec(hiddenChannels, hiddenChannels, activation, { kernel: 3, groups })) // checks groups
  return spec
}

/** [channels, shortcut = True, groups = 1, expansion = 0.5]; the row's number repeats the bottleneck inside. */
export const c3 = defineModule({
  inputs: 'one',
  repeats: 'inside',
  plan(row) {
    const spec = readCrossStage(row)
    const { inChannels, outChannels, hiddenChannels, activation } = spec
    return {
      shownArgs: [inChannels, outChannels, spec.repeats, ...row.args.values.slice(1)],
      output: { channels: outChannels, side: row.inputs[0]!.side },
      build: (scope, [x]) => {
        const first = buildConv(scope.child('cv1'), x!, convSpec(inChannels, hiddenChannels, activation))
        const second = buildConv(scope.child('cv2'), x!, convSpec(inChannels, hiddenChannels, activation))
        const joined = concat([buildChain(scope, first, spec), second], 1)
        return [buildConv(scope.child('cv3'), joined, convSpec(2 * hiddenChannels, outChannels, activation))]
      },
    }
  },
})
