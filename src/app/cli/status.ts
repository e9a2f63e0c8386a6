// `hypevolve status`: one study on one screen.
import { defineCommand } from './command.ts'
import { addStudyArgument, type StorageFlags, studyHelp } from './study-flags.ts'

export interface StatusFlags extends StorageFlags {
  readonly json: boolean
}

export const status = defineCommand({
  name: 'status',
  summary: 'how a study is doing: done, failed and why, best against the start, when it ends',
  configure(command) {
    addStudyArgument(command.description('Shows one study on one screen.'))
      .option('--json', 'an object', false)
      .addHelpText(
        'after',
        `${studyHelp}

Examples:
  hypevolve status
  watch -n 10 hypevolve status exp2`,
      )
      .action(async (study: string | undefined, flags: StatusFlags) => {
        const { runStatus } = await import('../studies/status.ts')
        process.exitCode = await runStatus(study, flags)
      })
  },
})
