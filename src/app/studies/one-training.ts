// One training of a study, to be done once more: its hyp file and its command line.
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { FileWriteError } from '../../base/index.ts'
import type { Trial } from '../../search/index.ts'
import type { StudyRecord } from '../../study/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import { shellLine, shellWord, studyFlags, trainingWords } from './command-line.ts'
import { trialFolder } from './settings.ts'

/** The trial's hyp.yaml, made if it is gone. @returns its path */
export async function writeHyp(study: StudyRecord, { number, hyp }: Trial): Promise<string> {
  const { formatHyp } = await import('../../search/index.ts')
  const folder = trialFolder(study, number)
  const path = join(folder, 'hyp.yaml')
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(path, formatHyp(hyp))
  } catch (cause) {
    throw new FileWriteError(path, cause as NodeJS.ErrnoException)
  }
  return path
}

/** The command line that trains a trial of a study once more. */
export async function trainingLine(study: StudyRecord, trial: Trial, hypFile: string): Promise<string> {
  const { flags, words } = studyFlags(study)
  if (flags.trainer === 'command') return programLine(flags, trial, hypFile)
  // What an evolution does to its trainings: validation at the end only, no pictures, no early stop.
  const same = ['--nosave', '--noval', '--noplots', '--patience', '0']
  return shellLine(['hypevolve', 'train', ...trainingWords(words), '--hyp', hypFile, ...same])
}

/** The program of `--trainer command`, filled in for one trial. */
export async function programLine(flags: TrainFlags, trial: Trial, hypFile: string): Promise<string> {
  const { commandEnvironment, fillCommand } = await import('../../run/index.ts')
  const folder = dirname(hypFile)
  const facts = {
    hyp: hypFile,
    epochs: flags.epochs,
    out: join(folder, 'again'),
    device: flags.device.replaceAll('+', ','),
    seed: flags.seed,
    trial: trial.number,
    attempt: 1,
    imgsz: flags.imgsz,
    threads: flags.threads || availableParallelism(),
  }
  const { HYPEVOLVE_HYP_JSON: _, ...environment } = commandEnvironment(facts, trial.hyp)
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${shellWord(value)}`)
  return `${variables.join(' ')} ${shellLine(fillCommand(flags.program ?? [], facts, trial.hyp))}`
}
