// `hypevolve export [study]`: the table of a study as its release writes it; one that was imported comes back byte for
// byte.
import { writeFile } from 'node:fs/promises'
import { FileWriteError, NothingCompleteError } from '../../base/index.ts'
import type { ExportFlags } from '../cli/export.ts'
import { withStudy } from './open.ts'
import { settingsOf } from './settings.ts'

/** @returns the exit code */
export const runExportTable = (name: string | undefined, flags: ExportFlags): Promise<number> =>
  withStudy(name, flags, async (storage, record) => {
    const { evolveFormats, renderEvolveFiles, Study } = await import('../../study/index.ts')
    const study = await Study.open(storage, record)
    const trials = study.history.complete
    if (trials.length === 0) throw new NothingCompleteError(record.name)
    const { format = 'yolov5-v7.0', imported = 0, release } = settingsOf(record.definition)
    const known = Object.hasOwn(evolveFormats, format) ? (format as keyof typeof evolveFormats) : 'yolov5-v7.0'
    const [table] = renderEvolveFiles(evolveFormats[known], {
      keys: study.space.keys,
      trials,
      imported,
      ranking: release === undefined ? 'trial' : 'table',
    })
    if (flags.output === undefined) process.stdout.write(table!.text)
    else
      await writeFile(flags.output, table!.text).catch((cause: NodeJS.ErrnoException) => {
        throw new FileWriteError(flags.output!, cause)
      })
    return 0
  })
