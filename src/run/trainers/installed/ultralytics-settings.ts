// What Ultralytics is told: its settings (default.yaml of the installed release), and how the flags that people know from
// YOLOv5 become them. All is `key=value`, hyperparameters too.
import { UsageError } from '../../../base/index.ts'
import type { Hyp, Ranges } from '../../../search/index.ts'
import type { Installation, InstalledTraining } from './types.ts'

/** A value of a setting. Lists are Python's, as `[0, 1]`. */
export type Setting = string | number | boolean | null | readonly (string | number)[]

/** Ultralytics as it was found. */
export interface UltralyticsInstallation extends Installation {
  /** As `8.3.40`. */
  readonly version: string
  /** All settings of this release with its defaults, in the order of its default.yaml. */
  readonly settings: Readonly<Record<string, Setting>>
  /** Gains and bounds of its own tuner. */
  readonly ranges: Ranges
}

/** An installation that {@link UltralyticsInstallation}'s own `locate` made. */
export const detailsOf = (installation: Installation): UltralyticsInstallation =>
  installation as UltralyticsInstallation

/** Settings that Hypevolve sets itself, and what to give instead. */
const ours: Readonly<Record<string, string>> = {
  model: 'Give --model, as --model yolo11n.pt.',
  data: 'Give --data.',
  epochs: 'Give --epochs.',
  seed: 'Give --seed.',
  device: 'Give --device.',
  mode: 'Every trial is a training.',
  resume: 'Trials that were interrupted go on by themselves.',
  cfg: 'In some releases it would undo all other settings: give its settings one by one, and hyperparameters with --hyp.',
  ...Object.fromEntries(
    ['project', 'name', 'exist_ok', 'save_dir'].map((key) => [key, 'Every trial has a folder of its own.']),
  ),
}

/** Modes of the `yolo` program that are no training. */
const otherModes = ['val', 'predict', 'export', 'track', 'benchmark', 'tune', 'solutions', 'checks', 'settings', 'cfg']

/** Whole numbers to Ultralytics, which refuses 7.0 for them. */
const wholeNumbers = new Set([
  ...['epochs', 'patience', 'batch', 'workers', 'seed', 'close_mosaic', 'mask_ratio', 'max_det', 'nbs', 'save_period'],
  ...['imgsz', 'freeze'],
])

/** Read nowhere although default.yaml has or had them. */
export const neverRead: readonly string[] = ['label_smoothing', 'fl_gamma']

/** Settings of predictions, exports and drawing: no hyperparameters of a training. */
const notOfTraining = new Set([
  ...[
    'task',
    'pretrained',
    'verbose',
    'val',
    'split',
    'save',
    'save_json',
    'save_hybrid',
    'conf',
    'iou',
    'max_det',
    'half',
  ],
  ...['dnn', 'plots', 'source', 'vid_stride', 'stream_buffer', 'visualize', 'augment', 'agnostic_nms', 'classes'],
  ...['retina_masks', 'embed', 'show', 'save_frames', 'save_txt', 'save_conf', 'save_crop', 'show_labels', 'show_conf'],
  ...['show_boxes', 'hide_labels', 'hide_conf', 'boxes', 'line_width', 'line_thickness', 'format', 'keras', 'optimize'],
  ...['int8', 'dynamic', 'simplify', 'opset', 'workspace', 'nms', 'quantize', 'tracker', 'profile', 'time', 'workers'],
  ...['cache', 'save_period', 'min_memory', 'distill_model', 'image_weights', 'v5loader'],
])

/** Settings that a hyp file of this release can hold. */
export const hypKeysOf = (settings: Readonly<Record<string, Setting>>): string[] =>
  Object.keys(settings).filter(
    (key) => !Object.hasOwn(ours, key) && !notOfTraining.has(key) && !neverRead.includes(key),
  )

/**
 * The settings that the flags mean, in order.
 *
 * @throws {@link UsageError} for a flag that the release has no setting for
 */
export function settingsOf(installation: UltralyticsInstallation, training: InstalledTraining): Map<string, Setting> {
  const { settings, release } = installation
  const { weights, cfg, model, ...flags } = training.flags
  const given = new Map<string, Setting>()
  const first = [model, cfg, weights].filter((value) => typeof value === 'string' && value !== '') as string[]
  if (first.length > 0) given.set('model', first[0]!)
  // An architecture with weights: they are transferred, as YOLOv5 does with --cfg and --weights.
  if (first.length > 1 && first.at(-1) === weights) given.set('pretrained', weights)

  for (const [flag, value] of Object.entries(flags)) {
    const [key, setting] = settingOf(flag, value)
    if (key === undefined) continue
    if (!Object.hasOwn(settings, key)) throw lacking(flag, release)
    given.set(key, key === 'multi_scale' && value === true && typeof settings[key] === 'number' ? 0.5 : setting)
  }
  return given
}

