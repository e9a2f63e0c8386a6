// Ultralytics (YOLOv8 and later), as a package or a clone: `yolo train key=value …`, results in results.csv.
// Its facts were read from the 8.x releases on PyPI; docs/trainers-ultralytics.md is the manual.
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { UsageError } from '../../../base/index.ts'
import { formatHyp, type Parameter, SearchSpace } from '../../../search/index.ts'
import { isShort, scaledEpochs, warmupKey } from '../../length.ts'
import type { SlotResources, TrainJob } from '../../trainer.ts'
import type { Installation, InstalledTrainer, InstalledTraining, ProcessPlan } from './types.ts'
import { classifyUltralytics } from './ultralytics-classify.ts'
import { datasetFacts } from './ultralytics-data.ts'
import { deadGenesOf } from './ultralytics-dead-genes.ts'
import { locateUltralytics } from './ultralytics-locate.ts'
import { epochsDone, readUltralytics } from './ultralytics-results.ts'
import {
  checkPassThrough,
  detailsOf,
  fixedSettings,
  hypWords,
  passedSetting,
  type Setting,
  settingsOf,
  settingWord,
  type UltralyticsInstallation,
} from './ultralytics-settings.ts'

/** Its tuner rounds to so many decimals. */
const decimals = 5

/** Evolved by few, so kept in the hyp but at rest: `--set warmup_bias_lr=0..0.2` moves it. */
const atRest = ['warmup_bias_lr']

/** Ultralytics 8.x. */
export const ultralytics: InstalledTrainer = {
  name: 'ultralytics',
  locate: locateUltralytics,

  /**
   * The keys of its own tuner with the values of default.yaml. What is given for all trials is not among them, nor is
   * close_mosaic in trainings so short that it would decide over mosaic as a whole.
   */
  async defaultHyp(installation, training) {
    const { settings, ranges, release } = detailsOf(installation)
    const fixed = fixedSettings(detailsOf(installation), training)
    const isShort = Number(training.flags['epochs']) <= (ranges['close_mosaic']?.upper ?? 0)
    const keys = Object.keys(settings).filter(
      (key) =>
        (Object.hasOwn(ranges, key) || atRest.includes(key)) && !fixed.has(key) && !(key === 'close_mosaic' && isShort),
    )
    return {
      hyp: Object.fromEntries(keys.map((key) => [key, settings[key] as number])),
      source: `default.yaml of ${release}`,
    }
  },

  space(installation, hyp) {
    const { ranges, settings } = detailsOf(installation)
    const entries = Object.entries(hyp).map(([key, start]): [string, Parameter] => {
      const range = Object.hasOwn(ranges, key) ? ranges[key] : undefined
      if (typeof start !== 'number') return [key, { kind: 'fixed', start }]
      if (range === undefined) return [key, { kind: 'range', gain: 0, start }]
      if (key === 'close_mosaic')
        return [key, { kind: 'integer', lower: range.lower ?? 0, upper: range.upper ?? 10, start: Math.round(start) }]
      return [key, { kind: 'range', ...range, start }]
    })
    const left = Object.keys(ranges).filter((key) => !Object.hasOwn(hyp, key) && Object.hasOwn(settings, key))
    const notes = left.length === 0 ? [] : [`Not in the hyp, so left at Ultralytics' own values: ${left.join(', ')}.`]
    return new SearchSpace(Object.fromEntries(entries), { decimals, notes, source: "Ultralytics' search space" })
  },

  check(installation, training) {
    const details = detailsOf(installation)
    const settings = settingsOf(details, training)
    if (!settings.get('data')) throw new UsageError('--trainer ultralytics needs a data set: --data coco8.yaml.')
    if (!settings.get('model')) throw new UsageError('--trainer ultralytics needs a model: --model yolo11n.pt.')
    checkPassThrough(details, training.passThrough)
  },

  traits(installation, training) {
    const details = detailsOf(installation)
    const fixed = fixedSettings(details, training)
    return {
      anyLength: (fixed.get('time') ?? null) === null, // trains for so many hours, whatever its epochs
      seeded: true,
      warmupEpochs(hyp) {
        const warmup = fixed.get(warmupKey) ?? hyp[warmupKey] ?? details.settings[warmupKey]
        return typeof warmup === 'number' ? warmup : 0
      },
    }
  },

  deadGenes(installation, training, keys) {
    const data = training.flags['data']
    return deadGenesOf(detailsOf(installation), training, keys, typeof data === 'string' ? datasetFacts(data) : {})
  },

  plan,

  read: (_installation, out, onEpoch, after) => readUltralytics(out, onEpoch, after),

  classify: classifyUltralytics,
}

