// `hypevolve data split`: who trains, who validates, who tests.
import { defineCommand } from './command.ts'
import { addSplitFlags, type DataSplitFlags } from './data-split-flags.ts'

/** Values of the flags after parsing. */
export interface DataSplitCommandFlags extends DataSplitFlags {
  readonly out?: string
  readonly force: boolean
  readonly json: boolean
}

export const dataSplit = defineCommand({
  name: 'split',
  summary: 'divide a data set into train, val and test',
  configure(command) {
    command
      .description(
        'Divides all images of a data set anew, whatever split they are in now. Writes the lists train.txt, val.txt and ' +
          'test.txt and a yaml that names them; no image is moved.',
      )
      .argument('<data>', 'data.yaml, a Darknet .data file, or a folder')
    addSplitFlags(command)
      .option('--out <folder>', 'where lists and data.yaml go, if not beside the given yaml')
      .option('--force', 'replace lists, and the entries train, val and test of the given yaml', false)
      .option('--json', 'print the result as JSON', false)
      .addHelpText(
        'after',
        `
Examples:
  hypevolve data split my/data.yaml --val 0.2 --out my/split
  hypevolve data split my/data.yaml --val 0.1 --test 0.1 --seed 3 --force
  hypevolve data split frames --group-by '^(cam\\d+)/'`,
      )
      .action(async (place: string, flags: DataSplitCommandFlags) => {
        const { runDataSplit } = await import('../data/split.ts')
        process.exitCode = await runDataSplit(place, flags)
      })
  },
})
