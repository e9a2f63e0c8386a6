// `hypevolve studies`: all studies of this folder.
import { defineCommand } from './command.ts'
import { type StorageFlags, storageOption } from './study-flags.ts'

export interface StudiesFlags extends StorageFlags {
  readonly json: boolean
}

export const studies = defineCommand({
  name: 'studies',
  summary: 'list the studies of this folder',
  configure(command) {
    command
      .description('Lists all studies: how far they are, and what is best.')
      .addOption(storageOption())
      .option('--json', 'an array of objects', false)
      .addHelpText(
        'after',
        `
Example:
  hypevolve studies`,
      )
      .action(async (flags: StudiesFlags) => {
        const { runStudies } = await import('../studies/studies.ts')
        process.exitCode = await runStudies(flags)
      })
  },
})
