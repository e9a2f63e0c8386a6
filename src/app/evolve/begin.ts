// From a whole search to a study that this process works on: a new one, with what it begins with, or one that is gone on
// with.
import { existsSync } from 'node:fs'
import { UsageError } from '../../base/index.ts'
import type { BegunStudy, Storage, StudyRecord } from '../../study/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import type { Terminal } from '../console/terminal.ts'
import { budgetOf, firstTarget } from './budget.ts'
import { definitionOf, type WholeSearch } from './definition.ts'
import { earlierTable } from './earlier-table.ts'
import { type Continued, evolutionFolder, studyToContinue } from './resume.ts'
import type { EvolvedTraining } from './training.ts'
import { readWarmStart } from './warm-start.ts'

export interface BeginRequest {
  readonly flags: TrainFlags
  readonly words: readonly string[]
  readonly whole: WholeSearch
  readonly training: EvolvedTraining
  readonly resume: StudyRecord | undefined
  readonly terminal: Terminal
}

/** Begins the study that is asked for, or goes on with one. */
export async function begin(storage: Storage, request: BeginRequest): Promise<BegunStudy> {
  const { flags, whole, resume, terminal } = request
  const { search } = whole
  const { beginStudy, evolveFormats } = await import('../../study/index.ts')
  const format = evolveFormats[search.format]
  const oneTable = !format.folder.numbered || format.table.folder === 'current'
  const base = evolutionFolder(flags, format)
  const definition = resume?.definition ?? definitionOf(whole, request)
  const isTaken = (name: string) => format.folder.numbered && existsSync(name)
  if (resume) return beginStudy(storage, { definition, base, isTaken, resume: resume.id })

  const budget = budgetOf(flags, Date.now())
  const trials = firstTarget(flags, budget, { trials: search.trials, epochs: flags.epochs })
  const continued: Continued | undefined = await studyToContinue(storage, { flags, base, definition, search })
  if (continued)
    return beginStudy(storage, {
      definition,
      base,
      isTaken,
      resume: continued.id,
      ...(trials !== undefined && { more: trials }),
    })
  const table = flags.new ? undefined : await earlierTable(search)
  const warm = flags.warmStart === undefined ? undefined : await readWarmStart(flags.warmStart, { definition, storage })
  if (table && warm)
    throw new UsageError(
      'The table that lies here is gone on with, so there is nothing to --warm-start from. Leave it out, or begin with --new.',
    )
  const firstTrials =
    table ?? (warm && (() => ({ trials: warm.first?.trials ?? [], settings: {}, enqueued: warm.enqueued })))
  const begun = await beginStudy(storage, {
    definition,
    base,
    oneFolder: oneTable,
    isTaken,
    ...(trials !== undefined && { target: trials }),
    forceNew: flags.new,
    ...(firstTrials && { firstTrials }),
  })
  if (begun.case === 'created') for (const text of warm?.notes ?? []) terminal.line(text)
  return begun
}
