// Settings of a training that a search space may hold beside hyperparameters: the optimizer, the batch, the image size, the
// model. They have the names of train.py's flags, so that a hyp that was found reads like its command line.
import type { Hyp, HypValue } from '../../search/index.ts'

interface Setting {
  /** Flag of YOLOv5's train.py, without dashes. */
  readonly flag: string
  /** What it must be, for people. */
  readonly form: string
  isValid(value: HypValue): boolean
  /** Name of our own trainer's option. */
  readonly option: string
}

const whole = (value: HypValue, least: number, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
const isSwitch = (value: HypValue): boolean => typeof value === 'boolean'
const isName = (value: HypValue): boolean => typeof value === 'string' && value !== ''

const batch: Setting = {
  flag: 'batch-size',
  form: 'a whole number from 1 to 4096',
  isValid: (value) => whole(value, 1, 4096),
  option: 'batchSize',
}

/** By the key of the space. */
export const trainingSettings: Readonly<Record<string, Setting>> = {
  optimizer: {
    flag: 'optimizer',
    form: 'SGD, Adam or AdamW',
    isValid: (value) => value === 'SGD' || value === 'Adam' || value === 'AdamW',
    option: 'optimizer',
  },
  batch,
  batch_size: batch,
  imgsz: {
    flag: 'imgsz',
    form: 'a whole number from 32 to 8192',
    isValid: (value) => whole(value, 32, 8192),
    option: 'imagePx',
  },
  cfg: {
    flag: 'cfg',
    form: 'the name of a model file',
    isValid: isName,
    option: 'cfg',
  },
  weights: {
    flag: 'weights',
    form: "the name of a weights file, or ''",
    isValid: (value) => typeof value === 'string',
    option: 'weights',
  },
  label_smoothing: {
    flag: 'label-smoothing',
    form: 'a number from 0 to 0.99',
    isValid: (value) => typeof value === 'number' && value >= 0 && value <= 0.99,
    option: 'labelSmoothing',
  },
  cos_lr: {
    flag: 'cos-lr',
    form: 'true or false',
    isValid: isSwitch,
    option: 'cosLr',
  },
  multi_scale: {
    flag: 'multi-scale',
    form: 'true or false',
    isValid: isSwitch,
    option: 'multiScale',
  },
  image_weights: {
    flag: 'image-weights',
    form: 'true or false',
    isValid: isSwitch,
    option: 'imageWeights',
  },
}

const isSetting = (key: string) => Object.hasOwn(trainingSettings, key)

/** The hyperparameters of a hyp, and its settings apart. */
export function splitSettings(hyp: Hyp): { readonly hyp: Hyp; readonly settings: Hyp } {
  const entries = Object.entries(hyp)
  if (!entries.some(([key]) => isSetting(key))) return { hyp, settings: {} }
  return {
    hyp: Object.fromEntries(entries.filter(([key]) => !isSetting(key))),
    settings: Object.fromEntries(entries.filter(([key]) => isSetting(key))),
  }
}

/** Our own trainer's options for them, by name. */
export const settingOptions = (settings: Hyp): Readonly<Record<string, HypValue>> =>
  Object.fromEntries(Object.entries(settings).map(([key, value]) => [trainingSettings[key].option, value]))

/** The flags of YOLOv5's train.py for them, without dashes. */
export const settingFlags = (settings: Hyp): Readonly<Record<string, HypValue>> =>
  Object.fromEntries(Object.entries(settings).map(([key, value]) => [trainingSettings[key].flag, value]))

/** Why a setting cannot have a value, for people; `undefined` if it can. */
export function settingProblem(key: string, value: HypValue): string | undefined {
  const setting = trainingSettings[key]
  return setting.isValid(value) ? undefined : `${key} cannot be ${JSON.stringify(value)}; it is ${setting.form}`
}
