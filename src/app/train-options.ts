// From flags to what a training is asked to do.
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { UsageError } from '../base/index.ts'
import type { LoadedHyp, TrainOptions } from '../detect/index.ts'
import type { TrainFlags } from './cli/train-flags.ts'

/** Batch size of `--batch-size -1` if there is memory enough. */
export const usualBatch = 16

/** Options of the run that the flags describe; without `saveDir`, which is made when the run begins. */
export function toTrainOptions(flags: TrainFlags, { hyp, cosLr }: Pick<LoadedHyp, 'hyp' | 'cosLr'>): TrainOptions {
  return {
    data: dataSet(flags),
    cfg: flags.cfg,
    weights: initialWeights(flags),
    hyp: hyp as Readonly<Record<string, number>>,
    epochs: flags.epochs,
    batchSize: flags.batchSize,
    ...(flags.accumulate !== undefined && { accumulate: flags.accumulate }),
    imagePx: flags.imgsz,
    ...(flags.valImgsz !== undefined && { valImagePx: flags.valImgsz }),
    multiScale: flags.multiScale,
    ...(flags.leastImgsz !== undefined && { leastImagePx: flags.leastImgsz }),
    imageWeights: flags.imageWeights,
    rect: flags.rect,
    resume: '',
    save: flags.nosave ? 'last' : 'every',
    validate: flags.noval ? 'last' : 'every',
    plots: !flags.noplots,
    autoAnchor: !flags.noautoanchor,
    cache: flags.cache,
    singleCls: flags.singleCls,
    optimizer: flags.optimizer,
    workers: workerCount(flags.workers, flags.batchSize === -1 ? usualBatch : flags.batchSize),
    cosLr: flags.cosLr || (cosLr && !flags.linearLr),
    labelSmoothing: flags.labelSmoothing,
    patience: flags.patience,
    freeze: flags.freeze ?? [0],
    savePeriod: flags.savePeriod,
    seed: flags.seed,
    threads: flags.threads,
    layout: flags.layout,
    spin: flags.spin,
  }
}

/** At most one worker per core, and no more than a batch has images; v7.0 does the same. */
export function workerCount(asked: number, batchSize: number, cores = availableParallelism()): number {
  return Math.min(asked, cores, batchSize > 1 ? batchSize : 0)
}

function dataSet({ data }: TrainFlags): string {
  if (data === undefined || data === '')
    throw new UsageError('Say what to train on: --data <data.yaml>, or --data digits for the built-in data set.')
  return data
}

/** As in v7.0 yolov5s.pt if nothing is said. A model file alone is trained from scratch. */
function initialWeights({ weights, cfg }: TrainFlags): string {
  if (weights === undefined) return cfg === '' ? 'yolov5s.pt' : ''
  if (weights === '' && cfg === '')
    throw new UsageError(
      "--weights '' trains a new model; say which: --cfg yolov5n.yaml. Without --weights it starts from yolov5s.pt.",
    )
  return weights
}

/** Where runs of a kind go if nothing is said. */
export interface UsualFolder {
  readonly project: string
  readonly name: string
}

const trainFolder: UsualFolder = { project: 'runs/train', name: 'exp' }

/**
 * Folder that `--project` and `--name` mean, before a number is added to it.
 *
 * @param usual - that of an evolution; v7.0: one whose --project is the default of a training goes to runs/evolve
 */
export function runFolder(
  flags: Pick<TrainFlags, 'project' | 'name' | 'cfg'>,
  usual: UsualFolder = trainFolder,
): string {
  const named = flags.name === trainFolder.name ? usual.name : flags.name
  const name = named === 'cfg' && flags.cfg !== '' ? basename(flags.cfg).replace(/\.(ya?ml|cfg)$/i, '') : named
  const project = flags.project === undefined || flags.project === trainFolder.project ? usual.project : flags.project
  return join(project, name)
}