async function plan(
  installation: Installation,
  training: InstalledTraining,
  job: TrainJob & { readonly directory: string },
  { device }: SlotResources,
): Promise<ProcessPlan> {
  const details = detailsOf(installation)
  const out = join(job.directory, 'out')
  const last = join(out, 'weights/last.pt')
  const goesOn = resumable(out, last, Number(training.flags['epochs']))
  // Releases before 8.3 add to a results.csv that is there.
  if (!goesOn) await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  await writeFile(join(job.directory, 'hyp.yaml'), formatHyp(job.hyp))

  const { hyp, settings, passThrough } = sized(details, training, job)
  if (goesOn) settings.set('model', last)
  const words = [
    ...details.start,
    'train',
    ...[...settings].filter(([key]) => first.includes(key)).map(([key, value]) => settingWord(key, value)),
    ...hypWords(details, hyp),
    ...[...settings].filter(([key]) => !first.includes(key)).map(([key, value]) => settingWord(key, value)),
    ...trialSettings(job, device, goesOn).map(([key, value]) => settingWord(key, value)),
    ...(settings.has('plots') ? [] : ['plots=False']),
    ...passThrough,
  ]
  return { words, env: environment(details.repo), cwd: process.cwd() }
}

/** Settings that are numbers of epochs, beside that of the training. */
const countsEpochs: readonly string[] = [warmupKey, 'close_mosaic']

/**
 * What a training is told, with warm-up and the last epochs without mosaic in proportion to its length, whoever said them:
 * the user, the search, or Ultralytics.
 */
function sized(details: UltralyticsInstallation, training: InstalledTraining, { hyp, length }: TrainJob) {
  const settings = settingsOf(details, training)
  const { passThrough } = training
  if (!isShort(length)) return { hyp, settings, passThrough }
  const fixed = fixedSettings(details, training)
  const scaled = new Map<string, number>()
  for (const key of countsEpochs) {
    const value = fixed.get(key) ?? hyp[key] ?? details.settings[key]
    if (!Object.hasOwn(details.settings, key) || typeof value !== 'number') continue
    const epochs = scaledEpochs(value, length)
    scaled.set(key, key === warmupKey ? epochs : Math.round(epochs))
  }
  return {
    hyp: Object.fromEntries(Object.entries(hyp).filter(([key]) => !scaled.has(key))),
    settings: new Map([...settings, ...scaled]),
    passThrough: passThrough.filter((word) => !scaled.has(passedSetting(word)?.[0] ?? '')),
  }
}

/** What people look for first in a command. */
const first: readonly string[] = ['model', 'data', 'epochs']

function trialSettings(
  job: TrainJob & { readonly directory: string },
  device: string,
  goesOn: boolean,
): [string, Setting][] {
  if (device === 'webgpu') throw new UsageError('--device webgpu: Ultralytics trains with cpu, mps or GPU numbers.')
  return [
    ['seed', job.seed],
    ...(device === '' ? [] : ([['device', device.replaceAll('+', ',')]] as [string, Setting][])),
    ['project', job.directory],
    ['name', 'out'],
    ['exist_ok', true],
    ...(goesOn ? ([['resume', true]] as [string, Setting][]) : []),
  ]
}

/**
 * No hosted loggers, which would make an upload of every trial, and nothing is installed in passing. Who sets one of these
 * variables himself keeps it.
 */
function environment(repo: string | undefined): Record<string, string> {
  const quiet: Readonly<Record<string, string>> = {
    YOLO_AUTOINSTALL: 'false',
    WANDB_MODE: 'disabled',
    COMET_MODE: 'disabled',
    CLEARML_OFFLINE_MODE: '1',
    NEPTUNE_MODE: 'debug',
    ULTRALYTICS_DVC_DISABLED: 'true',
    MLFLOW_TRACKING_URI: '', // a folder below runs/
  }
  const path = [repo, process.env['PYTHONPATH']]
    .filter((folder) => folder !== undefined && folder !== '')
    .join(delimiter)
  return {
    ...Object.fromEntries(Object.entries(quiet).map(([name, value]) => [name, process.env[name] ?? value])),
    // Workers of several GPUs are started from a file elsewhere.
    ...(repo !== undefined && { PYTHONPATH: path }),
  }
}

/** Whether a training can go on: a whole checkpoint is there, and epochs are left (after the last one it is stripped). */
function resumable(out: string, last: string, epochs: number): boolean {
  const done = epochsDone(out)
  return existsSync(last) && done >= 1 && done < epochs && isWholeArchive(last)
}

/** PyTorch's checkpoints are zip archives: their directory stands at the end, and is missing in one half written. */
function isWholeArchive(path: string): boolean {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const { size } = fstatSync(file)
    const end = Buffer.alloc(Math.min(size, 1024))
    readSync(file, end, 0, end.length, size - end.length)
    return end.includes('PK\x05\x06', 0, 'latin1')
  } catch {
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
