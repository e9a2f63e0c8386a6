// `hypevolve importance`: which hyperparameters matter, and a smaller space for the next study.
import { Option } from 'commander'
import type { ImportanceMethod } from '../../search/index.ts'
import { defineCommand } from './command.ts'
import { addStudyArgument, type StorageFlags, studyHelp } from './study-flags.ts'
import { integer, oneOf } from './values.ts'

export interface ImportanceFlags extends StorageFlags {
  /** A metric or an expression of metrics; undefined: the fitness. */
  readonly target?: string
  readonly method: ImportanceMethod
  readonly top: number
  readonly json: boolean
  readonly csv: boolean
  readonly figure?: string
  readonly narrow?: string
}

export const importance = defineCommand({
  name: 'importance',
  summary: 'which hyperparameters matter; --figure for a picture, --narrow for a smaller space',
  configure(command) {
    addStudyArgument(
      command.description(
        'Tells how much of the differences between the trials of a study each hyperparameter explains, which two act in ' +
          'concert, and how sure that is.',
      ),
    )
      .addOption(
        new Option('--target <formula>', 'what is to be explained: a metric, or a formula as of --fitness').default(
          undefined,
          "the study's fitness",
        ),
      )
      .addOption(
        new Option(
          '--method <name>',
          'fanova: shares of the variance; ped-anova: what sets the best quarter apart, one at a time',
        )
          .argParser(oneOf('fanova', 'ped-anova'))
          .default('fanova'),
      )
      .addOption(new Option('--top <n>', 'show so many').argParser(integer(1)).default(12))
      .option('--json', 'an object with all of them, pairs and effects too', false)
      .option('--csv', 'a table of all of them', false)
      .option('--figure <file>', 'write a picture (PNG)')
      .option(
        '--narrow <file>',
        'write a smaller space for --space: what does not matter is fixed, the rest bounded to where good trials lie',
      )
      .addHelpText(
        'after',
        `${studyHelp}
docs/importance.md says how it is computed, and how far it can be trusted.

Examples:
  hypevolve importance
  hypevolve importance exp2 --figure importance.png
  hypevolve importance exp2 --target 'mAP50/person' --top 5
  hypevolve importance exp2 --narrow next.yaml
  hypevolve train --data coco128.yaml --space next.yaml --evolve 40`,
      )
      .action(async (study: string | undefined, flags: ImportanceFlags) => {
        const { runImportance } = await import('../studies/importance.ts')
        process.exitCode = await runImportance(study, flags)
      })
  },
})
