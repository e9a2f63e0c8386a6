// `hypevolve data check`: faults of a data set.
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import { integer, real } from './values.ts'

/** Values of the flags after parsing. */
export interface DataCheckFlags {
  readonly imgsz: number
  readonly similarity: number
  readonly similar: boolean
  readonly strict: boolean
  readonly all: boolean
  readonly workers: number
  readonly json: boolean
}

export const dataCheck = defineCommand({
  name: 'check',
  summary: 'faults, and images that two splits share',
  configure(command) {
    command
      .description(
        'Looks at every image and label file, at the names of the classes, and for images that are in two splits or look ' +
          'like one of another split: what is trained on must not be measured on. Exits 1 if there are faults; warnings ' +
          'alone exit 0.',
      )
      .argument('<data>', "data set file, or 'digits' for the built-in one")
      .addOption(
        new Option('--imgsz <pixels>', 'training size, for boxes too small').argParser(integer(32, 8192)).default(640),
      )
      .addOption(
        new Option('--similarity <r>', 'least correlation of images that count as alike')
          .argParser(real(0.8, 1))
          .default(0.95),
      )
      .option('--no-similar', 'look for equal files only, which is faster')
      .option('--strict', 'exit 1 for warnings, too', false)
      .option('--all', 'print every finding instead of the first five of a kind', false)
      .addOption(new Option('--workers <n>', 'threads that read').argParser(integer(0, 64)).default(8))
      .option('--json', 'print all findings as JSON', false)
      .addHelpText(
        'after',
        `
Examples:
  hypevolve data check my/data.yaml
  hypevolve data check my/data.yaml --strict --similarity 0.98
  hypevolve data check my/data.yaml --json > findings.json`,
      )
      .action(async (file: string, flags: DataCheckFlags) => {
        const { runDataCheck } = await import('../data/check.ts')
        process.exitCode = await runDataCheck(file, flags)
      })
  },
})
