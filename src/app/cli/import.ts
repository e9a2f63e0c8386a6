// `hypevolve import`: a table that another program made becomes a study.
import { defineCommand } from './command.ts'
import { addSearchFlags, type SearchFlags } from './search-flags.ts'
import { type StorageFlags, storageOption } from './study-flags.ts'

export interface ImportFlags extends SearchFlags, StorageFlags {
  readonly name?: string
  readonly hyp?: string
}

export const importTable = defineCommand({
  name: 'import',
  summary: 'make a study of an evolve.csv, evolve.txt or tune_results.csv',
  configure(command) {
    command
      .description(
        'Reads the table of an evolution that YOLOv5, YOLOv3 or Ultralytics ran and remembers it as a study: for ' +
          'trials, best, suggest, and to go on with it.',
      )
      .argument('<file>', 'evolve.csv, evolve.txt or tune_results.csv')
      .addOption(storageOption())
      .option('--name <name>', 'name of the study; the file’s folder if not given')
      .option('--hyp <yaml>', 'hyp file of that evolution: names the columns of an evolve.txt')
    addSearchFlags(command, 'How that evolution searched:')
    command
      .addHelpText(
        'after',
        `
Examples:
  hypevolve import runs/evolve/exp/evolve.csv
  hypevolve import evolve.txt --release v5.0 --hyp data/hyp.scratch.yaml --name old
  hypevolve export old > evolve.txt`,
      )
      .action(async (file: string, flags: ImportFlags) => {
        const { runImport } = await import('../studies/import.ts')
        process.exitCode = await runImport(file, flags)
      })
  },
})
