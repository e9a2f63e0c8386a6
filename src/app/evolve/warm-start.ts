// `--warm-start`: what a new study takes over from an earlier one, or from a table of one.
import { existsSync, statSync } from 'node:fs'
import { WarmStartEmptyError } from '../../base/index.ts'
import type { EarlierTrial, ScoredHyp, Trial, WarmStart } from '../../search/index.ts'
import type { FirstTrials, ImportedTrial, Json, Storage, StudyDefinition, StudyRecord } from '../../study/index.ts'
import { readTable, tableTrials } from '../studies/import-table.ts'
import { findStudy } from '../studies/open.ts'
import { readTrials } from '../studies/read.ts'

/** Of the study that begins. */
export interface WarmStartStudy {
  readonly definition: StudyDefinition
  /** Where earlier studies are looked for. */
  readonly storage: Storage
  readonly cwd?: string
}

/** What is taken over, ready for `beginStudy`. */
export interface ReadWarmStart extends WarmStart {
  /** For `StudyRequest.firstTrials`; `undefined`: nothing is imported. */
  readonly first: FirstTrials | undefined
}

interface Earlier {
  readonly source: string
  readonly trials: readonly EarlierTrial[]
  readonly ranked: readonly ScoredHyp[]
  readonly differs: string | undefined
}

/**
 * Reads an earlier search.
 *
 * @param from - evolve.csv, evolve.txt or tune_results.csv, or a study of the storage: name, folder or number
 * @throws {@link WarmStartEmptyError} if no training of it brought a result; {@link StudyNotFoundError}, and what reading
 *   a table throws
 */
export async function readWarmStart(from: string, study: WarmStartStudy): Promise<ReadWarmStart> {
  const { SearchSpace, warmStart } = await import('../../search/index.ts')
  const isFile = existsSync(from) && statSync(from).isFile()
  const earlier = isFile ? await ofTable(from, study.definition) : await ofStudy(from, study)
  if (earlier.ranked.length === 0)
    throw new WarmStartEmptyError(earlier.source, 'no training of it brought a result that can be ranked')
  const taken = warmStart({ ...earlier, space: SearchSpace.fromJSON(study.definition.space) })
  const trials = taken.imported.map(
    ({ hyp, fitness, metrics }): ImportedTrial => ({ hyp, ending: { state: 'complete', fitness, metrics } }),
  )
  return { ...taken, first: trials.length > 0 ? { trials, settings: {} } : undefined }
}

/** A table does not say what it was trained on, so its numbers are worth their order alone. */
async function ofTable(path: string, { fitness }: StudyDefinition): Promise<Earlier> {
  const table = await readTable(path, {})
  const usable = table.kind === 'tune_results.csv' ? 'fitness' : fitness === 'value' ? 'yolov5' : fitness
  const trials = await tableTrials(table, usable)
  const ranked = trials.flatMap(({ hyp, ending }, number): ScoredHyp[] =>
    ending.state === 'complete' ? [{ number, hyp, score: ending.fitness }] : [],
  )
  const earlier = ranked.map(({ hyp, score }) => ({ hyp, fitness: score, metrics: {} }))
  return { source: path, trials: earlier, ranked, differs: 'a table does not say what was trained, on which data' }
}

async function ofStudy(name: string, { definition, storage, cwd }: WarmStartStudy): Promise<Earlier> {
  const { comparableTrials } = await import('../../search/index.ts')
  const found: StudyRecord = findStudy(await storage.studies(), name, storage.location, cwd)
  const trials = await readTrials(storage, found)
  return {
    source: found.name,
    trials: await rescored(trials, found.definition, definition),
    ranked: comparableTrials(trials).trials,
    differs: differenceOf(found.definition, definition),
  }
}

/** Full trainings with the fitness of the new study; NaN where their metrics do not say it. */
async function rescored(
  trials: readonly Trial[],
  earlier: StudyDefinition,
  { fitness }: StudyDefinition,
): Promise<EarlierTrial[]> {
  const { parseFitness } = await import('../../search/index.ts')
  const formula = fitness === 'value' ? undefined : parseFitness(fitness)
  return trials.flatMap((trial): EarlierTrial[] => {
    if (trial.state !== 'complete' || trial.repeats !== undefined) return []
    const { hyp, metrics } = trial
    const same = earlier.fitness === fitness
    return [{ hyp, metrics, fitness: same ? trial.fitness : (formula?.evaluate(metrics) ?? Number.NaN) }]
  })
}

/** Why results of the one are worth nothing in the other: in what their trainings differ. */
function differenceOf(earlier: StudyDefinition, wanted: StudyDefinition): string | undefined {
  const keys = [...new Set([...Object.keys(earlier.identity), ...Object.keys(wanted.identity)])]
  const other = keys.filter((key) => !isSame(earlier.identity[key], wanted.identity[key]))
  if (other.length > 0) return `other ${other.join(', ')}`
  const [there, here] = [earlier.schedule?.epochs, wanted.schedule?.epochs]
  if (there !== undefined && here !== undefined && there !== here) return 'other epochs'
  if (earlier.direction !== wanted.direction) return 'another direction'
  // What an imported trial is worth by these was never judged.
  if (wanted.constraints || wanted.second) return 'constraints or a second objective are judged anew'
  return undefined
}

/** As JSON, whatever the order of keys. */
function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const [x, y] = [a, b] as unknown as readonly [Record<string, Json>, Record<string, Json>]
  const keys = Object.keys(x)
  return keys.length === Object.keys(y).length && keys.every((key) => isSame(x[key], y[key]))
}
