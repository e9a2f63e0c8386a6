// The hyperparameters that the trainer reads: names, defaults, possible values, and where they come from.
import {
  HypFileInvalidError,
  HypKeyUnknownError,
  HypPresetUnsupportedError,
  HypValueInvalidError,
  readYaml,
  YamlProblem,
} from '../base/index.ts'
import { isYolov3Hyp, yolov3Hyp, yolov3Release } from './darknet/hyp.ts'
import { findPreset } from './presets.ts'
import { resolveFile } from './resolve.ts'

/** One hyperparameter of the trainer. */
export interface HypKey {
  /** Value of the default set, scratch-low of v7.0; undefined: left out there. */
  readonly default: number | undefined
  /** Smallest and largest value with which a training means anything. Searches have narrower bounds of their own. */
  readonly low: number
  readonly high: number
  readonly about: string
}

const key = (value: number | undefined, low: number, high: number, about: string): HypKey => ({
  default: value,
  low,
  high,
  about,
})

/** All hyperparameters, in the order of v7.0's files. */
export const trainHyp = {
  lr0: key(0.01, 0, 10, 'learning rate at the start (SGD 0.01, Adam 0.001)'),
  lrf: key(0.01, 0, 10, 'learning rate at the end, as a factor of lr0'),
  momentum: key(0.937, 0, 0.9999, 'momentum of SGD, first beta of Adam'),
  weight_decay: key(0.0005, 0, 1, 'weight decay at 64 images per optimizer step'),
  warmup_epochs: key(3, 0, 1000, 'epochs of warm-up'),
  warmup_momentum: key(0.8, 0, 0.9999, 'momentum at the start of warm-up'),
  warmup_bias_lr: key(0.1, 0, 10, 'learning rate of biases at the start of warm-up'),
  box: key(0.05, 0, 1000, 'gain of the box loss'),
  cls: key(0.5, 0, 1000, 'gain of the class loss'),
  cls_pw: key(1, 0, 1000, 'weight of positives in the class loss'),
  obj: key(1, 0, 1000, 'gain of the objectness loss'),
  obj_pw: key(1, 0, 1000, 'weight of positives in the objectness loss'),
  iou_t: key(0.2, 0, 1, 'unused by YOLOv5 since its first release; kept in the files'),
  anchor_t: key(4, 1, 1000, 'largest ratio of sides between a box and its anchor'),
  anchors: key(undefined, 0, 20, 'anchors per level, found anew for the data set; 0 keeps the model’s'),
  fl_gamma: key(0, 0, 10, 'gamma of the focal loss; 0: off'),
  hsv_h: key(0.015, 0, 1, 'hue change, as a fraction'),
  hsv_s: key(0.7, 0, 1, 'saturation change, as a fraction'),
  hsv_v: key(0.4, 0, 1, 'brightness change, as a fraction'),
  degrees: key(0, 0, 180, 'rotation in degrees, either way'),
  translate: key(0.1, 0, 1, 'shift, as a fraction of the image, either way'),
  scale: key(0.5, 0, 0.99, 'zoom, as a gain, either way'),
  shear: key(0, 0, 89, 'shear in degrees, either way'),
  perspective: key(0, 0, 0.01, 'perspective, either way'),
  flipud: key(0, 0, 1, 'probability of an upside-down flip'),
  fliplr: key(0.5, 0, 1, 'probability of a left-right flip'),
  mosaic: key(1, 0, 1, 'probability of a mosaic of several images'),
  mixup: key(0, 0, 1, 'probability of mixing two mosaics'),
  copy_paste: key(0, 0, 1, 'share of objects with polygons that a mosaic gets again, mirrored'),
} as const satisfies Record<string, HypKey>

export type TrainHypKey = keyof typeof trainHyp

/** A complete set; only `anchors` may be absent. Keys stand in the order of the file they came from. */
export type TrainHyp = Readonly<Record<Exclude<TrainHypKey, 'anchors'>, number>> & { readonly anchors?: number }

/** A set with what is worth telling about it. */
export interface LoadedHyp {
  /** A {@link TrainHyp}, or the 18 of YOLOv3's trainer. */
  readonly hyp: Readonly<Record<string, number>>
  /** Release in `search` whose ranges, sampler and fitness belong to the set, where that is not YOLOv5's. */
  readonly release?: string
  /** File or preset, for messages. */
  readonly source: string
  /** Use the cosine schedule even without `--cos-lr`: the preset's release did. */
  readonly cosLr: boolean
  /** One sentence each: keys filled with defaults, old names. */
  readonly notes: readonly string[]
}

