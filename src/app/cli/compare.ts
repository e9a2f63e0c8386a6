// `hypevolve compare`: is detector B better than detector A?
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import { addMachineFlags, detectorUnsupported, type MachineFlags, workersOption } from './detector-flags.ts'
import { trainAliases } from './train-flags.ts'
import { integer, oneOf, real } from './values.ts'

/** Values of the flags after parsing. */
export interface CompareFlags extends MachineFlags {
  readonly data: string
  readonly split: 'train' | 'val' | 'test'
  readonly cfg?: string
  /** Undefined: that of each one's training. */
  readonly imgsz?: number
  readonly batchSize: number
  readonly confThres: number
  readonly iouThres: number
  readonly maxDet: number
  readonly singleCls: boolean
  readonly workers: number
  readonly resamples: number
  readonly seed: number
  readonly json: boolean
}

export const compare = defineCommand({
  name: 'compare',
  summary: 'tell which of two detectors is better, and how sure that is',
  aliases: trainAliases,
  unsupported: detectorUnsupported,
  configure(command) {
    command
      .description(
        'Measures two detectors on the same images and tells the difference of their mAP with its 95 % interval and the ' +
          'probability that B is better: paired bootstrap over the images.',
      )
      .argument('<A>', 'detector: .safetensors, .pt, .onnx, .weights (with --cfg)')
      .argument('<B>', 'the other one')
      .addOption(new Option('--data <yaml>', "data set file, or 'digits' for the built-in one").makeOptionMandatory())
      .addOption(
        new Option('--split <name>', 'train, val or test; best one that chose neither of them')
          .argParser(oneOf('train', 'val', 'test'))
          .default('val'),
      )
      .option('--cfg <file>', 'model of those weights that do not say it, as yolov3-tiny.cfg')
      .addOption(
        new Option('--imgsz <pixels>', 'image size of both (also --img)')
          .argParser(integer(32, 8192))
          .default(undefined, 'that of each one’s training'),
      )
      .addOption(new Option('--batch-size <n>', 'images per batch').argParser(integer(1, 4096)).default(32))
      .addOption(new Option('--conf-thres <value>', 'least confidence').argParser(real(0, 1)).default(0.001))
      .addOption(new Option('--iou-thres <value>', 'overlap that NMS allows').argParser(real(0, 1)).default(0.6))
      .addOption(new Option('--max-det <n>', 'most detections per image').argParser(integer(1, 100_000)).default(300))
      .option('--single-cls', 'treat all classes as one', false)
      .addOption(new Option('--resamples <n>', 'draws of the images').argParser(integer(100, 1_000_000)).default(2000))
      .addOption(new Option('--seed <n>', 'seed of the draws').argParser(integer(0, 2 ** 31 - 1)).default(0))
      .option('--json', 'print the comparison as an object', false)
      .addOption(workersOption())
    addMachineFlags(command)
      .addHelpText(
        'after',
        `
Examples:
  hypevolve compare runs/train/exp/weights/best.safetensors runs/train/exp2/weights/best.safetensors --data my/data.yaml
  hypevolve compare best.safetensors best.onnx --data my/data.yaml --split test --resamples 10000`,
      )
      .action(async (a: string, b: string, flags: CompareFlags) => {
        const { runCompare } = await import('../compare.ts')
        process.exitCode = await runCompare(a, b, flags)
      })
  },
})
