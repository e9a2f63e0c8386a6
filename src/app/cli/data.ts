// `hypevolve data …`: make data sets and look at them. One file per subcommand: data-init.ts, data-split.ts, …
import { defineCommand } from './command.ts'
import { dataCheck } from './data-check.ts'
import { dataConvert } from './data-convert.ts'
import { dataInit } from './data-init.ts'
import { dataSplit } from './data-split.ts'
import { dataStats } from './data-stats.ts'
import { trainAliases } from './train-flags.ts'

export const data = defineCommand({
  name: 'data',
  summary: 'make data sets, convert annotations, look for faults',
  aliases: trainAliases,
  configure(command) {
    command.description(
      'Makes data sets in YOLO format and looks at them. Files of yours are never moved, changed or deleted: splits are ' +
        'lists of images.',
    )
    for (const part of [dataInit, dataSplit, dataConvert, dataStats, dataCheck]) {
      const sub = command.command(part.name).summary(part.summary)
      part.configure(sub)
      sub.option('--debug', 'print where an error came from')
    }
    command.addHelpText(
      'after',
      `
Examples:
  hypevolve data init my
  hypevolve data convert --from voc VOCdevkit/VOC2007 --to voc07
  hypevolve data stats my/data.yaml --out my/stats
  hypevolve data check my/data.yaml`,
    )
  },
})
