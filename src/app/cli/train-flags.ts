// The flags of `hypevolve train`: names, spellings and defaults of YOLOv5 v7.0's train.py, and what it and YOLOv3's
// train.py have that we do not.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addSearchFlags, type SearchFlags, searchFlagNames } from './search-flags.ts'
import { type StorageFlags, storageOption } from './study-flags.ts'
import { duration, integer, integers, list, oneOf, real } from './values.ts'

/** Values of the flags after parsing, by commander's camel-case names. */
export interface TrainFlags extends SearchFlags, StorageFlags {
  readonly weights?: string
  readonly cfg: string
  readonly data?: string
  /** undefined: scratch-low, or what --release shipped. */
  readonly hyp?: string
  readonly epochs: number
  /** -1: AutoBatch. */
  readonly batchSize: number
  /** Batches per update; undefined: as many as have about 64 images. */
  readonly accumulate?: number
  readonly imgsz: number
  readonly offline?: boolean
  /** Another size for validation: the last number of YOLOv3's --img-size. */
  readonly valImgsz?: number
  /** The smallest size of `--multi-scale`: the first of three numbers of YOLOv3's --img-size. */
  readonly leastImgsz?: number
  readonly multiScale: boolean
  readonly imageWeights: boolean
  readonly rect: boolean
  /** true: the most recent run; a text: that checkpoint. */
  readonly resume: string | boolean
  readonly nosave: boolean
  readonly noval: boolean
  readonly noautoanchor: boolean
  readonly noplots: boolean
  /** Trials of the study in all; true: as many as the release makes; undefined or 0 trains once. */
  readonly evolve?: number | true
  readonly cache: 'none' | 'ram' | 'disk'
  readonly device: string
  readonly singleCls: boolean
  readonly optimizer: 'SGD' | 'Adam' | 'AdamW'
  readonly workers: number
  readonly project?: string
  readonly name: string
  readonly existOk: boolean
  readonly cosLr: boolean
  /** Even where the hyperparameter set came with the cosine. */
  readonly linearLr: boolean
  readonly labelSmoothing: number
  readonly patience: number
  readonly freeze?: readonly number[]
  readonly savePeriod: number
  readonly seed: number
  readonly threads: number
  readonly layout: 'auto' | 'blocked' | 'plain'
  readonly spin: boolean
  readonly yes: boolean
  /** Begin a new study even if the last one of this name is not done. */
  readonly new: boolean
  /** Trials at once on the CPU. */
  readonly jobs?: number
  /** Trials at once on each device. */
  readonly perDevice?: number
  /** What stays of a trial's weights: none, last, best, best:K or all. */
  readonly keep: string
  /** What decides how long a hyp is trained. */
  readonly pruner?: string
  readonly prunerOption?: readonly string[]
  /** As `24h`, `200epochs`, `40trainings`, `200gpuh`. */
  readonly budget?: string
  /** As `Mon 08:00`. */
  readonly until?: string
  /** Share of the budget that confirms the winner, in [0, 0.5]; false: none. */
  readonly confirm?: number | false
  /** Ends the search where it finds nothing better any more; undefined: as the sampler has it. */
  readonly earlyEnd?: boolean
  readonly constraint?: readonly string[]
  readonly secondObjective?: string
  /** Epochs of the training that the winner is meant for. */
  readonly finalEpochs?: number
  /** A study or a table to learn from. */
  readonly warmStart?: string
  /** Seconds. */
  readonly trialTimeout?: number
  readonly hangTimeout?: number
  readonly trainer: TrainerName
  /** Where an installed trainer is: a clone, the interpreter, a module to run. */
  readonly repo?: string
  readonly python?: string
  readonly module?: string
  /** Model of Ultralytics. */
  readonly model?: string
  /** Where a program says what it measured. */
  readonly metrics?: string
  /** The program is a line for the shell. */
  readonly shell: boolean
  /** Whether a training of one epoch comes before the first of an installed trainer. */
  readonly smoke: boolean
  readonly fixDeadGenes: boolean
  readonly smallerBatch: boolean
  /** Words after `--`: the program of `--trainer command`, or flags for an installed trainer. */
  readonly program?: readonly string[]
  /** Commander's names of the flags that the command line had. */
  readonly given?: readonly string[]
}

