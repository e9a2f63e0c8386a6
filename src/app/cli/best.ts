// `hypevolve best`: the best hyperparameters, in the format of whoever trains with them, or trained at once.
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import { addStudyArgument, type StorageFlags, studyHelp } from './study-flags.ts'
import { integer } from './values.ts'

export interface BestFlags extends StorageFlags {
  /** `yolov5`, `yolov5@v5.0`, `yolov3`, `ultralytics`, `cli`, `powershell`; undefined: a summary. */
  readonly format?: string
  readonly output?: string
  readonly figure?: string
  readonly train: boolean
  readonly finalEpochs?: number
  readonly json: boolean
}

export const best = defineCommand({
  name: 'best',
  summary: 'the best hyperparameters; --format for another program, --train to train with them',
  configure(command) {
    addStudyArgument(command.description('Prints the best hyperparameters that a study found, or trains with them.'))
      .option(
        '--format <format>',
        'yolov5, yolov5@v5.0 (the keys that release reads), yolov3, ultralytics, or a command line: cli (bash, zsh, sh) or powershell',
      )
      .option('--output <file>', 'write into this file instead')
      .option('--figure <file>', 'write a picture of the front of two objectives (PNG)')
      .option('--train', 'train with them now, with the flags of the study', false)
      .addOption(
        new Option('--final-epochs <n>', 'epochs of that training')
          .argParser(integer(1))
          .default(undefined, 'those of the study'),
      )
      .option('--json', 'an object', false)
      .addHelpText(
        'after',
        `${studyHelp}

Examples:
  hypevolve best
  hypevolve best exp2 --format yolov5@v6.2 --output hyp.best.yaml
  hypevolve best --train --final-epochs 300
  hypevolve best --figure front.png
  hypevolve best --format powershell --final-epochs 300`,
      )
      .action(async (study: string | undefined, flags: BestFlags) => {
        const { runBest } = await import('../studies/best.ts')
        process.exitCode = await runBest(study, flags)
      })
  },
})
