// `hypevolve val`: precision, recall and mAP of a trained detector.
import { Option } from 'commander'
import { defineCommand } from './command.ts'
import { offlineOption, trainAliases } from './train-flags.ts'
import { integer, oneOf, real } from './values.ts'

/** Values of the flags after parsing. */
export interface ValFlags {
  readonly data: string
  readonly weights: string
  readonly split: 'train' | 'val' | 'test'
  readonly batchSize: number
  readonly imgsz: number
  readonly confThres: number
  readonly iouThres: number
  readonly maxDet: number
  readonly singleCls: boolean
  readonly device: string
  readonly workers: number
  readonly threads: number
  readonly verbose: boolean
  readonly noplots: boolean
  readonly project: string
  readonly name: string
  readonly existOk: boolean
  readonly offline?: boolean
}

export const val = defineCommand({
  name: 'val',
  summary: 'measure a detector on a data set',
  aliases: trainAliases,
  unsupported: {
    '--half': 'the CPU computes in 32-bit floating point.',
    '--dnn': 'ONNX Runtime computes, not OpenCV.',
    '--augment': 'test-time augmentation is not built yet.',
    '--save-hybrid': 'hybrid labels are not built yet.',
    '--save-json': 'COCO’s own evaluation is a program of its own.',
    '--save-txt': 'text files of detections are not built yet.',
    '--save-conf': 'text files of detections are not built yet.',
    '--task': 'YOLOv5’s --task is --split here: train, val or test.',
  },
  configure(command) {
    command
      .description('Measures precision, recall, mAP50 and mAP50-95 of a detector.')
      .addOption(
        new Option('--weights <file>', 'checkpoint (.safetensors, .pt), or a name as yolov5s.pt').makeOptionMandatory(),
      )
      .addOption(new Option('--data <yaml>', "data set file, or 'digits' for the built-in one").makeOptionMandatory())
      .addOption(
        new Option('--split <name>', 'train, val or test').argParser(oneOf('train', 'val', 'test')).default('val'),
      )
      .addOption(new Option('--batch-size <n>', 'images per batch').argParser(integer(1, 4096)).default(32))
      .addOption(new Option('--imgsz <pixels>', 'image size').argParser(integer(32, 8192)).default(640))
      .addOption(new Option('--conf-thres <value>', 'least confidence').argParser(real(0, 1)).default(0.001))
      .addOption(new Option('--iou-thres <value>', 'overlap that NMS allows').argParser(real(0, 1)).default(0.6))
      .addOption(new Option('--max-det <n>', 'most detections per image').argParser(integer(1, 100_000)).default(300))
      .option('--single-cls', 'treat all classes as one', false)
      .option('--verbose', 'print every class even if there are many', false)
      .option('--noplots', 'draw no pictures', false)
      .addOption(offlineOption())
      .option('--project <folder>', 'folder of the runs', 'runs/val')
      .option('--name <name>', 'folder of this run', 'exp')
      .option('--exist-ok', 'write into an existing folder instead of a new exp2', false)
      .option('--device <device>', "'cpu'; a GPU number falls back to the CPU and says so", '')
      .addOption(new Option('--workers <n>', 'threads that decode images').argParser(integer(0, 64)).default(8))
      .addOption(
        new Option('--threads <n>', 'threads that compute, 0: as many as there are cores')
          .argParser(integer(0, 256))
          .default(0),
      )
      .addHelpText(
        'after',
        `
Examples:
  hypevolve val --weights runs/train/exp/weights/best.safetensors --data my/data.yaml --imgsz 160
  hypevolve val --weights runs/train/exp/weights/best.safetensors --data my/data.yaml --split test`,
      )
      .action(async (flags: ValFlags) => {
        const { runVal } = await import('../val.ts')
        process.exitCode = await runVal(flags)
      })
  },
})
