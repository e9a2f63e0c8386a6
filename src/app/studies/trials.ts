// `hypevolve trials`: the trials of a study as a table, JSON or CSV.
import { UsageError } from '../../base/index.ts'
import type { TrialsFlags } from '../cli/trials.ts'
import { type TableColumn, tableLines } from '../console/table.ts'
import { durationText, numberText } from '../console/text.ts'
import { csvText } from './csv.ts'
import { withStudy } from './open.ts'
import { readRows } from './read.ts'
import { filterRows, sortRows } from './select.ts'
import type { TrialRow } from './trial-row.ts'

/** @returns the exit code */
export async function runTrialsCommand(name: string | undefined, flags: TrialsFlags): Promise<number> {
  if (flags.json && flags.csv) throw new UsageError('Choose one of --json and --csv.')
  return withStudy(name, flags, async (storage, study) => {
    const all = await readRows(storage, study)
    const ofState = flags.state.length === 0 ? all : all.filter(({ state }) => flags.state.includes(state))
    const kept = selectRows(all, ofState, flags)
    if (flags.json) console.log(JSON.stringify(kept, null, 2))
    else if (flags.csv) process.stdout.write(csvText(kept))
    else for (const line of trialTable(kept, process.stdout.columns)) console.log(line)
    return 0
  })
}

/** Columns are known by all trials, so that a filter that nothing passes is no error. */
function selectRows(all: readonly TrialRow[], rows: readonly TrialRow[], flags: TrialsFlags): TrialRow[] {
  const passing = new Set(filterRows(all, flags.filter))
  const ordered = flags.sort === undefined ? all : sortRows(all, flags.sort)
  const wanted = new Set(rows)
  return ordered.filter((row) => passing.has(row) && wanted.has(row)).slice(0, flags.limit)
}

/** As many metrics fit on a screen. */
const shownMetrics = 5
const firstMetrics = ['mAP50to95', 'mAP50', 'precision', 'recall']

export function trialTable(rows: readonly TrialRow[], width?: number): string[] {
  const found = new Set(rows.flatMap(({ metrics }) => Object.keys(metrics)))
  const plain = [...found].filter((key) => !firstMetrics.includes(key) && !key.includes('/'))
  const metrics = [...firstMetrics.filter((key) => found.has(key)), ...plain].slice(0, shownMetrics)
  const columns: TableColumn<TrialRow>[] = [
    { title: 'trial', text: ({ number }) => String(number) },
    { title: 'state', align: 'left', text: ({ state }) => state },
    ...(rows.some(({ fidelity }) => fidelity !== null)
      ? [{ title: 'epochs', text: ({ fidelity }: TrialRow) => (fidelity === null ? '-' : String(fidelity)) }]
      : []),
    { title: 'fitness', text: ({ fitness }) => (fitness === null ? '-' : numberText(fitness)) },
    ...(rows.some(({ second }) => second !== null)
      ? [{ title: 'second', text: ({ second }: TrialRow) => (second === null ? '-' : numberText(second)) }]
      : []),
    ...metrics.map(
      (key): TableColumn<TrialRow> => ({
        title: key,
        text: (row) => (row.metrics[key] === undefined ? '-' : numberText(row.metrics[key]!)),
      }),
    ),
    { title: 'took', text: ({ seconds }) => (seconds === null ? '-' : durationText(seconds)) },
    { title: 'from', text: ({ parents }) => (parents.length === 0 ? '-' : parents.join('+')) },
    { title: 'moved', text: ({ mutated }) => (mutated.length === 0 ? '-' : String(mutated.length)) },
    { title: 'note', align: 'left', text: noteText },
  ]
  return tableLines(columns, rows, width)
}

function noteText({ state, failure, attempts, continues, repeats, repetition, violation }: TrialRow): string {
  return [
    ...(continues === null ? [] : [`${continues} for longer`]),
    ...(repeats === null ? [] : [`${repeats} again, seed +${repetition}`]),
    ...(violation !== null && violation !== 0 ? ['breaks a constraint'] : []),
    ...(failure === null ? [] : [state === 'failed' ? failure : `after ${failure}`]),
    ...(attempts > 1 ? [`attempt ${attempts}`] : []),
  ].join(', ')
}
