// `hypevolve reproduce`: the command that trains one trial again, and whether code and data are still the same.
import type { StudyRecord } from '../../study/index.ts'
import type { ReproduceFlags } from '../cli/reproduce.ts'
import type { TrialReference } from '../cli/study-flags.ts'
import { codeText, codeVersion } from '../code-version.ts'
import { numberText } from '../console/text.ts'
import { studyFlags } from './command-line.ts'
import { enterStudyFolder } from './folder.ts'
import { trainingLine, writeHyp } from './one-training.ts'
import { withStudy } from './open.ts'
import { readTrials } from './read.ts'
import { settingsOf } from './settings.ts'
import { findTrial } from './show.ts'

/** What repeats a training. */
interface Recipe {
  readonly study: string
  readonly trial: number
  readonly fitness: number | null
  readonly folder: string
  readonly command: string
  readonly seed: number
  readonly code: Compared
  /** Null where the data set is an outside program's affair. */
  readonly data: Compared | null
}

/** What the study was begun with, and what there is now. */
interface Compared {
  readonly study: string
  readonly now: string
  readonly same: boolean
}

/** @returns the exit code */
export const runReproduce = ({ study: name, trial: number }: TrialReference, flags: ReproduceFlags): Promise<number> =>
  withStudy(name, flags, async (storage, study) => {
    const trial = findTrial(await readTrials(storage, study), number, study)
    enterStudyFolder(study, flags)
    const { flags: begun } = studyFlags(study)
    const hyp = await writeHyp(study, trial)
    const recipe: Recipe = {
      study: study.name,
      trial: number,
      fitness: trial.state === 'complete' ? trial.fitness : null,
      folder: process.cwd(),
      command: await trainingLine(study, trial, hyp),
      seed: begun.seed + (trial.repetition ?? 0),
      code: codeOf(study),
      data: await dataOf(study, begun.trainer === 'embedded' ? begun.data : undefined),
    }
    if (flags.json) console.log(JSON.stringify(recipe, null, 2))
    else for (const line of recipeLines(recipe)) console.log(line)
    return 0
  })

function codeOf(study: StudyRecord): Compared {
  const { code } = settingsOf(study.definition)
  const now = codeText(codeVersion())
  const before = code
    ? codeText({ version: code.version, ...(code.commit === undefined ? {} : { commit: code.commit }) })
    : 'unknown'
  return { study: before, now, same: before === now }
}

async function dataOf(study: StudyRecord, data: string | undefined): Promise<Compared | null> {
  const { dataHash } = settingsOf(study.definition)
  if (data === undefined || dataHash === undefined) return null
  const { datasetHash } = await import('../../detect/index.ts')
  const now = await datasetHash(data).catch((error: Error) => error.message)
  return { study: dataHash, now, same: dataHash === now }
}

function recipeLines({ study, trial, fitness, folder, command, seed, code, data }: Recipe): string[] {
  const change = ({ study: before, now, same }: Compared) =>
    same ? `${before} (the same now)` : `${before}; NOW ${now}`
  return [
    `Trial ${trial} of ${study}${fitness === null ? '' : `, fitness ${numberText(fitness)}`}:`,
    '',
    `  cd ${folder}`,
    `  ${command}`,
    '',
    `seed  ${seed}`,
    `code  hypevolve ${change(code)}`,
    ...(data === null ? [] : [`data  ${change(data)}`]),
  ]
}
