// The best hyp in the words of another program: the keys that a release of YOLOv5 or yolov3 reads, Ultralytics' names, or
// a command line of ours.
import { formatG, HypFormatUnknownError } from '../../base/index.ts'
import type { Hyp, HypValue, Metrics } from '../../search/index.ts'
import { type EvolveRelease, formatOfRelease } from './formats.ts'
import { yamlValue } from './hyp-yaml.ts'
import { releaseKeys } from './keys.ts'

/** What `formatBest` cannot know by itself. */
export interface BestOptions {
  /** First comment line: where the hyp comes from, as `Trial 17 of runs/evolve/exp, fitness 0.41`. */
  readonly title?: string
  /** For `cli`: arguments of the study's trainings without `--hyp`, and the file that holds the hyp. */
  readonly train?: { readonly arguments: readonly string[]; readonly hypFile: string }
}

/** Names that `formatBest` takes: `yolov5` and `yolov3` are the last release of each. */
export const bestFormats: readonly string[] = [
  'yolov5',
  'yolov3',
  ...Object.keys(formatOfRelease).map((release) => release.replace('-', '@')),
  'ultralytics',
  'cli',
]

/**
 * The text that another program reads the hyp from.
 *
 * `yolov5`, `yolov5@v6.2`, `yolov3@v9.6.0` …: a hyp yaml with the keys that the release reads, in its order. What it does
 * not know is left out, what the hyp lacks gets the release's own value; comments say which.
 * `ultralytics`: a yaml for `yolo train cfg=…`; loss gains and anchors mean something else there and become comments.
 * `cli`: arguments for a shell, `hypevolve train … --hyp …`.
 *
 * @throws {@link HypFormatUnknownError}
 */
export function formatBest(hyp: Hyp, metrics: Metrics, format: string, options: BestOptions = {}): string {
  if (format === 'cli') return commandLine(options)
  const head = header(metrics, options.title)
  if (format === 'ultralytics') return head + ultralytics(hyp)
  const release = { yolov5: 'yolov5-v7.0', yolov3: 'yolov3-master' }[format] ?? format.replace('@', '-')
  if (!Object.hasOwn(formatOfRelease, release)) throw new HypFormatUnknownError(format, bestFormats)
  return head + forRelease(hyp, release as EvolveRelease)
}

function header(metrics: Metrics, title: string | undefined): string {
  const ofClass = (key: string) => key.includes('/') // one line for 80 classes would be none to read
  const measured = Object.entries(metrics)
    .filter(([key]) => !ofClass(key))
    .map(([key, value]) => `${key} ${formatG(value, 5)}`)
  return [title, measured.join(', ')]
    .filter((line): line is string => line !== undefined && line !== '')
    .map((line) => `# ${line.replace(/\s+/g, ' ')}\n`)
    .join('')
}

const line = (key: string, value: HypValue, comment?: string) =>
  `${key}: ${yamlValue(value)}${comment === undefined ? '' : `  # ${comment}`}\n`

/** Values of which kind a hyp holds: loss gains and the last learning rate mean other things from kind to kind. */
type Scale = 'yolov3-2019' | 'yolov3-2020' | 'yolov5'

const scaleOf = (keys: { includes(key: string): boolean }): Scale =>
  keys.includes('k') ? 'yolov3-2019' : keys.includes('giou') && !keys.includes('anchor_t') ? 'yolov3-2020' : 'yolov5'

const boundToScale = new Set(['giou', 'box', 'cls', 'cls_pw', 'obj', 'obj_pw', 'conf', 'iou_t', 'lrf', 'fl_gamma'])

function forRelease(hyp: Hyp, release: EvolveRelease): string {
  const { required, anchors } = releaseKeys[release]
  const sameScale = scaleOf(Object.keys(hyp)) === scaleOf(required)
  const used = new Set<string>()
  const take = (key: string): HypValue | undefined => {
    if (!Object.hasOwn(hyp, key) || (!sameScale && boundToScale.has(key))) return undefined
    used.add(key)
    return hyp[key]
  }
  let body = ''
  for (const key of required) {
    const value = take(key)
    const renamed = key === 'giou' ? 'box' : key === 'box' ? 'giou' : undefined
    const other = value === undefined && renamed !== undefined ? take(renamed) : undefined
    if (value !== undefined) body += line(key, value)
    else if (other !== undefined) body += line(key, other, `called ${renamed} elsewhere`)
    else body += line(key, ownValue(release, key), `not in this hyp: the value that ${release} ships with`)
    if (key === 'anchor_t' && anchors && Object.hasOwn(hyp, 'anchors')) body += line('anchors', take('anchors')!)
  }
  const dropped = Object.keys(hyp).filter((key) => !used.has(key))
  const why = sameScale ? 'does not read' : 'does not read, or reads on another scale'
  return (
    (dropped.length > 0 ? `# Left out, since ${release} ${why}: ${dropped.join(', ')}\n` : '') +
    (release === 'yolov5-v2.0' ? '# v2.0 reads "optimizer" too: SGD or adam\n' : '') +
    body
  )
}

