// `hypevolve import`: a table that another program made becomes a study.
import { basename, dirname, extname, relative, resolve } from 'node:path'
import { EvolveFileInvalidError } from '../../base/index.ts'
import type { Hyp, SearchSpace } from '../../search/index.ts'
import type { Json, ReadTable } from '../../study/index.ts'
import type { ImportFlags } from '../cli/import.ts'
import { codeVersion } from '../code-version.ts'
import { counted } from '../console/text.ts'
import { chooseSearch } from '../search.ts'
import { firstHyp, importStudy, readTable } from './import-table.ts'
import { toSettings } from './settings.ts'

/** @returns the exit code */
export async function runImport(file: string, flags: ImportFlags): Promise<number> {
  const { openStorage } = await import('../../study/index.ts')
  const { findRelease } = await import('../../search/index.ts')
  const release = flags.release === undefined ? undefined : findRelease(flags.release)
  const start = flags.hyp === undefined ? undefined : await readHyp(flags.hyp)
  const table = await readTable(file, { keys: start && Object.keys(start), release })
  if (table.rows.length === 0) throw new EvolveFileInvalidError(file, 'it has no row')
  const search = await chooseSearch(
    {
      ...flags,
      like: table.release,
      ...(flags.fitness === undefined && table.kind === 'tune_results.csv' && { fitness: 'fitness' }),
      evolve: table.rows.length,
      noautoanchor: !table.keys.includes('anchors'),
    },
    { hyp: start ?? firstHyp(table), source: flags.hyp ?? file },
    table.kind === 'tune_results.csv' ? await foreignSpace(table) : undefined,
  )
  const storage = await openStorage(flags.storage)
  try {
    for (const text of storage.notes) console.error(text)
    const name = freeName(
      flags.name ?? usualName(file),
      (await storage.studies()).map((study) => study.name),
    )
    const study = await importStudy(storage, {
      table,
      name,
      definition: {
        seed: 0,
        space: search.space.toJSON() as Json,
        sampler: search.sampler,
        direction: 'maximize',
        fitness: search.fitness,
        identity: { trainer: 'import', file: relative(process.cwd(), resolve(file)) },
        settings: toSettings({
          cwd: process.cwd(),
          format: search.format,
          release: search.release,
          code: codeVersion(),
        }),
      },
    })
    const diverged = table.rows.length - study.complete
    console.log(
      `${study.name} (study ${study.id}): ${counted(table.rows.length, 'trial')} with ` +
        `${counted(table.keys.length, 'hyperparameter')} from ${file}${diverged > 0 ? `; ${diverged} without a fitness count as failed` : ''}`,
    )
    if (table.torn) console.log('The last line of the file was torn while it was written; it is left out.')
    console.log(`See hypevolve trials ${study.name}, best ${study.name}, suggest --history ${study.name}`)
    return 0
  } finally {
    await storage.close()
  }
}

async function readHyp(name: string): Promise<Hyp> {
  const { rawHyp } = await import('../../detect/index.ts')
  return rawHyp(name).hyp as Hyp
}

/** Ultralytics has hyperparameters and scales of its own: its values are moved by factors, within no bounds. */
async function foreignSpace(table: ReadTable): Promise<SearchSpace> {
  const { SearchSpace } = await import('../../search/index.ts')
  return new SearchSpace(
    Object.fromEntries(
      Object.entries(firstHyp(table)).map(([key, value]) => [
        key,
        typeof value === 'number'
          ? { kind: 'range' as const, gain: 1, start: value }
          : { kind: 'fixed' as const, start: value },
      ]),
    ),
  )
}

function usualName(file: string): string {
  const folder = relative(process.cwd(), dirname(resolve(file)))
  return folder === '' ? basename(file, extname(file)) : folder
}

function freeName(name: string, taken: readonly string[]): string {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}${n}`
    if (!taken.includes(candidate)) return candidate
  }
}
