// `hypevolve studies`: one line per study.
import type { StudyOverview } from '../../study/index.ts'
import type { StudiesFlags } from '../cli/studies.ts'
import { type TableColumn, tableLines } from '../console/table.ts'
import { momentText, numberText } from '../console/text.ts'
import { answerOf } from './answer.ts'
import { withStorage } from './open.ts'
import { doneText, stateText, studyState } from './progress.ts'
import { readTrials } from './read.ts'

interface StudyLine {
  readonly study: StudyOverview
  readonly best: { readonly number: number; readonly fitness: number } | undefined
}

const columns: readonly TableColumn<StudyLine>[] = [
  { title: '#', text: ({ study }) => String(study.id) },
  { title: 'study', align: 'left', text: ({ study }) => study.name },
  { title: 'done', text: ({ study }) => doneText(study) },
  { title: 'failed', text: ({ study }) => String(study.counts.failed) },
  { title: 'best', text: ({ best }) => (best ? numberText(best.fitness) : '-') },
  { title: 'trial', text: ({ best }) => (best ? String(best.number) : '-') },
  { title: 'begun', align: 'left', text: ({ study }) => momentText(study.createdAt) },
  { title: 'state', align: 'left', text: ({ study }) => stateText(study) },
]

/** @returns the exit code */
export const runStudies = (flags: StudiesFlags): Promise<number> =>
  withStorage(flags, async (storage) => {
    const lines: StudyLine[] = []
    for (const study of await storage.studies())
      lines.push({ study, best: answerOf(await readTrials(storage, study), study.definition)?.trial })
    if (flags.json) console.log(JSON.stringify(lines.map(toObject), null, 2))
    else for (const line of tableLines(columns, lines, process.stdout.columns)) console.log(line)
    return 0
  })

const toObject = ({ study, best }: StudyLine) => ({
  id: study.id,
  name: study.name,
  state: studyState(study),
  target: study.target ?? null,
  spent: study.spent,
  counts: study.counts,
  processes: study.workers.map(({ host, pid }) => ({ host, pid })),
  best: best ? { number: best.number, fitness: best.fitness } : null,
  createdAt: study.createdAt,
})
