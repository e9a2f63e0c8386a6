// What an evolution trains with `--trainer yolov5`, `yolov3` or `ultralytics`: a trainer of this machine, as it is.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UsageError } from '../../base/index.ts'
import type { DeadGene, Installation, InstalledTrainer, InstalledTraining } from '../../run/index.ts'
import type { Json } from '../../study/index.ts'
import { installedTrainerNames, type TrainFlags } from '../cli/train-flags.ts'
import type { StartHyp } from '../search.ts'
import { anyHyp, type EvolvedTraining } from './training.ts'

export type InstalledTrainerName = (typeof installedTrainerNames)[number]

/** An installed trainer with all that its trials have in common. */
export interface InstalledPart {
  readonly adapter: InstalledTrainer
  readonly installation: Installation
  readonly training: InstalledTraining
}

export const isInstalled = (name: string): name is InstalledTrainerName =>
  (installedTrainerNames as readonly string[]).includes(name)

/** Flags that are handed on, by commander's names and the names of v7.0. */
const handedOn = {
  ...{ data: 'data', weights: 'weights', cfg: 'cfg', model: 'model', batchSize: 'batch-size', imgsz: 'imgsz' },
  ...{ valImgsz: 'val-imgsz', leastImgsz: 'least-imgsz', cache: 'cache', rect: 'rect', multiScale: 'multi-scale' },
  ...{ imageWeights: 'image-weights', noautoanchor: 'noautoanchor', singleCls: 'single-cls', optimizer: 'optimizer' },
  ...{ cosLr: 'cos-lr', linearLr: 'linear-lr', labelSmoothing: 'label-smoothing', patience: 'patience' },
  ...{ freeze: 'freeze', workers: 'workers', nosave: 'nosave', noval: 'noval', noplots: 'noplots' },
  savePeriod: 'save-period',
} as const satisfies Partial<Record<keyof TrainFlags, string>>

/** Flags of our own trainer that no other has. */
const ourOwn = { layout: '--layout', spin: '--spin', accumulate: '--accumulate' } as const

/** Values that name a file, where one of that name is here. */
const files: readonly string[] = ['data', 'weights', 'cfg', 'model']

/**
 * Looks for the trainer, and reads what its trainings would take by themselves.
 *
 * @throws {@link TrainerNotFoundError}, {@link UsageError}
 */
export async function installedTraining(flags: TrainFlags, name: InstalledTrainerName): Promise<EvolvedTraining> {
  const { adapter, installation, training: asked } = await installedPart(flags, name)
  const start = await startHyp(flags, { adapter, installation, training: asked })
  // v6.0 and later add anchors to a hyp without.
  const anchors = installation.hypKeys.filter((key) => key === 'anchors' && !Object.hasOwn(start.hyp, key))
  const keys = [...Object.keys(start.hyp), ...anchors]
  const before = adapter.deadGenes(installation, asked, keys)
  const training = flags.fixDeadGenes ? remedied(asked, before) : asked
  const dead = flags.fixDeadGenes ? adapter.deadGenes(installation, training, keys) : before
  const space =
    flags.space === undefined && flags.release === undefined ? adapter.space?.(installation, start.hyp) : undefined
  return {
    trainer: name,
    installed: { adapter, installation, training },
    start,
    like: installation.like,
    ...(space && { space }),
    dead: dead.map(({ key }) => key),
    ...(name !== 'ultralytics' && { reads: [...installation.hypKeys, 'box', 'giou', 'anchors'] }),
    identity: {
      trainer: name,
      release: installation.release,
      repo: installation.repo ?? null,
      flags: Object.fromEntries(Object.entries(training.flags)) as { [flag: string]: Json },
      passed: training.passThrough,
    },
    notes: [
      `Trains with ${installation.release}, known by ${installation.releaseFrom}: ${installation.start.join(' ')}`,
      ...installation.notes,
      ...deadNotes(dead),
      ...(flags.fixDeadGenes ? remedyNotes(before) : []),
    ],
  }
}

/**
 * The trainer that the flags mean.
 *
 * @param final - for a training by itself, with pictures
 */
export async function installedPart(
  flags: TrainFlags,
  name: InstalledTrainerName,
  final = false,
): Promise<InstalledPart> {
  const { installedTrainers } = await import('../../run/index.ts')
  const adapter = installedTrainers[name]
  for (const [key, flag] of Object.entries(ourOwn))
    if (flags.given?.includes(key))
      throw new UsageError(`${flag} is a flag of our own trainer; ${name} has none like it. Leave it out.`)
  for (const flag of ['metrics', 'shell'] as const)
    if (flags.given?.includes(flag)) throw new UsageError(`--${flag} goes with --trainer command.`)
  const installation = await adapter.locate({ repo: flags.repo, python: flags.python, module: flags.module })
  const own = flagsFor(flags)
  const training = { flags: final ? { noplots: false, ...own } : own, passThrough: flags.program ?? [] }
  adapter.check(installation, training)
  return { adapter, installation, training }
}

/** Only what was typed: for the rest the trainer has defaults of its own. Files that are here get their full path. */
function flagsFor(flags: TrainFlags): InstalledTraining['flags'] {
  const entries = Object.entries(handedOn).flatMap(([key, flag]): [string, string | number | boolean | string[]][] => {
    if (!flags.given?.includes(key)) return []
    const value = flags[key as keyof TrainFlags] as string | number | boolean | string[]
    const isFile = files.includes(flag) && typeof value === 'string' && value !== '' && existsSync(value)
    return [[flag, isFile ? resolve(value) : value]]
  })
  return { ...Object.fromEntries(entries), epochs: flags.epochs }
}

/** `--hyp` here or in the clone; without it the trainer's own. */
async function startHyp(flags: TrainFlags, { adapter, installation, training }: InstalledPart): Promise<StartHyp> {
  if (flags.hyp === undefined) return await adapter.defaultHyp(installation, training)
  const inClone = installation.repo === undefined ? undefined : join(installation.repo, flags.hyp)
  const elsewhere = !existsSync(flags.hyp) && inClone !== undefined && existsSync(inClone)
  return anyHyp(elsewhere ? { ...flags, hyp: inClone } : flags)
}

function remedied(training: InstalledTraining, dead: readonly DeadGene[]): InstalledTraining {
  const remedies = dead.map(({ remedy }) => remedy ?? {})
  return { ...training, flags: Object.assign({}, training.flags, ...remedies) as InstalledTraining['flags'] }
}

/** One sentence for each reason. */
function deadNotes(dead: readonly DeadGene[]): string[] {
  return [...new Set(dead.map(({ why }) => why))].map((why) => {
    const genes = dead.filter((gene) => gene.why === why)
    const keys = genes.map(({ key }) => key).join(', ')
    const remedy = genes[0]!.remedy ? ` --fix-dead-genes sets ${remedyText(genes[0]!.remedy)} instead.` : ''
    return `${keys} cannot have an effect, so ${genes.length === 1 ? 'it is' : 'they are'} not evolved: ${why}.${remedy}`
  })
}

function remedyNotes(dead: readonly DeadGene[]): string[] {
  const texts = new Set(dead.flatMap(({ remedy }) => (remedy ? [remedyText(remedy)] : [])))
  return [...texts].map((text) => `Set so that hyperparameters have an effect: ${text} (--fix-dead-genes).`)
}

const remedyText = (remedy: Readonly<Record<string, string | number | boolean>>): string =>
  Object.entries(remedy)
    .map(([flag, value]) => `${flag}=${value}`)
    .join(', ')
