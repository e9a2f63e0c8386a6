// Trials as CSV (RFC 4180), one column per metric and per hyperparameter.
import type { TrialRow } from './trial-row.ts'

/** Columns that came later stand behind the others. */
const later: readonly (readonly [title: string, value: (row: TrialRow) => number | null])[] = [
  ['fidelity', ({ fidelity }) => fidelity],
  ['continues', ({ continues }) => continues],
  ['repeats', ({ repeats }) => repeats],
  ['repetition', ({ repetition }) => repetition],
  ['second', ({ second }) => second],
  ['violation', ({ violation }) => violation],
]

/** With a heading; ends with a line end. Of a metric and a hyperparameter with one name, the metric's is `metrics.name`. */
export function csvText(rows: readonly TrialRow[]): string {
  const metrics = keysOf(rows.map((row) => row.metrics))
  const hyps = keysOf(rows.map((row) => row.hyp))
  const titles = [
    ...['number', 'state', 'fitness'],
    ...metrics.map((key) => (hyps.includes(key) ? `metrics.${key}` : key)),
    ...hyps,
    ...['parents', 'mutated', 'attempts', 'failure', 'startedAt', 'endedAt', 'seconds', 'worker'],
    ...later.map(([title]) => title),
  ]
  const lines = rows.map((row) => [
    ...[row.number, row.state, row.fitness],
    ...metrics.map((key) => row.metrics[key]),
    ...hyps.map((key) => row.hyp[key]),
    ...[row.parents.join(' '), row.mutated.join(' '), row.attempts, row.failure],
    ...[row.startedAt, row.endedAt, row.seconds, row.worker],
    ...later.map(([, value]) => value(row)),
  ])
  return [titles, ...lines].map((cells) => `${cells.map(cellText).join(',')}\n`).join('')
}

/** All keys in the order of their first appearance. */
const keysOf = (records: readonly Readonly<Record<string, unknown>>[]) => [
  ...new Set(records.flatMap((record) => Object.keys(record))),
]

function cellText(value: number | string | boolean | null | undefined): string {
  const text = value === null || value === undefined ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
