// `hypevolve doctor`: what this machine can do, and what stands in the way.
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import { installedTrainerNames, trainAliases } from './train-flags.ts'
import { integer, oneOf } from './values.ts'

/** Values of the flags after parsing. */
export interface DoctorFlags {
  readonly cfg: string
  readonly imgsz: number
  readonly batchSize: number
  readonly project: string
  readonly trainer?: string
  readonly repo?: string
  readonly python?: string
  readonly module?: string
}

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'tell what this machine can do, and what stands in the way',
  aliases: trainAliases,
  configure(command) {
    command
      .description(
        'Looks at Node, ONNX Runtime, processor, memory and disk, and compares them with the training you plan. ' +
          'Exits 1 if something would keep it from working.',
      )
      .option('--cfg <yaml>', 'model file of the training you plan', 'yolov5n.yaml')
      .addOption(new Option('--imgsz <pixels>', 'its image size').argParser(integer(32, 8192)).default(640))
      .addOption(new Option('--batch-size <n>', 'its images per batch').argParser(integer(1, 4096)).default(16))
      .option('--project <folder>', 'where its runs go', 'runs')
      .addOption(
        new Option('--trainer <name>', 'look at a trainer of this machine instead of our own').argParser(
          oneOf(...installedTrainerNames),
        ),
      )
      .option('--repo <folder>', 'its clone')
      .option('--python <file>', 'its interpreter')
      .option('--module <name>', 'its Python module, as yolov5.train')
      .addHelpText(
        'after',
        `
Examples:
  hypevolve doctor --cfg yolov5s.yaml --imgsz 320 --batch-size 8
  hypevolve doctor --trainer yolov5 --repo ~/yolov5`,
      )
      .action(async (flags: DoctorFlags) => {
        const { runDoctor } = await import('../doctor/index.ts')
        process.exitCode = await runDoctor(flags)
      })
  },
})
