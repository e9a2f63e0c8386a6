// Who has a GPU and a trainer that uses it would not want to train on the processor: the first line says so.
import { HypevolveError } from '../../base/index.ts'
import { installedTrainerNames, type TrainFlags } from '../cli/train-flags.ts'
import { shellLine } from '../studies/command-line.ts'

/** The line, if `--trainer` is not given, and a GPU and such a trainer are here. */
export async function trainerOffer(flags: TrainFlags, words: readonly string[]): Promise<string | undefined> {
  if (flags.given?.includes('trainer') || flags.given?.includes('device')) return undefined
  const { installedTrainers, readGpus } = await import('../../run/index.ts')
  const gpus = await readGpus()
  if (!gpus || gpus.length === 0) return undefined
  for (const name of installedTrainerNames) {
    try {
      const found = await installedTrainers[name].locate({})
      const repo = found.repo === undefined ? [] : ['--repo', found.repo]
      const device = gpus.map(({ index }) => index).join(',')
      const line = shellLine(['hypevolve', 'train', '--trainer', name, ...repo, '--device', device, ...words])
      return `This machine has a GPU (${gpus[0]!.name}) and ${found.release}. To train with them: ${line}`
    } catch (error) {
      if (!(error instanceof HypevolveError)) throw error
    }
  }
  return undefined
}
