// `hypevolve data init`: a folder of images and labels becomes a data set.
import { type Command, Option } from 'commander'
import { defineCommand } from './command.ts'
import { addSplitFlags, asksForSplit, type DataSplitFlags } from './data-split-flags.ts'
import { words } from './values.ts'

/** Values of the flags after parsing. */
export interface DataInitFlags extends DataSplitFlags {
  readonly names?: readonly string[]
  readonly out?: string
  readonly force: boolean
  readonly json: boolean
}

export const dataInit = defineCommand({
  name: 'init',
  summary: 'write data.yaml for a folder of images and labels',
  configure(command) {
    command
      .description(
        'Finds images, YOLO labels and names of classes in a folder, in whatever layout, and writes data.yaml. Folders ' +
          'named train, val (valid) and test are the splits; without them, or with one of the flags of splits, lists of ' +
          'images are written: train.txt, val.txt, test.txt.',
      )
      .argument('<folder>', 'folder with images and labels')
      .addOption(
        new Option(
          '--names <names>',
          'class names in the order of their numbers, as cat,dog; else those of classes.txt, obj.names or data.yaml',
        ).argParser(words),
      )
    addSplitFlags(command)
      .option('--out <folder>', 'where data.yaml and lists go, if not into the folder itself')
      .option('--force', 'replace data.yaml and lists', false)
      .option('--json', 'print the result as JSON', false)
      .addHelpText(
        'after',
        `
Examples:
  hypevolve data init my
  hypevolve data init my --names cat,dog --val 0.15 --test 0.15
  hypevolve data init frames --group-by video`,
      )
      .action(async (folder: string, flags: DataInitFlags, self: Command) => {
        const { runDataInit } = await import('../data/init.ts')
        process.exitCode = await runDataInit(folder, flags, asksForSplit(self))
      })
  },
})
