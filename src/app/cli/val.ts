// `hypevolve val`: precision, recall and mAP of a trained detector.
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import {
  addMachineFlags,
  addRunFolderFlags,
  cfgOption,
  detectorUnsupported,
  type MachineFlags,
  type RunFolderFlags,
  weightsOption,
  workersOption,
} from './detector-flags.ts'
import { trainAliases } from './train-flags.ts'
import { integer, integers, oneOf, real } from './values.ts'

/** Values of the flags after parsing. */
export interface ValFlags extends RunFolderFlags, MachineFlags {
  readonly data: string
  readonly weights: string
  readonly cfg?: string
  readonly task?: 'train' | 'val' | 'test' | 'speed' | 'study'
  /** Undefined: val, or what `--task` says. */
  readonly split?: 'train' | 'val' | 'test'
  readonly batchSize: number
  readonly imgsz: number
  /** Of `--task study`; undefined: YOLOv5's. */
  readonly sizes?: readonly number[]
  readonly confThres: number
  readonly iouThres: number
  readonly maxDet: number
  readonly singleCls: boolean
  readonly workers: number
  readonly verbose: boolean
  readonly noplots: boolean
  readonly saveTxt: boolean
  readonly saveConf: boolean
  readonly saveJson: boolean
  readonly json: boolean
}

export const val = defineCommand({
  name: 'val',
  summary: 'measure a detector on a data set',
  aliases: trainAliases,
  unsupported: {
    ...detectorUnsupported,
    '--save-hybrid': 'labels and detections in one file are for labelling programs of YOLOv5’s makers.',
  },
  configure(command) {
    command
      .description(
        'Measures precision, recall, mAP50 and mAP50-95 of a detector, and draws confusion matrix, curves and first batches.',
      )
      .addOption(weightsOption())
      .addOption(cfgOption())
      .addOption(new Option('--data <yaml>', "data set file, or 'digits' for the built-in one").makeOptionMandatory())
      .addOption(
        new Option(
          '--task <task>',
          'train, val or test: the split; speed: times by batch size; study: figures by image size',
        )
          .argParser(oneOf('train', 'val', 'test', 'speed', 'study'))
          .default(undefined, 'val'),
      )
      .addOption(
        new Option('--split <name>', 'train, val or test; for --task speed and study too')
          .argParser(oneOf('train', 'val', 'test'))
          .default(undefined, 'val'),
      )
      .addOption(
        new Option('--batch-size <n>', 'images per batch; of --task speed the largest')
          .argParser(integer(1, 4096))
          .default(32),
      )
      .addOption(new Option('--imgsz <pixels>', 'image size (also --img)').argParser(integer(32, 8192)).default(640))
      .addOption(
        new Option('--sizes <pixels...>', 'image sizes of --task study')
          .argParser(integers(32))
          .default(undefined, '256 384 … 1536'),
      )
      .addOption(new Option('--conf-thres <value>', 'least confidence').argParser(real(0, 1)).default(0.001))
      .addOption(new Option('--iou-thres <value>', 'overlap that NMS allows').argParser(real(0, 1)).default(0.6))
      .addOption(new Option('--max-det <n>', 'most detections per image').argParser(integer(1, 100_000)).default(300))
      .option('--single-cls', 'treat all classes as one', false)
      .option('--verbose', 'print every class even if there are many', false)
      .option('--save-txt', 'write labels/<image>.txt: class, centre, size', false)
      .option('--save-conf', 'with the confidence behind', false)
      .option('--save-json', "write <weights>_predictions.json, as COCO's evaluation reads it", false)
      .option('--json', 'print the figures as an object', false)
      .option('--noplots', 'draw no pictures', false)
    addRunFolderFlags(command, 'runs/val').addOption(workersOption())
    addMachineFlags(command)
      .addHelpText(
        'after',
        `
Examples:
  hypevolve val --weights runs/train/exp/weights/best.safetensors --data my/data.yaml --imgsz 160
  hypevolve val --weights runs/train/exp/weights/best.safetensors --data my/data.yaml --task test --verbose
  hypevolve val --weights best.onnx --data my/data.yaml --imgsz 640 --save-json --save-txt --save-conf
  hypevolve val --weights yolov3-tiny.weights --cfg yolov3-tiny.cfg --data my/voc.data --imgsz 416
  hypevolve val --weights best.safetensors --data my/data.yaml --imgsz 160 --task speed
  hypevolve val --weights best.safetensors --data my/data.yaml --task study --sizes 96 128 160 192`,
      )
      .action(async (flags: ValFlags) => {
        const { runVal } = await import('../val.ts')
        process.exitCode = await runVal(flags)
      })
  },
})
