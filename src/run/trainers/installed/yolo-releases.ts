// What differs between the releases of YOLOv5 and YOLOv3, in one table; and which release a clone or package is. Facts are
// from the releases' own train.py, loss and data code. Start at `yoloReleases`.
import type { ReleaseName } from '../../../search/index.ts'

export type YoloFamily = 'yolov5' | 'yolov3'

/** How a release is told its hyperparameters: `--hyp` with a yaml file, or a text file of values in its current folder. */
type HypForm = 'yaml' | 'text'

/**
 * Where it writes. `project`: --project, --name and --exist-ok; `logdir`: a new folder below --logdir; `here`: its current
 * folder; `runs`: a new folder below runs in its current folder.
 */
type OutForm = 'project' | 'logdir' | 'here' | 'runs'

/** `yaml`: --resume with a checkpoint, the rest from opt.yaml beside it; `weights`: --resume with a checkpoint; `switch`. */
type ResumeForm = 'yaml' | 'weights' | 'switch'

/** How two GPUs work on one training: a launcher, or the program does it alone. */
type DdpForm = 'torch.distributed.run' | 'torch.distributed.launch' | 'alone'

/** `v5`: results.txt, the last seven of its columns are P, R, mAP50, mAP50-95, losses; `f1`: P, R, mAP50, F1, losses. */
type ResultsForm = 'csv' | 'text' | 'text-f1'

export interface YoloRelease {
  readonly family: YoloFamily
  /** As people call it: `v6.2`. */
  readonly name: string
  /** Its ranges and file formats. */
  readonly like: ReleaseName
  /** Keys of its hyp file, in order. */
  readonly hypKeys: readonly string[]
  /** Those among them that no line of a training looks at. */
  readonly unread: readonly string[]
  readonly hyp: HypForm
  readonly out: OutForm
  readonly resume: ResumeForm
  readonly ddp: DdpForm
  readonly results: ResultsForm
  /** Adam takes `momentum` as its first beta; before, it took nothing from there. */
  readonly adamReadsMomentum: boolean
  /**
   * Its current folder is the trial's, with links to what is in the clone. It writes there; or it fetches from git and
   * installs packages if it finds .git and requirements.txt there, and ends if that fails.
   */
  readonly ownFolder: boolean
}

const early = [
  ...['lr0', 'momentum', 'weight_decay', 'giou', 'cls', 'cls_pw', 'obj', 'obj_pw', 'iou_t', 'anchor_t', 'fl_gamma'],
  ...['hsv_h', 'hsv_s', 'hsv_v', 'degrees', 'translate', 'scale', 'shear'],
]
const v31 = [
  ...['lr0', 'lrf', 'momentum', 'weight_decay', 'warmup_epochs', 'warmup_momentum', 'warmup_bias_lr', 'box', 'cls'],
  ...['cls_pw', 'obj', 'obj_pw', 'iou_t', 'anchor_t', 'anchors', 'fl_gamma', 'hsv_h', 'hsv_s', 'hsv_v', 'degrees'],
  ...['translate', 'scale', 'shear', 'perspective', 'flipud', 'fliplr', 'mosaic', 'mixup'],
]
const v60 = [...v31, 'copy_paste']
const archive = [
  ...['giou', 'cls', 'cls_pw', 'obj', 'obj_pw', 'iou_t', 'lr0', 'lrf', 'momentum', 'weight_decay', 'fl_gamma'],
  ...['hsv_h', 'hsv_s', 'hsv_v', 'degrees', 'translate', 'scale', 'shear'],
]

/** v6.0 to master. Anchors are matched by anchor_t; iou_t is left over from before. */
const modern = {
  hypKeys: v60,
  unread: ['iou_t'],
  hyp: 'yaml',
  out: 'project',
  resume: 'yaml',
  ddp: 'torch.distributed.run',
  results: 'csv',
  adamReadsMomentum: true,
  ownFolder: false,
} as const

/** v4.0 and v5.0. */
const middle = {
  ...modern,
  hypKeys: v31,
  ddp: 'torch.distributed.launch',
  results: 'text',
  ownFolder: true,
} as const

/** yolov3's releases of 2020 on darknet cfg files. */
const darknet = {
  ...modern,
  hypKeys: archive,
  unread: ['lrf'],
  hyp: 'text',
  out: 'here',
  resume: 'switch',
  ddp: 'alone',
  results: 'text-f1',
  adamReadsMomentum: false,
  ownFolder: true,
} as const

const yolov5 = (name: string, like: ReleaseName, facts: Omit<YoloRelease, 'family' | 'name' | 'like'>) =>
  ({ family: 'yolov5', name, like, ...facts }) as const
const yolov3 = (name: string, like: ReleaseName, facts: Omit<YoloRelease, 'family' | 'name' | 'like'>) =>
  ({ family: 'yolov3', name, like, ...facts }) as const

/**
 * Newest first. `master` trains as v7.0 does; that its own --evolve is another one is the affair of `--release
 * yolov5-master`.
 */
