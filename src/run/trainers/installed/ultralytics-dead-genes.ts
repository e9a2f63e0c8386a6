// Hyperparameters that an Ultralytics training cannot feel. Each rule says which code of Ultralytics it comes from; they
// hold for all 8.x releases where no version is named.

import type { DeadGene, InstalledTraining } from './types.ts'
import type { DatasetFacts } from './ultralytics-data.ts'
import { fixedSettings, neverRead, type Setting, type UltralyticsInstallation } from './ultralytics-settings.ts'

/** Optimizers with betas instead of a momentum: warm-up changes `momentum` of a parameter group, and they have none. */
const withoutMomentum = ['adam', 'adamax', 'adamw', 'nadam', 'radam']

/** Hyperparameters of one task. */
const ofTask: Readonly<Record<string, string>> = {
  ...{ pose: 'pose', kobj: 'pose', rle: 'pose', angle: 'obb', dlog: 'depth', dgrad: 'depth', dlam: 'depth' },
  ...{
    overlap_mask: 'segment',
    mask_ratio: 'segment',
    dropout: 'classify',
    erasing: 'classify',
    auto_augment: 'classify',
  },
}

/** Endings of the names of models, as in yolo11n-seg.pt. */
const tasks: Readonly<Record<string, string>> = {
  ...{ '': 'detect', seg: 'segment', cls: 'classify', pose: 'pose', obb: 'obb', sem: 'semantic', depth: 'depth' },
}

/**
 * @param keys - all keys of the search
 * @param data - what is known of the data set
 */
export function deadGenesOf(
  installation: UltralyticsInstallation,
  training: InstalledTraining,
  keys: readonly string[],
  data: DatasetFacts,
): readonly DeadGene[] {
  const { release, version, settings } = installation
  const fixed = fixedSettings(installation, training)
  /** The same for all trials; `undefined` if the search varies it. */
  const constant = (key: string): Setting | undefined =>
    fixed.has(key) ? fixed.get(key) : keys.includes(key) ? undefined : settings[key]
  const dead = new Map<string, DeadGene>()
  const kill = (among: readonly string[], why: string, remedy?: DeadGene['remedy']) => {
    for (const key of among)
      if (keys.includes(key) && !dead.has(key)) dead.set(key, { key, why, ...(remedy && { remedy }) })
  }

  kill(neverRead, `${release} reads it nowhere in a training`)
  kill(
    keys.filter((key) => !Object.hasOwn(settings, key)),
    `${release} has no such setting`,
  )
  kill(
    keys.filter((key) => !installation.hypKeys.includes(key)),
    `${release} does not take it from a search`,
  )
  for (const key of keys) if (fixed.has(key)) kill([key], `${key} is given for all trials`)

  // engine/trainer.py, build_optimizer (since 8.0.108)
  const optimizer = String(constant('optimizer') ?? '').toLowerCase()
  if (optimizer === 'auto')
    kill(
      ['lr0', 'momentum', 'warmup_bias_lr'],
      'optimizer=auto chooses the optimizer with its learning rate and momentum by itself',
      { optimizer: 'SGD' },
    )
  if (withoutMomentum.includes(optimizer))
    kill(['warmup_momentum'], `${constant('optimizer')} has no momentum that could be warmed up`)

  // data/dataset.py, build_transforms
  if (constant('rect') === true)
    kill(['mosaic', 'mixup', 'cutmix', 'close_mosaic'], 'with rect images are never put together', { rect: false })

  // engine/trainer.py, _do_train; data/dataset.py, close_mosaic
  const epochs = Number(training.flags['epochs'])
  const last = constant('close_mosaic')
  if (typeof last === 'number' && last >= 1 && epochs <= last && (epochs === last || isAtLeast(version, [8, 4, 157])))
    kill(
      ['mosaic', 'mixup', 'cutmix', 'copy_paste'],
      `close_mosaic=${last} switches it off for the last ${last} epochs, and there are ${epochs}`,
      { close_mosaic: 0 },
    )

  const task = taskOf(constant('model'), constant('task'))
  for (const [key, needed] of Object.entries(ofTask))
    if (task !== undefined && task !== needed) kill([key], `only trainings of the task ${needed} use it`)

  // data/augment.py, CopyPaste: boxes alone are not pasted
  if (task === 'detect' && data.polygons === false)
    kill(['copy_paste'], 'the labels are boxes, without outlines to cut out')
  // models/yolo/detect/train.py, set_class_weights: the mean of the weights is 1
  if (constant('single_cls') === true || data.classes === 1) kill(['cls_pw'], 'there is one class')
  return keys.flatMap((key) => dead.get(key) ?? [])
}

/** What the name of an official model says, as yolo11n-seg.pt; else the task that was given. */
function taskOf(model: Setting | undefined, task: Setting | undefined): string | undefined {
  const name = /(?:^|[/\\])yolov?\d+[a-z]?u?(?:-([a-z]+))?\.(?:pt|yaml)$/.exec(String(model ?? ''))
  if (name) return tasks[name[1] ?? '']
  return typeof task === 'string' && task !== 'detect' ? task : undefined
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const numbers = version.split('.').map((part) => Number.parseInt(part, 10))
  const at = least.findIndex((number, i) => number !== numbers[i])
  return at < 0 || (numbers[at] ?? 0) > least[at]!
}
