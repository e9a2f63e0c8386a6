// `hypevolve reproduce`: how to train a trial once more.
import { defineCommand } from './command.ts'
import { type StorageFlags, storageOption, studyHelp, trialReference } from './study-flags.ts'

export interface ReproduceFlags extends StorageFlags {
  readonly json: boolean
}

export const reproduce = defineCommand({
  name: 'reproduce',
  summary: 'how to train one trial again: command, seed, hashes of code and data',
  configure(command) {
    command
      .description(
        'Prints the command that trains one trial again, its seed, and what code and data it was trained with; ' +
          'says what is different now.',
      )
      .usage('[options] [study] <trial>')
      .argument('<words...>', 'study (the latest if not given) and number of the trial')
      .addOption(storageOption())
      .option('--json', 'an object', false)
      .addHelpText(
        'after',
        `${studyHelp}

Examples:
  hypevolve reproduce 17
  hypevolve reproduce exp2 17 --json`,
      )
      .action(async (words: readonly string[], flags: ReproduceFlags) => {
        const { runReproduce } = await import('../studies/reproduce.ts')
        process.exitCode = await runReproduce(trialReference(words), flags)
      })
  },
})
