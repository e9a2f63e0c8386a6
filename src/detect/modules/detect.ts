// Detect: the head. A 1x1 convolution with bias per level gives, for every anchor of a cell, box, objectness, classes.

import { convSpec } from './conv.ts'
import { buildBareConv } from './layers.ts'
import { defineModule, RowProblem } from './module.ts'

/** [classes, anchors]; the parser puts both in from the top of the model file. */
export const detect = defineModule({
  inputs: 'many',
  repeats: 'inside',
  plan({ inputs, args, model, repeats }) {
    args.atMost(2)
    if (repeats !== 1) throw new RowProblem('the head cannot be repeated.')
    const outChannels = model.anchorsPerLevel * (5 + model.classes)
    return {
      shownArgs: [model.classes, args.values[1], inputs.map(({ channels }) => channels)],
      output: { channels: outChannels, side: inputs[0]!.side },
      build: (scope, tensors) =>
        tensors.map((x, level) =>
          buildBareConv(
            scope.child('m').child(String(level)),
            x,
            convSpec(inputs[level]!.channels, outChannels, { kind: 'Identity' }),
            true,
          ),
        ),
    }
  },
})