export const yoloReleases: readonly YoloRelease[] = [
  yolov5('master', 'yolov5-v7.0', modern),
  yolov5('v7.0', 'yolov5-v7.0', modern),
  yolov5('v6.2', 'yolov5-v6.2', modern),
  yolov5('v6.1', 'yolov5-v6.1', modern),
  yolov5('v6.0', 'yolov5-v6.0', modern),
  yolov5('v5.0', 'yolov5-v5.0', middle),
  yolov5('v4.0', 'yolov5-v4.0', middle),
  yolov5('v3.1', 'yolov5-v3.1', { ...middle, out: 'logdir' }),
  yolov5('v3.0', 'yolov5-v3.0', {
    ...middle,
    hypKeys: [...early, 'perspective', 'flipud', 'fliplr', 'mixup'],
    out: 'logdir',
    resume: 'weights',
  }),
  yolov5('v2.0', 'yolov5-v2.0', { ...middle, hypKeys: early, out: 'runs', resume: 'weights' }),
  yolov5('v1.0', 'yolov5-v1.0', {
    ...middle,
    ...{ hypKeys: early, hyp: 'text', out: 'here', resume: 'switch', ddp: 'alone', adamReadsMomentum: false },
  }),
  yolov3('master', 'yolov3-master', modern),
  yolov3('v9.6.0', 'yolov3-v9.6.0', modern),
  yolov3('v9.5.0', 'yolov3-v9.5.0', middle),
  yolov3('v9.1', 'yolov3-v9.1', middle),
  yolov3('v9.0', 'yolov3-v9.0', middle),
  yolov3('v8', 'yolov3-v8', darknet),
  yolov3('v7', 'yolov3-v7', darknet),
  yolov3('2020-01', 'yolov3-2020-01', darknet),
]

/** A flag of an argument parser. */
export interface TrainerFlag {
  /** As written, without dashes: `imgsz`, `save_period`. */
  readonly name: string
  /** All its spellings. */
  readonly spellings: readonly string[]
  /** It takes no value. */
  readonly isSwitch: boolean
  /** It takes several values. */
  readonly isList: boolean
  readonly choices?: readonly string[]
  /** Its default as written in the source: `'data/hyp.scratch.yaml'`, `ROOT / 'yolov5s.pt'`, `100`. */
  readonly fallback?: string
}

/** The flags that a train.py declares, by each of their spellings; its text is read, nothing is run. */
export function readFlags(source: string): ReadonlyMap<string, TrainerFlag> {
  const flags = new Map<string, TrainerFlag>()
  for (const { index } of source.matchAll(/\.add_argument\(/g)) {
    const words = argumentsOf(source, index + '.add_argument('.length).map((word) => word.trim())
    const spellings = words.flatMap((word) => /^["']--([\w-]+)["']$/.exec(word)?.[1] ?? [])
    if (spellings.length === 0) continue
    const named = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1)
    const [choices, fallback] = [named('choices'), named('default')]
    const flag: TrainerFlag = {
      name: spellings[0]!,
      spellings,
      isSwitch: named('action')?.slice(1, -1) === 'store_true',
      isList: /^["'][+*]["']$/.test(named('nargs') ?? ''),
      ...(choices !== undefined && { choices: [...choices.matchAll(/["']([^"']*)["']/g)].map(([, name]) => name!) }),
      ...(fallback !== undefined && { fallback }),
    }
    for (const spelling of spellings) flags.set(spelling, flag)
  }
  return flags
}

/** The arguments of a Python call, as they are written, from behind its bracket. */
function argumentsOf(source: string, from: number): string[] {
  const words = ['']
  let depth = 0
  let quote = ''
  for (let i = from; i < source.length && i < from + 2000; i++) {
    const char = source[i]!
    if (quote === '') {
      if (char === ')' && depth === 0) return words
      if (char === ',' && depth === 0) {
        words.push('')
        continue
      }
      if ('([{'.includes(char)) depth++
      if (')]}'.includes(char)) depth--
      if (char === '"' || char === "'") quote = char
    } else if (char === '\\') words[words.length - 1] += char + source[++i]
    else if (char === quote) quote = ''
    if (char !== '\\') words[words.length - 1] += char
  }
  return words
}

/**
 * The release whose flags these are; the newest if it is newer than all of them.
 *
 * @returns `undefined` if it is none that can be driven: older, or something else
 */
export function recogniseRelease(family: YoloFamily, flags: ReadonlyMap<string, TrainerFlag>): YoloRelease | undefined {
  const name = family === 'yolov5' ? yolov5Name(flags) : yolov3Name(flags)
  return yoloReleases.find((release) => release.family === family && release.name === name)
}

function yolov5Name(flags: ReadonlyMap<string, TrainerFlag>): string | undefined {
  const has = (name: string) => flags.has(name)
  if (!has('epochs') || !has('data') || !has('cfg')) return undefined
  if (has('resume_evolve') || has('evolve_population')) return 'master'
  if (has('seed')) return flags.get('epochs')?.fallback === '300' ? 'v6.2' : 'v7.0'
  if (has('cos-lr')) return 'v6.1'
  if (has('noval')) return 'v6.0'
  if (!has('notest')) return undefined
  if (has('linear-lr')) return 'v5.0'
  if (has('project')) return 'v4.0'
  if (has('image-weights') && has('logdir')) return 'v3.1'
  if (has('logdir')) return 'v3.0'
  if (has('hyp')) return 'v2.0'
  return has('noautoanchor') ? 'v1.0' : undefined
}

function yolov3Name(flags: ReadonlyMap<string, TrainerFlag>): string | undefined {
  const has = (name: string) => flags.has(name)
  if (!has('epochs') || !has('data') || !has('cfg')) return undefined
  if (has('seed')) return 'master'
  if (has('noval')) return 'v9.6.0'
  if (!has('notest')) return undefined
  if (has('linear-lr')) return 'v9.5.0'
  if (has('log-artifacts')) return 'v9.1'
  if (has('project')) return 'v9.0'
  if (has('freeze-layers')) return 'v8'
  if (!has('cache-images') || !has('single-cls')) return has('arc') && has('cache-images') ? '2020-01' : undefined
  return flags.get('img-size')?.isList ? 'v7' : '2020-01'
}

/** The release of a tag of its repository. */
export const releaseOfTag = (family: YoloFamily, tag: string): YoloRelease | undefined =>
  yoloReleases.find((release) => release.family === family && release.name === tag)
