// What an evolution trains: our own trainer, one of this machine or any program, and what identifies such a training.
import { relative, resolve } from 'node:path'
import { UsageError } from '../../base/index.ts'
import type { TrainOptions } from '../../detect/index.ts'
import type { SearchSpace } from '../../search/index.ts'
import type { Json } from '../../study/index.ts'
import type { TrainerName, TrainFlags } from '../cli/train-flags.ts'
import type { Terminal } from '../console/terminal.ts'
import { fetchAssets } from '../fetch-assets.ts'
import type { StartHyp } from '../search.ts'
import { toTrainOptions, usualBatch } from '../train-options.ts'
import { type InstalledPart, installedTraining, isInstalled } from './installed.ts'

/** A training without its hyperparameters. */
export interface EvolvedTraining {
  readonly trainer: TrainerName
  /** Of the embedded trainer. */
  readonly options?: TrainOptions
  /** Of the command trainer: the program and its arguments, with placeholders. */
  readonly program?: readonly string[]
  /** Of a trainer of this machine. */
  readonly installed?: InstalledPart
  /** Where the search starts; `undefined` if a space file says it. */
  readonly start: StartHyp | undefined
  /** Release whose ranges, sampler, fitness and files go with the hyperparameters, where those are not YOLOv5's. */
  readonly like?: string | undefined
  /** The trainer's own space, in place of that of `like`. */
  readonly space?: SearchSpace
  /** All hyperparameters that the trainer reads, where that is known. */
  readonly reads?: readonly string[]
  /** Hyperparameters that cannot have an effect: they stay as they are. */
  readonly dead?: readonly string[]
  /** What makes it another training, by name. */
  readonly identity: { readonly [name: string]: Json }
  readonly dataHash?: string
  /** For the console, one sentence each. */
  readonly notes: readonly string[]
}

/**
 * What the flags say about the trainings of an evolution. Reads the hyp and the list of the data set's files; fetches data
 * set and weights that are known by name and not here.
 */
export async function evolvedTraining(flags: TrainFlags, terminal: Terminal): Promise<EvolvedTraining> {
  const { trainer } = flags
  if (isInstalled(trainer)) return installedTraining(flags, trainer)
  for (const name of ['repo', 'python', 'module', 'model'] as const)
    if (flags.given?.includes(name))
      throw new UsageError(
        `--${name} goes with --trainer ${name === 'model' ? 'ultralytics' : 'yolov5, yolov3 or ultralytics'}.`,
      )
  if (trainer === 'command') return commandTraining(flags)
  for (const name of ['metrics', 'shell'] as const)
    if (flags.given?.includes(name)) throw new UsageError(`--${name} goes with --trainer command.`)
  return embeddedTraining(flags, terminal)
}

async function embeddedTraining(asked: TrainFlags, terminal: Terminal): Promise<EvolvedTraining> {
  // One size for all trials, whatever memory is free when and where they run.
  const flags = asked.batchSize === -1 ? { ...asked, batchSize: usualBatch } : asked
  if (flags.program !== undefined)
    throw new UsageError(
      `Words after -- need a --trainer to go to (command, yolov5, …); they were: ${flags.program.join(' ')}`,
    )
  const { datasetHash, loadHyp, rawHyp } = await import('../../detect/index.ts')
  const name = flags.hyp ?? (await defaultHyp(flags))
  const loaded = loadHyp(name)
  // The space says whether there is an `anchors`; what a trial's hyp has not, the model has.
  const { anchors: _, ...base } = loaded.hyp
  const options = evolveOptions(toTrainOptions(flags, { ...loaded, hyp: base }))
  // A release is replayed with the keys of its own file; otherwise all that the trainer reads are searched.
  const given = Object.keys(rawHyp(name).hyp).map((key) => (key === 'giou' && !('giou' in loaded.hyp) ? 'box' : key))
  const keys = flags.release === undefined ? Object.keys(loaded.hyp) : given
  const hyp = Object.fromEntries(Object.entries(loaded.hyp).filter(([key]) => keys.includes(key)))
  await fetchAssets(options, terminal)
  const dataHash = await datasetHash(options.data)
  const { optimizer, cosLr, rect, singleCls, labelSmoothing, freeze, autoAnchor } = options
  const { accumulate, multiScale, leastImagePx, imageWeights } = options
  return {
    trainer: 'embedded',
    options,
    start: { hyp, source: loaded.source },
    reads: [...Object.keys(loaded.hyp), 'anchors'],
    like: loaded.release,
    identity: {
      trainer: 'embedded',
      ...commonIdentity({ ...flags, weights: options.weights }),
      dataHash,
      optimizer,
      cosLr,
      rect,
      singleCls,
      labelSmoothing,
      freeze,
      autoAnchor,
      // Only where they are used: studies from before they were there stay the same.
      ...(accumulate !== undefined && { accumulate }),
      ...(multiScale && { multiScale }),
      ...(leastImagePx !== undefined && { leastImgsz: leastImagePx }),
      ...(imageWeights && { imageWeights }),
    },
    dataHash,
    notes: loaded.notes,
  }
}