/**
 * Loads hyperparameters by file or preset name (see {@link findPreset} for the forms).
 *
 * @throws {@link FileNotResolvedError}, {@link HypFileInvalidError}, {@link HypKeyUnknownError},
 * {@link HypValueInvalidError}, {@link HypPresetUnsupportedError}
 */
export function loadHyp(name: string, cwd = process.cwd()): LoadedHyp {
  const resource = resolveFile('hyp', name, cwd)
  if (resource.path !== undefined) return { ...parseHyp(resource.text, resource.source), cosLr: false }

  const preset = findPreset(name)!
  if (preset.unsupported) throw new HypPresetUnsupportedError(preset.name, preset.unsupported)
  const { optimizer: _, ...values }: Record<string, number | string> = preset.raw
  if (preset.cosine && values['lrf'] === undefined) values['lrf'] = 0.2 // written into those releases' schedule
  const checked = checkHyp(values, preset.name)
  const notes = preset.cosine
    ? [...checked.notes, `${preset.name}: with the cosine schedule of that release.`]
    : checked.notes
  return { ...checked, notes, cosLr: preset.cosine }
}

/**
 * The values of a file or preset as they stand there, for whatever trainer they are meant: nothing is checked, renamed
 * or completed.
 *
 * @throws {@link FileNotResolvedError}, {@link HypFileInvalidError}
 */
export function rawHyp(name: string, cwd = process.cwd()): { hyp: Readonly<Record<string, unknown>>; source: string } {
  const { text, source } = resolveFile('hyp', name, cwd)
  return { hyp: parseContent(text, source), source }
}

/**
 * The set that a training takes if it is told none, by the model: that of January 2020 for a Darknet cfg, else scratch-low.
 *
 * @param cfg - model file, '' if the model comes from the weights
 */
export const defaultHypName = (cfg: string): string => (/\.cfg$/i.test(cfg) ? 'yolov3@01dbdc45' : 'scratch-low')

/** Parses a hyp yaml. @throws as {@link loadHyp} */
export function parseHyp(text: string, source: string): Omit<LoadedHyp, 'cosLr'> {
  return checkHyp(parseContent(text, source), source)
}

function parseContent(text: string, source: string): Readonly<Record<string, unknown>> {
  let content: unknown
  try {
    content = readYaml(text, 0)
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    throw new HypFileInvalidError(source, `${error.message}.`, { cause: error })
  }
  if (content === null || typeof content !== 'object' || Array.isArray(content))
    throw new HypFileInvalidError(source, content === null ? 'it is empty.' : 'it holds no keys with values.')
  return content as Record<string, unknown>
}

/**
 * Checks keys and values and completes the set with defaults.
 *
 * @param source - name of the origin, for messages
 * @throws {@link HypKeyUnknownError}, {@link HypValueInvalidError}
 */
export function checkHyp(values: Readonly<Record<string, unknown>>, source: string): Omit<LoadedHyp, 'cosLr'> {
  const yolov3 = isYolov3Hyp(Object.keys(values))
  const table: Readonly<Record<string, HypKey>> = yolov3 ? yolov3Hyp : trainHyp
  const known = Object.keys(table)
  const hyp: Record<string, number> = {}
  const notes: string[] = []
  for (const [name, value] of Object.entries(values)) {
    // YOLOv5 up to v3.0 called the box gain after the loss of its day.
    const target = name === 'giou' && !yolov3 && !('box' in values) ? 'box' : name
    if (target !== name) notes.push(`${source}: "${name}" is read as "${target}".`)
    if (!Object.hasOwn(table, target)) {
      if (name === 'label_smoothing') throw new HypKeyUnknownError(source, name, 'the option --label-smoothing', known)
      throw new HypKeyUnknownError(source, name, nearest(name, known), known)
    }
    const { low, high } = table[target]!
    if (typeof value !== 'number' || !(value >= low && value <= high))
      throw new HypValueInvalidError(source, name, value, low, high)
    hyp[target] = value
  }
  const filled = known.filter((name) => hyp[name] === undefined && table[name]!.default !== undefined)
  for (const name of filled) hyp[name] = table[name]!.default!
  if (filled.length > 0) {
    const list = filled.map((name) => `${name} ${table[name]!.default}`).join(', ')
    notes.push(`${source} leaves out, default taken: ${list}.`)
  }
  return { hyp, source, notes, ...(yolov3 && { release: yolov3Release }) }
}

/** The known name that a typing error most likely meant, if one is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  let best: string | undefined
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1)
      next.push(least)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
