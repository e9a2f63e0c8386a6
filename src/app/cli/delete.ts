// `hypevolve delete`: forgets a study.
import { defineCommand } from './command.ts'
import { type StorageFlags, storageOption, studyHelp } from './study-flags.ts'

export interface DeleteFlags extends StorageFlags {
  readonly yes: boolean
}

export const deleteStudy = defineCommand({
  name: 'delete',
  summary: 'forget a study and remove what it wrote',
  configure(command) {
    command
      .description('Removes a study from the storage, and the tables, pictures, logs and weights in its folder.')
      .argument('<study>', 'name, folder or number of the study')
      .addOption(storageOption())
      .option('--yes', 'do not ask', false)
      .addHelpText(
        'after',
        `${studyHelp}

Example:
  hypevolve delete exp2`,
      )
      .action(async (study: string, flags: DeleteFlags) => {
        const { runDelete } = await import('../studies/delete.ts')
        process.exitCode = await runDelete(study, flags)
      })
  },
})