/** Trainers that are called, by name. */
export const installedTrainerNames = ['yolov5', 'yolov3', 'ultralytics'] as const
export const trainerNames = ['embedded', 'command', ...installedTrainerNames] as const
export type TrainerName = (typeof trainerNames)[number]

/** The flags of a parsed command line, with the names of those that were typed. */
export function flagsOf(command: Command): TrainFlags {
  const given = command.options
    .map((option) => option.attributeName())
    .filter((name) => command.getOptionValueSource(name) === 'cli')
  return { ...command.opts<TrainFlags>(), given: [...new Set(given)] }
}

/** Flags that mean nothing without `--evolve`, by commander's names. */
export const evolveOnlyFlags = [
  ...searchFlagNames,
  ...(['pruner', 'prunerOption', 'budget', 'until', 'confirm', 'earlyEnd', 'constraint', 'secondObjective'] as const),
  ...(['finalEpochs', 'warmStart'] as const),
  ...(['storage', 'new', 'jobs', 'perDevice', 'keep', 'trialTimeout', 'hangTimeout', 'trainer', 'program'] as const),
  ...(['repo', 'python', 'module', 'model', 'metrics', 'shell', 'smoke', 'fixDeadGenes', 'smallerBatch'] as const),
] as const satisfies readonly (keyof TrainFlags)[]

/** Without it data sets and weights that are known by name are fetched. */
export const offlineOption = () =>
  new Option('--offline', 'fetch nothing: data sets and weights must be on this machine')

/** Other spellings of the same flags. */
export const trainAliases = { '--img': '--imgsz', '--img-size': '--imgsz', '--batch': '--batch-size' }

/**
 * `--img-size` takes up to three numbers: one for all; training and validation, as in YOLOv5; or, as in YOLOv3, the least
 * and the largest of training (between which batches are scaled) and validation. YOLOv3 repeats the last of two numbers.
 */
export function spreadImageSizes(words: readonly string[]): string[] {
  const at = words.lastIndexOf('--imgsz')
  if (at < 0) return [...words]
  let end = at + 1
  while (end < words.length && end <= at + 3 && /^\d+$/.test(words[end]!)) end++
  const sizes = words.slice(at + 1, end)
  if (sizes.length < 2) return [...words]
  const isDarknet = /(^|\n)--cfg[=\n].*\.cfg(\n|$)/i.test(words.join('\n'))
  if (sizes.length === 2 && isDarknet) sizes.push(sizes[1]!)
  const training = sizes.slice(0, -1).map(Number)
  const [least, most] = [Math.min(...training), Math.max(...training)].map(String)
  const range = least === most ? [] : ['--least-imgsz', least!]
  const spread = ['--imgsz', most!, ...range, '--val-imgsz', sizes.at(-1)!]
  return [...words.slice(0, at), ...spread, ...words.slice(end)]
}

const hosted = 'Hypevolve sends nothing to hosted services; what it made lies in the run’s folder.'
const oneProcess = 'a training here runs in one process, on one processor or device.'
const lines = 'events come from the library (hypevolve/detect), not as lines.'

/**
 * Flags of older releases of YOLOv5 and YOLOv3 whose meaning another flag has here; '' where it is how things are anyway.
 * They are replaced, and a line says by what.
 */
export const trainRenamed: Readonly<Record<string, string>> = {
  '--adam': '--optimizer=Adam',
  '--notest': '--noval',
  '--no-save': '--nosave',
  '--cache-images': '--cache',
  '--save_period': '--save-period',
  '--img-weights': '--image-weights',
  '--multi': '--multi-scale',
  '--logdir': '--project',
  '--num-workers': '--workers',
  '--num_workers': '--workers',
  '--data-cfg': '--data',
  '--data-config': '--data',
  '--data-config-path': '--data',
  '--accumulated-batches': '--accumulate',
  '--resume-from-run': '--resume',
  '--single-scale': '',
  '--nomultiscale': '',
  '--giou': '',
}

