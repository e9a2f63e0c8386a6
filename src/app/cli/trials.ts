// `hypevolve trials`: the trials of a study as a table, JSON or CSV.
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import { addStudyArgument, type StorageFlags, studyHelp } from './study-flags.ts'
import { integer, oneOf } from './values.ts'

export const stateChoices = ['waiting', 'running', 'complete', 'pruned', 'failed'] as const

export interface TrialsFlags extends StorageFlags {
  readonly sort?: string
  readonly filter: readonly string[]
  readonly state: readonly (typeof stateChoices)[number][]
  readonly limit?: number
  readonly json: boolean
  readonly csv: boolean
}

export const trials = defineCommand({
  name: 'trials',
  summary: 'list the trials of a study; --sort, --filter, --json, --csv',
  configure(command) {
    addStudyArgument(command.description('Lists the trials of a study.'))
      .option(
        '--sort <column>',
        'order by number, fitness, seconds, a metric or a hyperparameter; -column: largest first',
      )
      .addOption(
        new Option('--filter <condition>', "keep trials for which this holds, as 'fitness>0.3'; may be repeated")
          .argParser((text: string, before: readonly string[]) => [...before, text])
          .default([] as string[], 'all'),
      )
      .addOption(
        new Option('--state <state>', 'waiting, running, complete, pruned or failed; may be repeated')
          .argParser((text: string, before: readonly string[]) => [...before, oneOf(...stateChoices)(text)])
          .default([] as string[], 'all'),
      )
      .addOption(new Option('--limit <n>', 'at most so many').argParser(integer(1)))
      .option('--json', 'an array of objects: number, state, fitness, metrics, hyp, …', false)
      .option('--csv', 'a table with a column per metric and hyperparameter', false)
      .addHelpText(
        'after',
        `${studyHelp}
Columns of --sort and --filter: number, state, fitness, attempts, failure, startedAt, endedAt, seconds, worker, every
metric and every hyperparameter; where a metric and a hyperparameter share a name, metrics.box and hyp.box.

Examples:
  hypevolve trials --sort -fitness --limit 10
  hypevolve trials exp2 --filter 'lr0<0.01' --filter 'mAP50>=0.5' --csv > good.csv
  hypevolve trials --state failed --json`,
      )
      .action(async (study: string | undefined, flags: TrialsFlags) => {
        const { runTrialsCommand } = await import('../studies/trials.ts')
        process.exitCode = await runTrialsCommand(study, flags)
      })
  },
})
