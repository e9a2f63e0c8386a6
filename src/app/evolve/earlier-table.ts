// The releases whose table lies in the current folder go on with one that is there. So does a new study: the rows become
// its first trials.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { EvolveTableForeignError, HypevolveError } from '../../base/index.ts'
import { evolveFormats, type FirstTrials, type StudyOverview } from '../../study/index.ts'
import type { ChosenSearch } from '../search.ts'
import { readTable, tableTrials } from '../studies/import-table.ts'
import { doneText } from '../studies/progress.ts'
import { formatOf, settingsOf, toSettings } from '../studies/settings.ts'

/**
 * Reads the table that lies where this search is going to write one.
 *
 * @returns what a new study begins with, given the studies of the storage; it throws {@link EvolveTableForeignError} if
 *   the table is that of one of them, or cannot be read as one of this search. `undefined` if there is no table
 */
export async function earlierTable(
  search: ChosenSearch,
): Promise<((studies: readonly StudyOverview[]) => FirstTrials) | undefined> {
  const { table } = evolveFormats[search.format]
  const path = table.name
  if (table.folder !== 'current' || !existsSync(path)) return undefined
  const text = await readFile(path, 'utf8').catch(() => undefined) // what is wrong with it, `readFirst` says
  if (text?.trim() === '') return undefined
  const first = await readFirst(path, search).catch((error: unknown) => {
    if (error instanceof HypevolveError) return error
    throw error
  })
  return (studies) => {
    const owner = studies.findLast((study) => writesTo(study, path))
    if (owner)
      throw new EvolveTableForeignError(path, `it is of ${owner.name} (${doneText(owner)} done), another search.`)
    if (first instanceof HypevolveError) throw new EvolveTableForeignError(path, first.message, { cause: first })
    return first
  }
}

async function readFirst(path: string, { space, release, fitness }: ChosenSearch): Promise<FirstTrials> {
  const trials = await tableTrials(await readTable(path, { keys: space.keys, release }), fitness)
  const imported = trials.filter(({ ending }) => ending.state === 'complete').length
  return { trials, settings: toSettings({ imported }) }
}

/** Whether a study wrote the table in the current folder. One that was imported by itself writes nothing. */
function writesTo({ definition, counts }: StudyOverview, path: string): boolean {
  const settings = settingsOf(definition)
  const { folder, name } = formatOf(settings).table
  const here = folder === 'current' && name === path && settings.cwd === process.cwd()
  return settings.words !== undefined && here && counts.complete > 0
}