// Shipped values by key, and where they differ from release to release. Source: reference/evolve/hyps.json.
const shipped: Readonly<Record<string, number>> = {
  lr0: 0.01,
  lrf: 0.01,
  momentum: 0.937,
  weight_decay: 0.0005,
  warmup_epochs: 3,
  warmup_momentum: 0.8,
  warmup_bias_lr: 0.1,
  box: 0.05,
  giou: 0.05,
  cls: 0.5,
  cls_pw: 1,
  obj: 1,
  obj_pw: 1,
  iou_t: 0.2,
  anchor_t: 4,
  fl_gamma: 0,
  hsv_h: 0.015,
  hsv_s: 0.7,
  hsv_v: 0.4,
  degrees: 0,
  translate: 0.1,
  scale: 0.5,
  shear: 0,
  perspective: 0,
  flipud: 0,
  fliplr: 0.5,
  mosaic: 1,
  mixup: 0,
  copy_paste: 0,
}

const yolov3Shipped = {
  giou: 3.54,
  cls: 37.4,
  obj: 64.3,
  lrf: 0.0005,
  weight_decay: 0.000484,
  hsv_h: 0.0138,
  hsv_s: 0.678,
  hsv_v: 0.36,
  translate: 0,
  scale: 0,
}
const v31Shipped = { lrf: 0.2 }

const shippedElsewhere: Partial<Record<EvolveRelease, Readonly<Record<string, number>>>> = {
  'yolov3-v6': {
    k: 10.39,
    xy: 0.1367,
    wh: 0.01057,
    cls: 0.01181,
    conf: 0.8409,
    iou_t: 0.1287,
    lr0: 0.001028,
    lrf: -3.441,
    momentum: 0.9127,
    weight_decay: 0.0004841,
  },
  'yolov3-2020-01': {
    ...yolov3Shipped,
    obj: 49.5,
    iou_t: 0.225,
    lr0: 0.00579,
    lrf: -4,
    fl_gamma: 0.5,
    degrees: 1.98,
    translate: 0.05,
    scale: 0.05,
    shear: 0.641,
  },
  'yolov3-v7': yolov3Shipped,
  'yolov3-v8': { ...yolov3Shipped, weight_decay: 0.0005 },
  'yolov3-v9.0': v31Shipped,
  'yolov3-v9.1': v31Shipped,
  'yolov3-v9.5.0': v31Shipped,
  'yolov5-v1.0': { cls: 0.58, hsv_h: 0.014, hsv_s: 0.68, hsv_v: 0.36, translate: 0 },
  'yolov5-v2.0': { translate: 0 },
  'yolov5-v3.0': { translate: 0.5 },
  'yolov5-v3.1': v31Shipped,
  'yolov5-v4.0': v31Shipped,
  'yolov5-v5.0': v31Shipped,
}

/** The value of a key that a release reads, as it ships (its hyp for training from scratch). */
export const ownValue = (release: EvolveRelease, key: string): number =>
  shippedElsewhere[release]?.[key] ?? shipped[key]

/** YOLOv5's hyperparameters that Ultralytics knows by the same name and meaning. */
const ultralyticsKeys = [
  'lr0',
  'lrf',
  'momentum',
  'weight_decay',
  'warmup_epochs',
  'warmup_momentum',
  'warmup_bias_lr',
  'hsv_h',
  'hsv_s',
  'hsv_v',
  'degrees',
  'translate',
  'scale',
  'shear',
  'perspective',
  'flipud',
  'fliplr',
  'mosaic',
  'mixup',
  'copy_paste',
]

function ultralytics(hyp: Hyp): string {
  const own = Object.hasOwn(hyp, 'dfl') // a hyp of Ultralytics itself: all of it is in its words
  const carried = own ? Object.keys(hyp) : ultralyticsKeys.filter((key) => Object.hasOwn(hyp, key))
  const left = Object.keys(hyp).filter((key) => !carried.includes(key))
  const gains = left.filter((key) => ['box', 'cls', 'giou'].includes(key))
  const rest = left.filter((key) => !gains.includes(key))
  const comment = (keys: readonly string[]) => keys.map((key) => `#   ${line(key, hyp[key])}`).join('')
  // it refuses 10.0 where it wants a whole number, but takes 10 anywhere
  const entry = (key: string) => (Number.isInteger(hyp[key]) ? `${key}: ${hyp[key]}\n` : line(key, hyp[key]))
  return (
    '# For `yolo train cfg=<this file>`. With optimizer=auto, its default, lr0 and momentum are ignored: say optimizer=SGD.\n' +
    carried.map(entry).join('') +
    (gains.length > 0
      ? `# Loss gains do not carry over: there the losses are others, with gains around box 7.5, cls 0.5, dfl 1.5.\n${comment(gains)}`
      : '') +
    (rest.length > 0 ? `# Not known there (no anchors, no objectness):\n${comment(rest)}` : '')
  )
}

function commandLine({ train, title }: BestOptions): string {
  const words = train ? [...train.arguments, '--hyp', train.hypFile] : ['--hyp', 'hyp.yaml']
  return `${title === undefined ? '' : `# ${title.replace(/\s+/g, ' ')}\n`}hypevolve train ${words.map(shellWord).join(' ')}\n`
}

/** A word for a POSIX shell. */
const shellWord = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
