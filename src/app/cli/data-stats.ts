// `hypevolve data stats`: what is in a data set.
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import { integer, oneOf, real } from './values.ts'

/** Values of the flags after parsing. */
export interface DataStatsFlags {
  readonly split?: 'train' | 'val' | 'test'
  readonly imgsz: number
  readonly cfg: string
  readonly anchorT: number
  readonly out?: string
  readonly samples: number
  readonly seed: number
  readonly workers: number
  readonly json: boolean
}

export const dataStats = defineCommand({
  name: 'stats',
  summary: 'numbers and pictures of a data set',
  configure(command) {
    command
      .description(
        'Prints images, boxes, classes, sizes, and whether the anchors of a model fit (BPR, best possible recall). With ' +
          '--out it draws labels.jpg, labels_correlogram.jpg, sizes.png and samples.jpg.',
      )
      .argument('<data>', "data set file, or 'digits' for the built-in one")
      .addOption(new Option('--split <name>', 'one split only').argParser(oneOf('train', 'val', 'test')))
      .addOption(new Option('--imgsz <pixels>', 'training size').argParser(integer(32, 8192)).default(640))
      .option('--cfg <yaml>', 'model whose anchors are looked at', 'yolov5s.yaml')
      .addOption(new Option('--anchor-t <ratio>', 'hyp anchor_t').argParser(real(1, 1000)).default(4))
      .option('--out <folder>', 'draw pictures into this folder')
      .addOption(new Option('--samples <n>', 'images in samples.jpg').argParser(integer(1, 16)).default(16))
      .addOption(new Option('--seed <n>', 'another seed shows other samples').argParser(integer(0)).default(0))
      .addOption(new Option('--workers <n>', 'threads that read').argParser(integer(0, 64)).default(8))
      .option('--json', 'print the numbers as JSON', false)
      .addHelpText(
        'after',
        `
Examples:
  hypevolve data stats my/data.yaml
  hypevolve data stats my/data.yaml --imgsz 320 --cfg yolov5n.yaml --out my/stats
  hypevolve data stats digits --split train --json`,
      )
      .action(async (file: string, flags: DataStatsFlags) => {
        const { runDataStats } = await import('../data/stats.ts')
        process.exitCode = await runDataStats(file, flags)
      })
  },
})
