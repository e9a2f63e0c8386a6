// Flags that val, predict and compare share.
import { type Command, Option } from 'commander'
import { offlineOption } from './train-flags.ts'
import { integer } from './values.ts'

/** Flags of YOLOv5's val.py and detect.py with the reason why they are missing here. */
export const detectorUnsupported: Readonly<Record<string, string>> = {
  '--half':
    'processors compute in 32-bit floating point. Export with --half and give the .onnx file to --weights: that computes in half precision.',
  '--dnn': 'ONNX Runtime computes, not OpenCV.',
  '--augment':
    'test-time augmentation is not built: it takes three times as long. A larger --imgsz helps small objects too.',
}

/** `--weights` of a detector that is to look at images. */
export const weightsOption = () =>
  new Option(
    '--weights <file>',
    'detector: .safetensors, .pt, .onnx, .weights (with --cfg), or a name as yolov5s.pt',
  ).makeOptionMandatory()

export const cfgOption = () => new Option('--cfg <file>', 'model of weights that do not say it, as yolov3-tiny.cfg')

export interface RunFolderFlags {
  readonly project: string
  readonly name: string
  readonly existOk: boolean
}

/** Where results go. */
export const addRunFolderFlags = (command: Command, project: string): Command =>
  command
    .option('--project <folder>', 'folder of the runs', project)
    .option('--name <name>', 'folder of this run', 'exp')
    .option('--exist-ok', 'write into an existing folder instead of a new exp2', false)

export interface MachineFlags {
  readonly device: string
  readonly threads: number
  readonly offline?: boolean
}

export const addMachineFlags = (command: Command): Command =>
  command
    .option(
      '--device <device>',
      "'cpu', 'webgpu' or 'cuda'; a GPU number needs CUDA, else it falls back to the CPU and says so",
      '',
    )
    .addOption(
      new Option('--threads <n>', 'threads that compute, 0: as many as there are cores')
        .argParser(integer(0, 256))
        .default(0),
    )
    .addOption(offlineOption())

export const workersOption = () =>
  new Option('--workers <n>', 'threads that decode images').argParser(integer(0, 64)).default(8)
