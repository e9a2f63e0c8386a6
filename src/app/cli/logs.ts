// `hypevolve logs`: what the trainings of a study said.
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import { isWhole, type StorageFlags, storageOption, studyHelp, trialReference } from './study-flags.ts'
import { integer } from './values.ts'

export interface LogsFlags extends StorageFlags {
  readonly follow: boolean
  readonly lines?: number
}

export const logs = defineCommand({
  name: 'logs',
  summary: 'print what a training said; -f goes on with it',
  configure(command) {
    command
      .description(
        'Prints the log of a trial, or without one that of the latest trial. With -f it goes on as the log grows, ' +
          'and with the next trials, until the study is done.',
      )
      .usage('[options] [study] [trial]')
      .argument('[words...]', 'study, trial number, or both; the latest if not given')
      .addOption(storageOption())
      .option('-f, --follow', 'go on as the log grows', false)
      .addOption(new Option('-n, --lines <n>', 'the last lines only').argParser(integer(0)))
      .addHelpText(
        'after',
        `${studyHelp}

Examples:
  hypevolve logs -f
  hypevolve logs 17
  hypevolve logs exp2 17 -n 20`,
      )
      .action(async (words: readonly string[], flags: LogsFlags) => {
        const { runLogs } = await import('../studies/logs.ts')
        const [only] = words
        const reference =
          only === undefined ? {} : words.length === 1 && !isWhole(only) ? { study: only } : trialReference(words)
        process.exitCode = await runLogs(reference, flags)
      })
  },
})