async function commandTraining(flags: TrainFlags): Promise<EvolvedTraining> {
  const { program = [] } = flags
  if (program.length === 0)
    throw new UsageError(
      'Which program trains? Write it after --: hypevolve train --evolve 50 --trainer command -- ./train.sh {hyp} {epochs} {out}',
    )
  const { metrics, shell } = flags
  if (metrics !== undefined) (await import('../../run/index.ts')).parseMetrics(metrics) // a mistake is told at once
  const start = flags.space !== undefined && flags.hyp === undefined ? undefined : await anyHyp(flags)
  return {
    trainer: 'command',
    program,
    start,
    identity: {
      trainer: 'command',
      program,
      ...commonIdentity(flags),
      ...(metrics !== undefined && { metrics }),
      ...(shell && { shell }),
    },
    notes: [],
  }
}

/** Hyperparameters of any program: what the file or preset says, as it stands there. */
export async function anyHyp(flags: TrainFlags): Promise<StartHyp> {
  const { rawHyp } = await import('../../detect/index.ts')
  const { hyp, source } = rawHyp(flags.hyp ?? (await defaultHyp(flags)))
  for (const [key, value] of Object.entries(hyp))
    if (typeof value !== 'number' && typeof value !== 'string' && typeof value !== 'boolean')
      throw new UsageError(`${source}: "${key}" is neither a number nor a text.`)
  return { hyp: hyp as StartHyp['hyp'], source }
}

/** scratch-low, or what the release to be replayed takes if it is told nothing. */
export async function defaultHyp(flags: Pick<TrainFlags, 'release'> & { readonly cfg?: string }): Promise<string> {
  if (flags.release === undefined) {
    const { defaultHypName } = await import('../../detect/index.ts')
    return defaultHypName(flags.cfg ?? '')
  }
  const { findRelease } = await import('../../search/index.ts')
  const [, family = 'yolov5', tag = ''] = /^(yolov[35])-(.*)$/.exec(findRelease(flags.release)) ?? []
  if (tag === '2020-01') return 'yolov3@01dbdc45'
  if (!/^v/.test(tag) || tag === 'master') return `${family}@master/scratch-low`
  const version = tag.slice(1).split('.').map(Number)
  if (family === 'yolov3') return version[0]! >= 9 ? `yolov3@${tag}/scratch` : `yolov3@${tag}`
  if (version[0]! < 3) return `yolov5@${tag}`
  const renamed = version[0]! > 6 || (version[0] === 6 && version[1]! > 0)
  return `yolov5@${tag}/${renamed ? 'scratch-low' : 'scratch'}`
}

function commonIdentity(flags: TrainFlags): { [name: string]: Json } {
  const { data = '', cfg, weights = '', epochs, imgsz, valImgsz, batchSize } = flags
  const other = valImgsz === undefined ? {} : { valImgsz }
  return { data: asSeen(data), cfg, weights: asSeen(weights), epochs, imgsz, ...other, batch: batchSize }
}

/** A path as seen from the current folder, however it was written; names without a folder stay. */
const asSeen = (path: string) => (path.includes('/') ? relative(process.cwd(), resolve(path)) : path)

/**
 * v7.0 evolves with --nosave and --noval and draws no pictures of the trainings: the fitness of a trial is that of its
 * last epoch, and an early stop cannot happen.
 */
function evolveOptions(options: TrainOptions): TrainOptions {
  return { ...options, save: 'never', validate: 'last', plots: false, patience: 0, savePeriod: -1 }
}
