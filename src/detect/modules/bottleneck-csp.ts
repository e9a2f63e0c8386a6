// BottleneckCSP: the cross-stage block of YOLOv5 before v4.0, with a batch norm over the joined branches.
import { concat } from '../../nn/index.ts'
import { buildChain, readCrossStage } from './c3.ts'
import { convSpec } from './conv.ts'
import { buildBareConv, buildConv, buildNorm } from './layers.ts'
import { defineModule } from './module.ts'

/** [channels, shortcut = True, groups = 1, expansion = 0.5]; the row's number repeats the bottleneck inside. */
export const bottleneckCsp = defineModule({
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
        const chain = buildChain(scope, first, spec)
        const y1 = buildBareConv(scope.child('cv3'), chain, convSpec(hiddenChannels, hiddenChannels, activation))
        const y2 = buildBareConv(scope.child('cv2'), x!, convSpec(inChannels, hiddenChannels, activation))
        // Always SiLU, whatever the model's activation is.
        const joined = buildNorm(scope.child('bn'), concat([y1, y2], 1), { kind: 'SiLU' })
        return [buildConv(scope.child('cv4'), joined, convSpec(2 * hiddenChannels, outChannels, activation))]
      },
    }
  },
})
