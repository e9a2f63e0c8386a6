// `hypevolve export [study]`: the table of a study as its release writes it; one that was imported comes back byte for
// byte.
import { writeFile } from 'node:fs/promises'
import { FileWriteError, NothingCompleteError } from '../../base/index.ts'
import type { ExportFlags } from '../cli/export.ts'
import { withStudy } from './open.ts'
import { formatOf, rankingOf, settingsOf } from './settings.ts'

/** @returns the exit code */
export const runExportTable = (name: string | undefined, flags: ExportFlags): Promise<number> =>
  withStudy(name, flags, async (storage, record) => {
    const { renderEvolveFiles, Study } = await import('../../study/index.ts')
    const study = await Study.open(storage, record)
    const trials = study.history.complete
    if (trials.length === 0) throw new NothingCompleteError(record.name)
    const settings = settingsOf(record.definition)
    const [table] = renderEvolveFiles(formatOf(settings), {
      keys: study.space.keys,
      trials,
      imported: settings.imported ?? 0,
      ranking: rankingOf(settings),
    })
    if (flags.output === undefined) process.stdout.write(table!.text)
    else
      await writeFile(flags.output, table!.text).catch((cause: NodeJS.ErrnoException) => {
        throw new FileWriteError(flags.output!, cause)
      })
    return 0
  })
