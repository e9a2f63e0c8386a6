// `hypevolve predict`: looks at images with a trained detector. Flags of YOLOv5's detect.py.
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
} from './detector-flags.ts'
import { trainAliases } from './train-flags.ts'
import { integer, list, real } from './values.ts'

/** Values of the flags after parsing. */
export interface PredictFlags extends RunFolderFlags, MachineFlags {
  readonly weights: string
  readonly source: readonly string[]
  readonly cfg?: string
  readonly data?: string
  /** Undefined: that of the training. */
  readonly imgsz?: number
  readonly confThres: number
  readonly iouThres: number
  readonly maxDet: number
  /** Numbers or names. */
  readonly classes?: readonly string[]
  readonly agnosticNms: boolean
  readonly vidStride: number
  readonly saveTxt: boolean
  readonly saveConf: boolean
  readonly saveCrop: boolean
  readonly nosave: boolean
  readonly json: boolean
  readonly lineThickness: number
  readonly hideLabels: boolean
  readonly hideConf: boolean
}

export const predict = defineCommand({
  name: 'predict',
  summary: 'look at images and videos with a detector',
  aliases: trainAliases,
  unsupported: {
    ...detectorUnsupported,
    '--view-img': 'there is no window; the pictures lie in the run’s folder.',
    '--visualize': 'feature maps are not drawn.',
    '--update': 'there is nothing in the files to strip.',
    '--save-csv': '--json and --save-txt give the same for programs.',
  },
  configure(command) {
    command
      .description(
        'Looks at images with a detector and draws the boxes of what it finds. Images are turned as their EXIF data say.',
      )
      .addOption(weightsOption())
      .addOption(
        new Option(
          '--source <path...>',
          'images, videos (read by the program ffmpeg), folders, patterns in quotes, lists (.txt)',
        )
          .argParser(list)
          .makeOptionMandatory(),
      )
      .addOption(cfgOption())
      .option('--data <yaml>', 'data set file, for the class names of such weights')
      .addOption(
        new Option('--imgsz <pixels>', 'image size (also --img)')
          .argParser(integer(32, 8192))
          .default(undefined, 'that of the training'),
      )
      .addOption(new Option('--conf-thres <value>', 'least confidence').argParser(real(0, 1)).default(0.25))
      .addOption(new Option('--iou-thres <value>', 'overlap that NMS allows').argParser(real(0, 1)).default(0.45))
      .addOption(new Option('--max-det <n>', 'most detections per image').argParser(integer(1, 100_000)).default(1000))
      .addOption(new Option('--classes <class...>', 'only these classes, by number or name').argParser(list))
      .option('--agnostic-nms', 'drop overlapping boxes of different classes too', false)
      .addOption(
        new Option('--vid-stride <n>', 'only every so many-th frame of videos').argParser(integer(1)).default(1),
      )
      .option('--save-txt', 'write labels/<name>.txt: class, centre, size', false)
      .option('--save-conf', 'with the confidence behind', false)
      .option('--save-crop', 'write each box as crops/<class>/<name>.jpg', false)
      .option('--nosave', 'draw no pictures', false)
      .option('--json', 'print an array of images with their boxes in pixels', false)
      .addOption(
        new Option('--line-thickness <pixels>', 'thickness of the frames').argParser(integer(1, 100)).default(3),
      )
      .option('--hide-labels', 'draw frames without names', false)
      .option('--hide-conf', 'draw names without confidences', false)
    addRunFolderFlags(command, 'runs/detect')
    addMachineFlags(command)
      .addHelpText(
        'after',
        `
Examples:
  hypevolve predict --weights runs/train/exp/weights/best.safetensors --source photos
  hypevolve predict --weights best.onnx --source 'photos/**/*.jpg' --conf-thres 0.4 --save-txt --save-conf
  hypevolve predict --weights best.safetensors --source clip.mp4 --vid-stride 5 --classes person 2
  hypevolve predict --weights best.safetensors --source photo.jpg --nosave --json | jq .`,
      )
      .action(async (flags: PredictFlags) => {
        const { runPredict } = await import('../predict.ts')
        process.exitCode = await runPredict(flags)
      })
  },
})