/** A flag of YOLOv5 as a setting; no key if there is nothing to set. */
function settingOf(flag: string, value: InstalledTraining['flags'][string]): [key: string | undefined, Setting] {
  switch (flag) {
    case 'batch-size':
      return ['batch', value]
    case 'nosave':
    case 'noval':
    case 'noplots':
      return [flag.slice(2), value !== true]
    case 'linear-lr':
      return value === true ? ['cos_lr', false] : [undefined, null]
    case 'freeze':
    case 'imgsz':
      return [flag, Array.isArray(value) && value.length === 1 ? (value[0] as number) : value]
    default:
      return [flag.replaceAll('-', '_'), value]
  }
}

function lacking(flag: string, release: string): UsageError {
  const why: Readonly<Record<string, string>> = {
    noautoanchor: 'its models have no anchors; leave it out.',
    'label-smoothing': 'it was never read by its losses; leave it out.',
    'image-weights': 'it does not choose images by their weights; leave it out.',
  }
  const otherwise =
    'leave it out. Its own settings are given after "--" as key=value, as in -- close_mosaic=0 dropout=0.1.'
  return new UsageError(`--${flag}: ${release} has no such setting: ${why[flag] ?? otherwise}`)
}

/** A word after `--`, if it sets something: `lr0=0.01`, or a bare `rect`. */
export function passedSetting(word: string): readonly [key: string, value: Setting] | undefined {
  const equals = word.indexOf('=')
  if (equals < 0) return /^[a-z_0-9]+$/.test(word) ? [word, true] : undefined
  const text = word.slice(equals + 1).trim()
  const constants: Readonly<Record<string, Setting>> = { true: true, false: false, none: null }
  const lower = text.toLowerCase()
  const value = Object.hasOwn(constants, lower)
    ? constants[lower]!
    : text !== '' && !Number.isNaN(Number(text))
      ? Number(text)
      : text
  return [word.slice(0, equals).trim().replace(/^--/, ''), lower === 'none' ? null : value]
}

/**
 * Fails early on words after `--` that would undo what a search needs, or that the release does not know.
 *
 * @throws {@link UsageError}
 */
export function checkPassThrough({ release, settings }: UltralyticsInstallation, words: readonly string[]): void {
  for (const word of words) {
    const [key] = passedSetting(word) ?? []
    const shown = JSON.stringify(word)
    if (key === undefined)
      throw new UsageError(`${shown} after "--" is no setting of Ultralytics. Give key=value, as in -- close_mosaic=0.`)
    if (!word.includes('=') && otherModes.includes(key))
      throw new UsageError(`${shown} after "--": every trial is a training. Leave it out.`)
    if (Object.hasOwn(ours, key))
      throw new UsageError(`${shown} after "--": Hypevolve sets ${key} itself. ${ours[key]}`)
    const tasks = ['detect', 'segment', 'classify', 'pose', 'obb', 'semantic', 'depth']
    const isTask = !word.includes('=') && tasks.includes(key)
    if (!isTask && !Object.hasOwn(settings, key))
      throw new UsageError(
        `${shown} after "--": ${release} has no setting ${key}. "yolo cfg" lists its settings with their defaults.`,
      )
  }
}

/** What applies to every trial: flags, then the words after `--`, which win. */
export function fixedSettings(
  installation: UltralyticsInstallation,
  training: InstalledTraining,
): Map<string, Setting> {
  const passed = training.passThrough.flatMap((word) => {
    const setting = passedSetting(word)
    return setting && Object.hasOwn(installation.settings, setting[0]) ? [setting] : []
  })
  return new Map([...settingsOf(installation, training), ...passed])
}

/** The hyp as words; keys that the release does not read are left out. */
export function hypWords({ settings, hypKeys }: UltralyticsInstallation, hyp: Hyp): string[] {
  return Object.entries(hyp).flatMap(([key, value]) =>
    hypKeys.includes(key) && Object.hasOwn(settings, key) ? [settingWord(key, value)] : [],
  )
}

/** `key=value` in Python's spelling. */
export const settingWord = (key: string, value: Setting): string => `${key}=${pythonValue(key, value)}`

function pythonValue(key: string, value: Setting): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return value
  if (typeof value !== 'number') return `[${value.join(',')}]`
  const share = key === 'batch' && value > 0 && value < 1 // of the memory of a GPU
  return String(wholeNumbers.has(key) && !share ? Math.round(value) : value)
}