/** Flags of YOLOv5 (v1.0 to v7.0 and later, the PyPI package too) and YOLOv3 with the reason why they are missing here. */
export const trainUnsupported: Readonly<Record<string, string>> = {
  '--quad':
    'its batches are a quarter of the images at twice the size: --imgsz 1280 --batch-size 4 --accumulate 4 costs and learns about the same.',
  '--sync-bn': oneProcess,
  '--local_rank': oneProcess,
  '--local-rank': oneProcess,
  '--global_rank': oneProcess,
  '--rank': oneProcess,
  '--world-size': oneProcess,
  '--backend': oneProcess,
  '--dist-backend': oneProcess,
  '--dist-url': oneProcess,
  '--bucket': `${hosted} Copy runs/evolve with your own tool.`,
  '--cloud': `${hosted} Copy the folder of the run with your own tool.`,
  '--cloud-evolve': `${hosted} Several machines share one study by --storage.`,
  '--cloud_evolve': `${hosted} Several machines share one study by --storage.`,
  '--entity': hosted,
  '--upload_dataset': hosted,
  '--bbox_interval': hosted,
  '--artifact_alias': hosted,
  '--log-imgs': hosted,
  '--log-artifacts': hosted,
  '--neptune_token': hosted,
  '--neptune_project': hosted,
  '--neptune_resume_id': hosted,
  '--s3_upload_dir': hosted,
  '--hf_model_id': hosted,
  '--hf_token': hosted,
  '--hf_private': hosted,
  '--hf_dataset_id': hosted,
  '--roboflow_token': hosted,
  '--roboflow_upload': hosted,
  '--ndjson-console': lines,
  '--ndjson-file': lines,
  '--evolve_population':
    'the study remembers its population: --sampler yolov5-ga begins one, the same command goes on with it.',
  '--resume_evolve':
    'the study remembers its population: the same command again, or hypevolve resume, goes on with it.',
  '--resume_from_run': 'it names a run on a hosted service: use --resume with the folder of the run.',
  '--freeze-layers':
    'it froze all but the output layers: give --freeze their number, 75 for the backbone of yolov3.cfg.',
  '--freeze-darknet53': 'use --freeze 75, the layers of Darknet-53 in yolov3.cfg.',
  '--var': 'it was an experiment of YOLOv3 without a meaning of its own.',
  '--transfer': 'YOLOv3 dropped it: use --weights with --freeze.',
  '--prebias': 'YOLOv3 dropped it: biases have their own learning rate during warm-up.',
  '--arc': 'YOLOv3 dropped it: a .cfg is trained as with its "default".',
  '--xywh': 'YOLOv3 dropped it: the box loss of a .cfg is GIoU, of a .yaml CIoU.',
  '--report': 'YOLOv3 dropped it: precision and recall stand in results.csv after every epoch.',
  '--weights-path': 'weights are written into the folder of the run: use --project and --name.',
  '--nopretrain': "use --weights '' to train from scratch.",
}

