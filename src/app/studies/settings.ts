// What the app keeps in a study's settings: how it was begun, so that it can be gone on with and looked into.
import { join } from 'node:path'
import { z } from 'zod'
import {
  type EvolveFormat,
  type EvolveFormatName,
  evolveFormats,
  type Json,
  type StudyDefinition,
  type StudyRecord,
} from '../../study/index.ts'

const schema = z.object({
  /** Words of the command line after `hypevolve train`; missing in studies that were imported or made by a library. */
  words: z.array(z.string()).optional(),
  /** Folder in which the command was given; paths in `words` start there. */
  cwd: z.string().optional(),
  /** As `yolov5-v5.0`, if a release is replayed. */
  release: z.string().optional(),
  /** Entry of `evolveFormats`: how table and hyp file are written. */
  format: z.string().optional(),
  /** What the best row of the table is; missing in studies of earlier versions. */
  ranking: z.enum(['table', 'trial']).optional(),
  /** Version of this package, and commit if it ran from a checkout. */
  code: z.object({ version: z.string(), commit: z.string().optional() }).optional(),
  /** Whether its trainer takes a seed; missing in studies that were begun without a schedule. */
  seeded: z.boolean().optional(),
  /** Epochs of the training that the winner is for. */
  finalEpochs: z.number().int().optional(),
  /** Hash of the data set's list of files. */
  dataHash: z.string().optional(),
  /** As many of the first trials were read from a file of `format`. */
  imported: z.number().int().optional(),
})

export type StudySettings = z.output<typeof schema>

/** Unknown entries are left out: later releases may have more. */
export const settingsOf = (definition: StudyDefinition): StudySettings => schema.catch({}).parse(definition.settings)

/** Which row of the study's table is the best. */
export const rankingOf = ({ ranking, release }: StudySettings): 'table' | 'trial' =>
  ranking ?? (release === undefined ? 'trial' : 'table')

/** How the study's table and hyp file are written. */
export const formatOf = ({ format = '' }: StudySettings): EvolveFormat =>
  evolveFormats[Object.hasOwn(evolveFormats, format) ? (format as EvolveFormatName) : 'yolov5-v7.0']

export const toSettings = (settings: StudySettings): { readonly [name: string]: Json } =>
  JSON.parse(JSON.stringify(settings)) as { readonly [name: string]: Json }

/** The study's folder, as seen from the current one. */
export function studyFolder({ name, definition }: StudyRecord): string {
  const { cwd } = settingsOf(definition)
  return cwd === undefined || cwd === process.cwd() ? name : join(cwd, name)
}

export const trialFolder = (study: StudyRecord, trial: number): string =>
  join(studyFolder(study), 'trials', String(trial))
