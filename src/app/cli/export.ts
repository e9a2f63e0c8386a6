// `hypevolve export`: a trained detector as a file that other programs run, or a study's table as its release writes it.
import { Option } from 'commander'
import { UsageError } from '../../base/index.ts'
import { defineCommand } from './command.ts'
import { cfgOption } from './detector-flags.ts'
import { type StorageFlags, storageOption } from './study-flags.ts'
import { offlineOption, trainAliases } from './train-flags.ts'
import { integer } from './values.ts'

/** Values of the flags after parsing. */
export interface ExportFlags extends StorageFlags {
  /** Undefined: a study is exported. */
  readonly weights?: string
  readonly include?: readonly ExportFormat[]
  /** Model of weights that do not say it. */
  readonly cfg?: string
  /** Data set file with the class names of such weights. */
  readonly data?: string
  /** onnx, safetensors: half precision. */
  readonly half: boolean
  /** pt: full precision. */
  readonly float32: boolean
  /** That of the training if not given. */
  readonly imgsz?: number
  readonly output?: string
  readonly offline?: boolean
}

const formats = ['onnx', 'pt', 'safetensors', 'darknet'] as const
export type ExportFormat = (typeof formats)[number]

const otherFormats = [
  'torchscript',
  'openvino',
  'engine',
  'coreml',
  'saved_model',
  'pb',
  'tflite',
  'edgetpu',
  'tfjs',
  'paddle',
]

export const exportModel = defineCommand({
  name: 'export',
  summary: 'write a detector as ONNX, .pt and more, or the table of a study',
  aliases: trainAliases,
  unsupported: {
    '--int8': 'quantising is left to ONNX Runtime’s own tools.',
    '--dynamic': 'it is always on: batch, height and width are free in the exported model.',
    '--opset': 'the exported model keeps to operators that every runtime has.',
    '--nms': 'suppression is left to the program that runs the model.',
    '--simplify': 'the graph is written simple in the first place.',
    '--inplace': 'it only means something in PyTorch.',
    '--keras': 'only ONNX and PyTorch checkpoints are written.',
    '--optimize': 'only ONNX and PyTorch checkpoints are written.',
  },
  configure(command) {
    command
      .description(
        'With --weights: writes a detector as an ONNX model with folded batch norms and free batch, height and width, or ' +
          'as a checkpoint that YOLOv5 reads. ' +
          'Without: prints the table of a study, evolve.csv or evolve.txt; one that was imported comes back byte for byte.',
      )
      .argument('[study]', 'name, folder or number of the study; the latest if not given')
      .addOption(new Option('--weights <file>', 'checkpoint (.safetensors, .pt; .weights with --cfg)'))
      .addOption(cfgOption())
      .option('--data <yaml>', 'data set file, for the class names of such weights')
      .addOption(offlineOption())
      .addOption(storageOption())
      .addOption(
        new Option(
          '--include <formats...>',
          'formats to write: onnx, pt (a checkpoint for YOLOv5), safetensors, darknet (.weights and .cfg of a YOLOv3 model)',
        )
          .argParser((text: string, previous: readonly ExportFormat[] | undefined) => {
            if (otherFormats.includes(text))
              throw new UsageError(`--include ${text} is not supported; tools convert an ONNX file on.`)
            const format = formats.find((each) => each === text)
            if (!format) throw new UsageError(`--include ${text}: the formats are ${formats.join(', ')}.`)
            return [...(previous ?? []), format]
          })
          .default(undefined, 'onnx'),
      )
      .option(
        '--half',
        'onnx and safetensors in half precision: half the size; the inputs and outputs of onnx too',
        false,
      )
      .option('--float32', 'pt in full precision instead of the half precision of YOLOv5’s own files', false)
      .addOption(
        new Option(
          '--imgsz <pixels>',
          'image size noted in the model (also --img); that of the training if not given',
        ).argParser(integer(32, 8192)),
      )
      .option(
        '--output <file>',
        'file to write; the weights’ name with another ending if not given, a table is printed',
      )
      .addHelpText(
        'after',
        `
Examples:
  hypevolve export --weights runs/train/exp/weights/best.safetensors --include onnx --imgsz 160
  hypevolve export --weights runs/train/exp/weights/best.safetensors --include onnx --half
  hypevolve export --weights runs/train/exp/weights/best.safetensors --include pt
  hypevolve export --weights yolov3-tiny.weights --cfg yolov3-tiny.cfg --data my/voc.data --include safetensors
  hypevolve export exp2 > evolve.csv`,
      )
      .action(async (study: string | undefined, flags: ExportFlags) => {
        if (flags.weights === undefined) {
          if (flags.include !== undefined || flags.imgsz !== undefined)
            throw new UsageError('Say which detector: --weights runs/train/exp/weights/best.safetensors.')
          const { runExportTable } = await import('../studies/export.ts')
          process.exitCode = await runExportTable(study, flags)
          return
        }
        if (study !== undefined) throw new UsageError(`Export a detector (--weights) or the study ${study}, not both.`)
        const { runExport } = await import('../export.ts')
        process.exitCode = await runExport({ ...flags, weights: flags.weights })
      })
  },
})
