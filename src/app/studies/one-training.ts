// One training of a study, to be done once more: its hyp file and its command line.
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { FileWriteError } from '../../base/index.ts'
import type { Trial } from '../../search/index.ts'
import type { StudyRecord } from '../../study/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import { installedPart, isInstalled } from '../evolve/installed.ts'
import {
  powershellWord,
  programText,
  type Shell,
  shellLine,
  shellWord,
  studyFlags,
  trainingWords,
} from './command-line.ts'
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
  const { flags: begun, words } = studyFlags(study)
  const { fidelity: epochs = begun.epochs, repetition = 0 } = trial
  const flags = { ...begun, epochs, seed: begun.seed + repetition }
  if (flags.trainer !== 'embedded') return outsideLine(flags, trial, hypFile)
  // What an evolution does to its trainings: validation at the end only, no pictures, no early stop.
  const same = ['--nosave', '--noval', '--noplots', '--patience', '0']
  const length = epochs === begun.epochs ? [] : ['--epochs', String(epochs)]
  const seed = repetition === 0 ? [] : ['--seed', String(flags.seed)]
  const own = trainingWords(words, [...(length.length > 0 ? ['epochs'] : []), ...(seed.length > 0 ? ['seed'] : [])])
  return shellLine(['hypevolve', 'train', ...own, ...length, ...seed, '--hyp', hypFile, ...same])
}

/** What a command line of another trainer is for. */
export interface OutsideLine {
  readonly shell?: Shell
  /** Where it writes; default `again` beside the hyp file. */
  readonly folder?: string
  /** A training by itself, with the pictures that those of a search leave out. */
  readonly final?: boolean
}

/** The program of another trainer for one trial, as a line for a shell. */
export async function outsideLine(
  flags: TrainFlags,
  trial: Pick<Trial, 'number' | 'hyp'>,
  hypFile: string,
  { shell = 'posix', folder: asked, final = false }: OutsideLine = {},
): Promise<string> {
  const folder = resolve(asked ?? join(dirname(hypFile), 'again'))
  await mkdir(folder, { recursive: true }) // programs expect it, and plans write the hyp in the trainer's own form
  if (isInstalled(flags.trainer)) {
    const { adapter, installation, training } = await installedPart(flags, flags.trainer, final)
    const { slots } = planSlotsFor(await import('../../run/index.ts'), flags)
    const job = { trial: trial.number, attempt: 1, hyp: trial.hyp, seed: flags.seed, directory: folder }
    // Its environment only keeps the trainer quiet, which matters to a search, not to a person.
    const { words, cwd } = await adapter.plan(installation, training, job, slots[0]!)
    const enter = cwd === process.cwd() ? '' : `cd ${shell === 'posix' ? shellWord(cwd) : powershellWord(cwd)}`
    const line = programText(words, {}, shell)
    if (enter === '') return line
    return shell === 'posix' ? `(${enter} && ${line})` : `Push-Location; ${enter}; ${line}; Pop-Location`
  }
  const { commandEnvironment, fillCommand, shellCommand } = await import('../../run/index.ts')
  const facts = {
    hyp: hypFile,
    epochs: flags.epochs,
    out: asked ?? join(dirname(hypFile), 'again'),
    device: flags.device.replaceAll('+', ','),
    seed: flags.seed,
    trial: trial.number,
    attempt: 1,
    imgsz: flags.imgsz,
    threads: flags.threads || availableParallelism(),
    resume: '',
  }
  const { HYPEVOLVE_HYP_JSON: _, ...environment } = commandEnvironment(facts, trial.hyp)
  const { program = [] } = flags
  const line = flags.shell
    ? shellCommand(program[0]!, facts, trial.hyp)
    : { words: fillCommand(program, facts, trial.hyp), env: {} }
  return programText(line.words, { ...environment, ...line.env }, shell)
}

const planSlotsFor = ({ planSlots }: typeof import('../../run/index.ts'), { device, threads }: TrainFlags) =>
  planSlots({ device, cores: threads || availableParallelism(), gpus: 'unknown' })
