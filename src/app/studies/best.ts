// `hypevolve best`: the best hyperparameters of a study, printed or trained with.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FileWriteError, NothingCompleteError, UsageError } from '../../base/index.ts'
import { type CompleteTrial, type Confirmation, isFeasible, paretoFront, type Trial } from '../../search/index.ts'
import type { StudyRecord } from '../../study/index.ts'
import type { BestFlags } from '../cli/best.ts'
import { numberText, probabilityText } from '../console/text.ts'
import { type Answer, answerOf } from './answer.ts'
import { powershellWord, shellLine, studyFlags, trainingWords } from './command-line.ts'
import { enterStudyFolder } from './folder.ts'
import { frontTable } from './front.ts'
import { outsideLine, writeHyp } from './one-training.ts'
import { withStudy } from './open.ts'
import { readTrials } from './read.ts'
import { settingsOf, studyFolder } from './settings.ts'
import { metricsText } from './status.ts'

/** @returns the exit code */
export async function runBest(name: string | undefined, flags: BestFlags): Promise<number> {
  const isLine = flags.format === 'cli' || flags.format === 'powershell'
  if (flags.finalEpochs !== undefined && !flags.train && !isLine)
    throw new UsageError('--final-epochs goes with --train, --format cli or powershell.')
  if (flags.train && (flags.format !== undefined || flags.json))
    throw new UsageError('--train trains; leave out --format and --json.')
  // The training runs after the storage is closed: it may take days.
  const { study, trials } = await withStudy(name, flags, async (storage, found) => ({
    study: found as StudyRecord,
    trials: await readTrials(storage, found),
  }))
  const answer = answerOf(trials, study.definition)
  if (!answer) throw new NothingCompleteError(study.name)
  if (flags.figure !== undefined) await writeFigure(study, trials, flags.figure)
  if (flags.train) return trainBest(study, answer.trial, flags)

  const text = await bestText(study, trials, answer, flags)
  if (flags.output === undefined) process.stdout.write(text)
  else
    await writeFile(flags.output, text).catch((cause: NodeJS.ErrnoException) => {
      throw new FileWriteError(flags.output!, cause)
    })
  return 0
}

async function writeFigure(study: StudyRecord, trials: readonly Trial[], path: string): Promise<void> {
  const table = frontTable(study, trials)
  if (!table)
    throw new UsageError(
      `--figure draws the front of two objectives, and ${study.name} has one; its picture is evolve.png. ` +
        '--second-objective "min latency_ms" begins a study with two.',
    )
  const { frontFigure } = await import('../../report/index.ts')
  await writeFile(path, await frontFigure(table)).catch((cause: NodeJS.ErrnoException) => {
    throw new FileWriteError(path, cause)
  })
  console.error(`Saved ${path}`)
}

async function bestText(
  study: StudyRecord,
  trials: readonly Trial[],
  { trial: best, confirmation }: Answer,
  flags: BestFlags,
): Promise<string> {
  const front = study.definition.second ? paretoFront(trials.filter((trial) => trial.state === 'complete')) : []
  if (flags.json) {
    const { number, fitness, metrics, hyp } = best
    const more = {
      ...(confirmation && { confirmation }),
      ...(study.definition.second && {
        front: front.map(({ number, fitness, second, metrics, hyp }) => ({ number, fitness, second, metrics, hyp })),
      }),
    }
    return `${JSON.stringify({ study: study.name, number, fitness, metrics, hyp, ...more }, null, 2)}\n`
  }
  const { formatBest } = await import('../../study/index.ts')
  const title = `Trial ${best.number} of ${study.name}, fitness ${numberText(best.fitness)}${confirmedText(best, confirmation)}`
  if (flags.format === 'cli' || flags.format === 'powershell') {
    const { flags: asked, words } = studyFlags(study)
    const begun = { ...asked, epochs: flags.finalEpochs ?? asked.epochs }
    const hypFile = await writeHyp(study, best)
    const shell = flags.format === 'cli' ? 'posix' : 'powershell'
    const folder = join(studyFolder(study), 'final')
    if (begun.trainer !== 'embedded')
      return `# ${title}\n${await outsideLine(begun, best, hypFile, { shell, folder, final: true })}\n`
    const epochs = flags.finalEpochs === undefined ? [] : ['--epochs', String(flags.finalEpochs)]
    const line = ['hypevolve', 'train', ...trainingWords(words), ...epochs, '--hyp', hypFile]
    return `# ${title}\n${shell === 'posix' ? shellLine(line) : line.map(powershellWord).join(' ')}\n`
  }
  if (flags.format !== undefined) return formatBest(best.hyp, best.metrics, flags.format, { title })
  const { formatHyp } = await import('../../search/index.ts')
  const start = trials.find((trial) => trial.number === 0)
  const against =
    start?.state === 'complete' && start !== best
      ? `# The start, trial 0: fitness ${numberText(start.fitness)}, ${metricsText(start.metrics)}\n`
      : ''
  const broken = isFeasible(best) ? '' : '# It breaks a constraint, as all others do.\n'
  return `# ${title}, ${metricsText(best.metrics)}\n${broken}${against}${frontText(front, study)}${formatHyp(best.hyp)}`
}

/** What is known beyond the first result: '; trained 3 times more: 0.31 ± 0.01, better than the start with 97 %'. */
function confirmedText({ number }: CompleteTrial, confirmation: Confirmation | undefined): string {
  const known = confirmation?.candidates.find((candidate) => candidate.number === number)
  if (!known || known.repeats.length === 0) return ''
  const spread = known.sd === undefined ? '' : ` ± ${numberText(known.sd)}`
  const expected = `, expect ${numberText(known.expected)}`
  const better = known.better === undefined ? '' : `, better than the start with ${probabilityText(known.better)}`
  const times = known.repeats.length === 1 ? 'once more' : `${known.repeats.length} times more`
  return `; trained ${times}: ${numberText(known.mean!)}${spread}${better}${expected}`
}

/** The Pareto front, a line each. */
function frontText(front: readonly CompleteTrial[], { definition, name }: StudyRecord): string {
  const { second, fitness } = definition
  if (!second) return ''
  const sign = second.direction === 'minimize' ? -1 : 1
  const lines = front.map(
    (trial) =>
      `#   trial ${trial.number}: ${fitness} ${numberText(trial.fitness)}, ${second.expression} ${numberText(sign * trial.second!)}\n`,
  )
  return `# The front of ${fitness} and ${second.expression} (hypevolve show ${name} <trial> has each):\n${lines.join('')}`
}

/** Trains with the flags that began the study, as a training by itself: with weights, validation and pictures. */
async function trainBest(study: StudyRecord, best: CompleteTrial, flags: BestFlags): Promise<number> {
  const { flags: begun } = studyFlags(study)
  enterStudyFolder(study, flags)
  const epochs = flags.finalEpochs ?? begun.finalEpochs ?? begun.epochs
  console.log(
    `Training with the hyperparameters of trial ${best.number} of ${study.name} (fitness ${numberText(best.fitness)}).`,
  )
  if (begun.trainer !== 'embedded') {
    const { trainOutside } = await import('../evolve/final-training.ts')
    return trainOutside({ ...begun, epochs }, best.hyp)
  }
  const { runTrain } = await import('../train.ts')
  const { evolve: _, release: __, project: ___, ...rest } = begun
  const hyp = await writeHyp(study, best)
  const { release } = settingsOf(study.definition)
  if (release !== undefined) console.log(`${study.name} replayed ${release}; the training itself is Hypevolve's.`)
  return runTrain({ ...rest, hyp, epochs, resume: false, name: 'exp' }, [])
}
