// `hypevolve stop`: asks every process of a study to stop.
import { defineCommand } from './command.ts'
import { addStudyArgument, type StorageFlags, studyHelp } from './study-flags.ts'

export const stop = defineCommand({
  name: 'stop',
  summary: 'ask all processes of a study to stop; what is done is saved',
  configure(command) {
    addStudyArgument(
      command.description(
        'Asks every process that works on a study, also on other machines, to save and end, as Ctrl-C does. ' +
          'hypevolve resume goes on later.',
      ),
    )
      .addHelpText(
        'after',
        `${studyHelp}

Example:
  hypevolve stop exp2`,
      )
      .action(async (study: string | undefined, flags: StorageFlags) => {
        const { runStop } = await import('../studies/stop.ts')
        process.exitCode = await runStop(study, flags)
      })
  },
})
