// `hypevolve suggest`: the next hyperparameters, without training.
import { Option } from 'commander'
import { UsageError } from '../../base/index.ts'
import { defineCommand } from './command.ts'
import { addSearchFlags, type SearchFlags } from './search-flags.ts'
import { type StorageFlags, storageOption } from './study-flags.ts'
import { integer } from './values.ts'

export interface SuggestFlags extends SearchFlags, StorageFlags {
  readonly history: string
  readonly hyp?: string
  readonly seed: number
  readonly noautoanchor: boolean
  readonly json: boolean
}

export const suggest = defineCommand({
  name: 'suggest',
  summary: 'print the next hyperparameters to try, without training',
  configure(command) {
    command
      .description(
        'Reads what was tried (evolve.csv, evolve.txt or a study) and prints what to try next, as a hyp file. ' +
          'For whoever trains by other means.',
      )
      .addOption(new Option('--history <file or study>', 'evolve.csv, evolve.txt, or a study').makeOptionMandatory())
      .option('--hyp <yaml>', 'hyp file the search starts from; names the columns of an evolve.txt')
      .addOption(new Option('--seed <n>', 'seed of the random numbers').argParser(integer(0, 2 ** 31 - 1)).default(0))
      .option('--noautoanchor', 'the number of anchors is not evolved', false)
      .option('--json', 'an object: hyp, parents, mutated', false)
      .addOption(storageOption())
    addSearchFlags(command)
    command
      .addHelpText(
        'after',
        `
Examples:
  hypevolve suggest --history runs/evolve/exp/evolve.csv --seed 3 > hyp.next.yaml
  hypevolve suggest --sampler yolov5-ga --history exp2 --json
  hypevolve suggest --release v5.0 --history evolve.txt --hyp data/hyp.scratch.yaml`,
      )
      .action(async (flags: SuggestFlags) => {
        if (flags.history === '') throw new UsageError('--history: give a file or a study.')
        const { runSuggest } = await import('../studies/suggest.ts')
        process.exitCode = await runSuggest(flags)
      })
  },
})
