// Trainers that are not our own, for a slot: a program after `--`, or a trainer of this machine.
import type { SlotResources, Trainer } from '../../run/index.ts'
import type { SearchSpace } from '../../search/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import type { EvolvedTraining } from './training.ts'

/** What a trainer needs to know of the command line. */
export type OutsideFlags = Pick<
  TrainFlags,
  'epochs' | 'imgsz' | 'trialTimeout' | 'hangTimeout' | 'metrics' | 'shell' | 'smallerBatch'
>

/**
 * @param space - its keys are those that `{hyp.<key>}` may name
 * @param onWait - told while a training waits for its GPU
 */
export async function outsideTrainer(
  { program, installed }: Pick<EvolvedTraining, 'program' | 'installed'>,
  flags: OutsideFlags,
  { keys, parameters = [] }: { readonly keys: readonly string[]; readonly parameters?: SearchSpace['parameters'] },
  onWait?: (text: string) => void,
): Promise<(slot: SlotResources) => Trainer> {
  const { commandTrainer, installedTrainer, parseMetrics } = await import('../../run/index.ts')
  const limits = {
    timeoutMs: flags.trialTimeout === undefined ? undefined : 1000 * flags.trialTimeout,
    hangMs: flags.hangTimeout === undefined ? undefined : 1000 * flags.hangTimeout,
  }
  if (installed) {
    const { adapter, installation, training } = installed
    const asked = { ...training, flags: { ...training.flags, epochs: flags.epochs } }
    const more = { ...(onWait && { onWait }), ...(flags.smallerBatch && { halved: new Set<number>() }) }
    return (slot) => installedTrainer({ ...limits, adapter, installation, training: asked, ...more }, slot)
  }
  const { epochs, imgsz: imagePx, shell, metrics } = flags
  const wholeKeys = keys.filter((_, i) => parameters[i]?.kind === 'integer')
  const more = { ...(metrics !== undefined && { metrics: parseMetrics(metrics) }), ...(onWait && { onWait }) }
  return (slot) =>
    commandTrainer(
      { ...limits, command: program ?? [], hypKeys: keys, wholeKeys, epochs, imagePx, shell, ...more },
      slot,
    )
}