/** Adds the flags. Options with the same name as in `train.py` have its default, unless the help says otherwise. */
export function addTrainFlags(command: Command): void {
  const add = (group: string, ...options: Option[]) => {
    for (const option of options) command.addOption(option.helpGroup(group))
  }
  add(
    'What to train:',
    new Option('--data <yaml>', "data set file (yaml, or Darknet's .data), or 'digits' for the built-in one"),
    new Option('--cfg <yaml>', 'model file, as yolov5n.yaml or yolov3-tiny.cfg').default('', 'that of --weights'),
    new Option(
      '--weights <file>',
      "weights to start from (.safetensors, .pt, Darknet’s .weights), '' to train from scratch",
    ).default(undefined, 'yolov5s.pt, or none where --cfg is given'),
    new Option('--hyp <yaml>', 'hyperparameters: a file or a packaged set, as v5.0/finetune').default(
      undefined,
      'scratch-low, for a .cfg that of January 2020, or that of --release',
    ),
    new Option('--single-cls', 'treat all classes as one').default(false),
  )
  add(
    'How long and how large:',
    new Option('--epochs <n>', 'number of epochs').argParser(integer(1)).default(100),
    new Option('--batch-size <n>', 'images per batch (also --batch); -1: 16, or fewer if the memory would not do')
      .argParser(batchSize)
      .default(16),
    new Option('--accumulate <batches>', 'batches per update of the weights')
      .argParser(integer(1, 4096))
      .default(undefined, 'as many as have about 64 images'),
    new Option('--imgsz <pixels>', 'image size (also --img, --img-size); 416 640 trains at 416 and validates at 640')
      .argParser(integer(32, 8192))
      .default(640),
    new Option('--val-imgsz <pixels>').argParser(integer(32, 8192)).hideHelp(),
    new Option('--least-imgsz <pixels>').argParser(integer(32, 8192)).hideHelp(),
    new Option('--multi-scale', 'scale batches to up to five sizes from half to one and a half of --imgsz').default(
      false,
    ),
    new Option('--patience <epochs>', 'stop after so many epochs without improvement, 0: never')
      .argParser(integer(0))
      .default(100),
  )
  add(
    'Evolution:',
    new Option(
      '--evolve [trials]',
      'evolve the hyperparameters; how many trainings the study has in all, 300 if no number is given',
    )
      .preset('')
      .argParser((text) => (text === '' ? true : integer(0)(text))),
    new Option(
      '--resume [checkpoint]',
      'go on with the most recent run, or with this one; with --evolve: that many trainings more in the latest study',
    )
      .preset(true)
      .default(false, 'off'),
    new Option('--new', 'begin a new study even if one of this name is not done').default(false),
    storageOption(),
    new Option('--jobs <n>', 'trainings at once; they share the cores')
      .argParser(integer(1, 1024))
      .default(undefined, '1'),
    new Option('--per-device <n>', 'trainings at once on each of --device 0,1,…')
      .argParser(integer(1, 64))
      .default(undefined, '1'),
    new Option('--keep <what>', 'weights to keep of the trainings: none, last, best, best:5 (the five best) or all')
      .argParser(keepPolicy)
      .default('none'),
    new Option('--trial-timeout <time>', 'end a training that takes longer, as 90m or 3h').argParser(duration),
    new Option('--hang-timeout <time>', 'end a training that says nothing for so long').argParser(duration),
    new Option('--program <word>').argParser((word: string, before: string[] = []) => [...before, word]).hideHelp(),
  )
  addSearchFlags(command, 'auto, or the original that other flags mean (--release, --parent, --method, a .cfg)')
  add(
    'How long, and how sure, with --evolve:',
    new Option(
      '--pruner <name>',
      'what decides how long each is trained: hyperband, successive-halving, median or none',
    ).default(undefined, 'hyperband for auto and priorband, else none'),
    new Option('--pruner-option <name=value>', 'option of the pruner').argParser(list).default(undefined),
    new Option(
      '--budget <what>',
      'what it may cost, in place of a number of trainings: 24h, 200epochs, 40trainings, 200gpuh',
    ),
    new Option('--until <when>', 'when it is to be done: "Mon 08:00", "18:30" or "2027-01-31 08:00"'),
    new Option(
      '--confirm <percent>',
      'part of the budget that trains the best and the start again, with other seeds, to be sure',
    )
      .argParser((text) => real(0, 50)(text.replace(/\s*%$/, '')) / 100)
      .default(undefined, '20 for auto, else 0'),
    new Option('--no-confirm', 'the best is not trained again'),
    new Option('--early-end', 'end the search where nothing better was found for long').default(undefined, 'with auto'),
    new Option('--no-early-end', 'search until the budget is spent'),
    new Option('--constraint <condition>', 'what the best must keep to: "latency_ms <= 10"; more than one may be given')
      .argParser(list)
      .default(undefined),
    new Option(
      '--second-objective <metric>',
      'find the front of two: "min latency_ms" or "max recall" beside the fitness',
    ),
    new Option(
      '--final-epochs <n>',
      'epochs of the training that the winner is for: warns if those of the search are too few',
    )
      .argParser(integer(1))
      .default(undefined, 'those of --epochs'),
    new Option('--warm-start <study or file>', 'begin with what an earlier study, evolve.csv or evolve.txt found'),
  )
  add(
    'What trains, with --evolve:',
    new Option(
      '--trainer <name>',
      'embedded: our own; yolov5, yolov3, ultralytics: those of this machine, as they are; command: the program after --',
    )
      .argParser(oneOf(...trainerNames))
      .default('embedded'),
    new Option('--repo <folder>', 'clone of that trainer').default(undefined, 'looked for'),
    new Option('--python <file>', 'interpreter that runs it').default(undefined, 'that of the clone, or python3'),
    new Option('--module <name>', 'Python module to run instead of a clone, as yolov5.train'),
    new Option('--model <file>', 'model of --trainer ultralytics, as yolo11n.pt'),
    new Option('--fix-dead-genes', 'change settings that make hyperparameters ineffective, as optimizer=auto').default(
      false,
    ),
    new Option(
      '--smaller-batch',
      'after out of memory, try a training again with half the batch; such a trial is kept, but not compared with the others',
    ).default(false),
    new Option('--no-smoke', 'begin without a training of one epoch that shows whether all is in place'),
    new Option(
      '--metrics <where>',
      'where a program says what it measured: csv:results.csv, json:result.json, regex:… ; JSON lines if not said',
    ),
    new Option('--shell', 'the program after -- is one line for the shell').default(false),
  )
  add(
    'Training:',
    new Option('--optimizer <name>', 'SGD, Adam or AdamW').argParser(oneOf('SGD', 'Adam', 'AdamW')).default('SGD'),
    new Option('--cos-lr', 'cosine learning rate instead of linear').default(false),
    new Option('--linear-lr', 'linear learning rate, also with a hyperparameter set of a release that had the cosine')
      .default(false)
      .conflicts('cosLr'),
    new Option('--label-smoothing <epsilon>', 'label smoothing').argParser(real(0, 0.99)).default(0),
    new Option('--freeze <layers...>', 'layers to freeze: 10 freezes the first ten, 0 1 2 these three').argParser(
      integers(0),
    ),
    new Option('--image-weights', 'draw images with rare or badly found classes more often').default(false),
    new Option('--rect', 'rectangular batches: no mosaic, no shuffling').default(false),
    new Option('--noautoanchor', 'keep the anchors as they are').default(false),
    new Option('--seed <n>', 'seed of all random numbers').argParser(integer(0, 2 ** 31 - 1)).default(0),
  )
  add(
    'What is written:',
    new Option('--project <folder>', 'folder of the runs').default(undefined, 'runs/train, with --evolve runs/evolve'),
    new Option('--name <name>', "folder of this run; 'cfg' takes the model file's name").default('exp'),
    new Option('--exist-ok', 'write into an existing folder instead of a new exp2').default(false),
    new Option('--nosave', 'keep only the final checkpoint').default(false),
    new Option('--noval', 'validate only after the last epoch').default(false),
    new Option('--noplots', 'draw no pictures').default(false),
    new Option('--save-period <epochs>', 'also keep a checkpoint every so many epochs')
      .argParser(integer(-1))
      .default(-1, 'off'),
  )
  add(
    'The machine:',
    offlineOption(),
    new Option(
      '--device <device>',
      "'cpu', 'webgpu', 'cuda' or GPU numbers, which need CUDA, else they fall back to the CPU and say so; with --evolve 0,1,2 are three trainings at once",
    ).default('', 'cpu'),
    new Option('--cache [where]', 'keep decoded images: ram or disk; ram if not said')
      .preset('ram')
      .argParser(oneOf('ram', 'disk'))
      .default('none', 'off'),
    new Option(
      '--workers <n>',
      'threads that decode and augment images, at most one per core; 0: the training thread does it',
    )
      .argParser(integer(0, 64))
      .default(8),
    new Option('--threads <n>', 'threads that compute, 0: as many as there are cores')
      .argParser(integer(0, 256))
      .default(0),
    new Option('--layout <layout>', 'memory layout of the graph: auto, blocked or plain')
      .argParser(oneOf('auto', 'blocked', 'plain'))
      .default('auto'),
    new Option('--spin', 'let waiting compute threads spin: faster on a machine that does nothing else').default(false),
    new Option('--yes', 'do not ask before a training of more than a day').default(false),
  )
}

function batchSize(text: string): number {
  return text.trim() === '-1' ? -1 : integer(1, 4096)(text)
}

function keepPolicy(text: string): string {
  if (!/^(none|last|all|best(:[1-9]\d{0,5})?)$/.test(text))
    throw new InvalidArgumentError('Choose none, last, best, best:K or all.')
  return text
}
