// Makes a study of the table of an evolution that another program ran.
import { readFile } from 'node:fs/promises'
import { FileReadError } from '../../base/index.ts'
import type { Hyp, ReleaseName } from '../../search/index.ts'
import type {
  EvolveRelease,
  ImportedTrial,
  ReadTable,
  Storage,
  StudyDefinition,
  StudyRecord,
} from '../../study/index.ts'

export interface ReadTableOptions {
  /** Hyperparameters that the table must have; of an evolve.txt they also name the columns. */
  readonly keys?: readonly string[] | undefined
  /** The release that wrote it. */
  readonly release?: ReleaseName | undefined
}

/** Reads a table. @throws {@link FileReadError}, and what `readEvolveTable` throws */
export async function readTable(path: string, { keys, release }: ReadTableOptions): Promise<ReadTable> {
  const { formatOfRelease, readEvolveTable } = await import('../../study/index.ts')
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new FileReadError(path, cause)
  })
  const known = release !== undefined && Object.hasOwn(formatOfRelease, release)
  return readEvolveTable(text, {
    path,
    ...(keys === undefined ? {} : { keys }),
    ...(known ? { release: release as EvolveRelease } : {}),
  })
}

/** The rows as trials, in the order of the file; those without a fitness (NaN) are trainings that diverged. */
export async function tableTrials(table: ReadTable, fitness: string): Promise<ImportedTrial[]> {
  const { parseFitness } = await import('../../search/index.ts')
  const { metricsOf } = await import('../../study/index.ts')
  const { evaluate, problem } = parseFitness(fitness)
  return table.rows.map((row): ImportedTrial => {
    const metrics = metricsOf(row, table.resultKeys)
    const value = row.fitness ?? evaluate(metrics)
    if (Number.isFinite(value)) return { hyp: row.hyp, ending: { state: 'complete', metrics, fitness: value } }
    const output = [`Its row has no fitness: ${problem(metrics) ?? 'it is not finite'}.`]
    return { hyp: row.hyp, ending: { state: 'failed', failure: 'diverged', output } }
  })
}

export interface ImportRequest {
  readonly table: ReadTable
  /** Of the study. */
  readonly name: string
  readonly definition: StudyDefinition
}

/** Makes the study. */
export async function importStudy(
  storage: Storage,
  { table, name, definition }: ImportRequest,
): Promise<StudyRecord & { readonly complete: number }> {
  const { studyKey } = await import('../../study/index.ts')
  const trials = await tableTrials(table, definition.fitness)
  const complete = trials.filter(({ ending }) => ending.state === 'complete').length
  const settings = { ...definition.settings, imported: complete, ...(table.format && { format: table.format }) }
  const whole = { ...definition, settings }
  const { study } = await storage.begin(undefined, () => ({
    create: { name, key: studyKey(whole), definition: whole, target: trials.length },
  }))
  await storage.importTrials(study.id, trials)
  return { ...study, complete }
}

/** The hyp of the first row: where an evolution began, if its table is in the order of time. */
export const firstHyp = (table: ReadTable): Hyp => table.rows[0]?.hyp ?? {}
