// The folder of a trial, <study folder>/trials/<number>/: train.log and hyp.yaml always, weights/ and out/ as --keep says.
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { formatHyp, type RunningTrial } from '../search/index.ts'

/** What a training leaves that may be large: its weights, and what an outside program wrote to `{out}`. */
export const largeFolders = ['weights', 'out'] as const

export const trialsFolder = (studyFolder: string): string => join(studyFolder, 'trials')

export const trialFolder = (studyFolder: string, number: number): string =>
  join(trialsFolder(studyFolder), String(number))

/** What the training of a trial said, all attempts one after the other. */
export const trialLog = (studyFolder: string, number: number): string =>
  join(trialFolder(studyFolder, number), 'train.log')

/** Makes the folder of a trial with its hyp.yaml. @returns its absolute path */
export async function openTrialFolder(studyFolder: string, { number, hyp }: RunningTrial): Promise<string> {
  const folder = resolve(trialFolder(studyFolder, number))
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'hyp.yaml'), formatHyp(hyp))
  return folder
}
