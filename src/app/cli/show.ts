// `hypevolve show`: everything about one trial.
import { defineCommand } from './command.ts'
import { type StorageFlags, storageOption, studyHelp, trialReference } from './study-flags.ts'

export interface ShowFlags extends StorageFlags {
  readonly json: boolean
}

export const show = defineCommand({
  name: 'show',
  summary: 'everything about one trial',
  configure(command) {
    command
      .description('Shows one trial: its hyperparameters and where they came from, its results, attempts and files.')
      .usage('[options] [study] <trial>')
      .argument('<words...>', 'study (the latest if not given) and number of the trial')
      .addOption(storageOption())
      .option('--json', 'an object', false)
      .addHelpText(
        'after',
        `${studyHelp}

Examples:
  hypevolve show 17
  hypevolve show exp2 17`,
      )
      .action(async (words: readonly string[], flags: ShowFlags) => {
        const { runShow } = await import('../studies/show.ts')
        process.exitCode = await runShow(trialReference(words), flags)
      })
  },
})
