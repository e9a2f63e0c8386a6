// Focus: 2x2 pixels become four times the channels, then a convolution. The stem of YOLOv5 before v6.0.
import { concat, reshape, slice, type Tensor } from '../../nn/index.ts'
import { convOutput, convSpec } from './conv.ts'
import { buildConv } from './layers.ts'
import { type Activation, defineModule, RowProblem } from './module.ts'

/** [channels, kernel = 1, stride = 1, padding = same, groups = 1, activation = True] */
export const focus = defineModule({
  inputs: 'one',
  repeats: 'chain',
  plan({ inputs: [input], args, model }) {
    args.atMost(6)
    const { channels, side } = input!
    if (side % 2 !== 0) throw new RowProblem('its input has an odd size.')
    const activation: Activation = args.boolean(5, 'activation', true) ? model.activation : { kind: 'Identity' }
    const spec = convSpec(4 * channels, model.width(args.integer(0, 'channels', 1)), activation, {
      kernel: args.integer(1, 'kernel', 1, 1),
      stride: args.integer(2, 'stride', 1, 1),
      ...((args.values[3] ?? null) === null ? {} : { padding: args.integer(3, 'padding', 0) }),
      groups: args.integer(4, 'groups', 1, 1),
    })
    return {
      shownArgs: [channels, spec.outChannels, ...args.values.slice(1)],
      output: convOutput({ channels: 4 * channels, side: side / 2 }, spec),
      build: (scope, [x]) => {
        // Quarters in the order (row, column) of the 2x2 block: 00, 10, 01, 11.
        const quarters = [
          [0, 0],
          [1, 0],
          [0, 1],
          [1, 1],
        ].map(([dy, dx]) => everySecond(everySecond(x!, 2, dy!), 3, dx!))
        return [buildConv(scope.child('conv'), concat(quarters, 1), spec)]
      },
    }
  },
})

/** Every second element of an axis, from the first or the second on. */
function everySecond(x: Tensor, axis: number, first: number): Tensor {
  const length = x.shape[axis]!
  if (typeof length === 'number') return slice(x, axis, first, length, 2)
  // A slice needs to know where it ends; pairs of a length that is not known do not.
  const pairs = reshape(x, [...x.shape.slice(0, axis), -1, 2, ...x.shape.slice(axis + 1)])
  const halves = slice(pairs, axis + 1, first, first + 1)
  return reshape(
    halves,
    halves.shape.filter((_, i) => i !== axis + 1),
  )
}
