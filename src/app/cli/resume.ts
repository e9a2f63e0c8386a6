// `hypevolve resume`: goes on with a study as it was begun.
import { defineCommand } from './command.ts'
import { addStudyArgument, type StorageFlags, studyHelp } from './study-flags.ts'

export const resume = defineCommand({
  name: 'resume',
  summary: 'go on with a study that was interrupted; nothing else needs to be said',
  configure(command) {
    addStudyArgument(
      command.description(
        'Goes on with a study that is not done: folder, flags and program are those of the command that began it. ' +
          'Without a name, with the latest one that is not done.',
      ),
    )
      .addHelpText(
        'after',
        `${studyHelp}

Examples:
  hypevolve resume
  hypevolve resume exp2
  @reboot cd /home/me/project && hypevolve resume >> evolve.log 2>&1      (a line of crontab -e)`,
      )
      .action(async (study: string | undefined, flags: StorageFlags) => {
        const { runResume } = await import('../studies/resume.ts')
        process.exitCode = await runResume(study, flags)
      })
  },
})
