// SPP: max pools of several windows side by side, joined with their input.
import { concat, maxPool2d } from '../../nn/index.ts'
import { convSpec } from './conv.ts'
import { buildConv } from './layers.ts'
import { defineModule, RowProblem, show } from './module.ts'

/** [channels, windows = [5, 9, 13]] */
export const spp = defineModule({
  inputs: 'one',
  repeats: 'chain',
  plan({ inputs: [input], args, model }) {
    args.atMost(2)
    const { channels: inChannels, side } = input!
    const outChannels = model.width(args.integer(0, 'channels', 1))
    const windows: unknown = args.values[1] ?? [5, 9, 13]
    if (
      !Array.isArray(windows) ||
      windows.length > 16 ||
      !windows.every((k) => Number.isInteger(k) && k > 0 && k < 256 && k % 2)
    )
      throw new RowProblem(`argument 1 (windows) is ${show(windows)}, it must be a list of odd whole numbers.`)
    const hidden = Math.floor(inChannels / 2)
    return {
      shownArgs: [inChannels, outChannels, ...args.values.slice(1)],
      output: { channels: outChannels, side },
      silentModules: windows.length + 1,
      build: (scope, [x]) => {
        const first = buildConv(scope.child('cv1'), x!, convSpec(inChannels, hidden, model.activation))
        const pools = windows.map((kernel) => maxPool2d(first, kernel, 1, (kernel - 1) / 2))
        const joinedChannels = hidden * (windows.length + 1)
        return [
          buildConv(
            scope.child('cv2'),
            concat([first, ...pools], 1),
            convSpec(joinedChannels, outChannels, model.activation),
          ),
        ]
      },
    }
  },
})
