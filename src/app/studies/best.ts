// `hypevolve best`: the best hyperparameters of a study, printed or trained with.
import { writeFile } from 'node:fs/promises'
import { FileWriteError, NothingCompleteError, UsageError } from '../../base/index.ts'
import type { CompleteTrial, Trial } from '../../search/index.ts'
import type { StudyRecord } from '../../study/index.ts'
import type { BestFlags } from '../cli/best.ts'
import { numberText } from '../console/text.ts'
import { studyFlags, trainingWords } from './command-line.ts'
import { enterStudyFolder } from './folder.ts'
import { programLine, writeHyp } from './one-training.ts'
import { withStudy } from './open.ts'
import { fittest, readTrials } from './read.ts'
import { settingsOf } from './settings.ts'
import { metricsText } from './status.ts'

/** @returns the exit code */
export async function runBest(name: string | undefined, flags: BestFlags): Promise<number> {
  if (flags.finalEpochs !== undefined && !flags.train) throw new UsageError('--final-epochs goes with --train.')
  if (flags.train && (flags.format !== undefined || flags.json))
    throw new UsageError('--train trains; leave out --format and --json.')
  // The training runs after the storage is closed: it may take days.
  const { study, trials } = await withStudy(name, flags, async (storage, found) => ({
    study: found as StudyRecord,
    trials: await readTrials(storage, found),
  }))
  const best = fittest(trials)
  if (!best) throw new NothingCompleteError(study.name)
  if (flags.train) return trainBest(study, best, flags)

  const text = await bestText(study, trials, best, flags)
  if (flags.output === undefined) process.stdout.write(text)
  else
    await writeFile(flags.output, text).catch((cause: NodeJS.ErrnoException) => {
      throw new FileWriteError(flags.output!, cause)
    })
  return 0
}

async function bestText(
  study: StudyRecord,
  trials: readonly Trial[],
  best: CompleteTrial,
  flags: BestFlags,
): Promise<string> {
  if (flags.json) {
    const { number, fitness, metrics, hyp } = best
    return `${JSON.stringify({ study: study.name, number, fitness, metrics, hyp }, null, 2)}\n`
  }
  const { formatBest } = await import('../../study/index.ts')
  const title = `Trial ${best.number} of ${study.name}, fitness ${numberText(best.fitness)}`
  if (flags.format === 'cli') {
    const { flags: begun, words } = studyFlags(study)
    const hypFile = await writeHyp(study, best)
    if (begun.trainer === 'command') {
      return `# ${title}\n${await programLine(begun, best, hypFile)}\n`
    }
    return formatBest(best.hyp, best.metrics, 'cli', { title, train: { arguments: trainingWords(words), hypFile } })
  }
  if (flags.format !== undefined) return formatBest(best.hyp, best.metrics, flags.format, { title })
  const { formatHyp } = await import('../../search/index.ts')
  const start = trials.find((trial) => trial.number === 0)
  const against =
    start?.state === 'complete' && start !== best
      ? `# The start, trial 0: fitness ${numberText(start.fitness)}, ${metricsText(start.metrics)}\n`
      : ''
  return `# ${title}, ${metricsText(best.metrics)}\n${against}${formatHyp(best.hyp)}`
}

/** Trains with the flags that began the study, as a training by itself: with weights, validation and pictures. */
async function trainBest(study: StudyRecord, best: CompleteTrial, flags: BestFlags): Promise<number> {
  const { flags: begun } = studyFlags(study)
  enterStudyFolder(study, flags)
  const epochs = flags.finalEpochs ?? begun.epochs
  console.log(
    `Training with the hyperparameters of trial ${best.number} of ${study.name} (fitness ${numberText(best.fitness)}).`,
  )
  if (begun.trainer === 'command') {
    const { trainWithCommand } = await import('../evolve/final-training.ts')
    return trainWithCommand({ ...begun, epochs }, best.hyp)
  }
  const { runTrain } = await import('../train.ts')
  const { evolve: _, release: __, project: ___, ...rest } = begun
  const hyp = await writeHyp(study, best)
  const { release } = settingsOf(study.definition)
  if (release !== undefined) console.log(`${study.name} replayed ${release}; the training itself is Hypevolve's.`)
  return runTrain({ ...rest, hyp, epochs, resume: false, name: 'exp' }, [])
}
