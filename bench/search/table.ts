// The table of one scenario, in Markdown.
import type { Step } from './simulate.ts'
import { differenceOf, halfReached, meanOf, ranksOf, regretsAt, shareReaching, summaryOf } from './statistics.ts'

export interface Row {
  readonly method: string
  /** Goes on with shorter trainings: shown, not ranked. */
  readonly resumes: boolean
  /** In the same order of task and seed in every row. */
  readonly runs: readonly (readonly Step[])[]
}

export interface TableOptions {
  /** Budgets in full trainings, or times where `by` is `time`. */
  readonly columns: readonly number[]
  readonly by: 'spent' | 'time'
  readonly targets: readonly number[]
}

/** `.33`, `1.02`, `-.04`: two decimals without a leading zero. */
export const formatRegret = (value: number): string => value.toFixed(2).replace(/^(-?)0\./, '$1.')

/**
 * For each method the mean regret at each budget with its 95 % interval and the median in parentheses; the mean rank at
 * the last budget among methods that do not resume; and for each target what half of the
 * runs needed at most, with the share of the runs that reached it.
 */
export function tableOf(rows: readonly Row[], { columns, by, targets }: TableOptions): string {
  const last = columns.at(-1)!
  const unit = by === 'time' ? 'time' : ''
  const ranked = rows.filter(({ resumes }) => !resumes)
  const regrets = ranked.map(({ runs }) => regretsAt(runs, last, by))
  const ranks = (regrets[0] ?? []).map((_, run) => ranksOf(regrets.map((values) => values[run])))
  const title = [
    'method',
    ...columns.map((column) => `${unit} ${column}`.trim()),
    `rank at ${last}`,
    ...targets.map((target) => `to ${formatRegret(target)}`),
  ]
  const lines = rows.map((row) => {
    const place = ranked.indexOf(row)
    return [
      row.resumes ? `${row.method} (goes on)` : row.method,
      ...columns.map((column) => {
        const { mean, interval, median } = summaryOf(regretsAt(row.runs, column, by))
        return `${formatRegret(mean)} [${interval.map(formatRegret).join(', ')}] (${formatRegret(median)})`
      }),
      place < 0 ? '' : meanOf(ranks.map((of) => of[place])).toFixed(1),
      ...targets.map((target) => reach(row.runs, target, by)),
    ]
  })
  return markdown(title, lines)
}

/**
 * For each of the other methods, by how much its regret differs from that of one method at each budget, with the 95 %
 * interval of the paired differences: below 0 it is better. A star where the interval has no 0.
 */
export function differencesTo(
  name: string,
  rows: readonly Row[],
  { columns, by }: Pick<TableOptions, 'columns' | 'by'>,
): string {
  const reference = rows.find(({ method }) => method === name)!
  const lines = rows
    .filter((row) => row !== reference)
    .map((row) => [
      row.resumes ? `${row.method} (goes on)` : row.method,
      ...columns.map((column) => {
        const [own, others] = [row, reference].map(({ runs }) => regretsAt(runs, column, by))
        const { mean, interval } = differenceOf(own, others)
        const differs = interval[0] > 0 || interval[1] < 0
        return `${formatRegret(mean)} [${interval.map(formatRegret).join(', ')}]${differs ? ' *' : ''}`
      }),
    ])
  return markdown([`less ${name}`, ...columns.map((column) => `${by === 'time' ? 'time ' : ''}${column}`)], lines)
}

function markdown(title: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = title.map((text, i) => Math.max(text.length, ...lines.map((line) => line[i].length)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [line(title), line(widths.map((width) => '-'.repeat(width))), ...lines.map(line)].join('\n')
}

function reach(runs: readonly (readonly Step[])[], target: number, by: 'spent' | 'time'): string {
  const needed = halfReached(runs, target, by)
  const share = `${Math.round(100 * shareReaching(runs, target, by))} %`
  return needed === undefined ? `- (${share})` : `${needed.toFixed(by === 'time' ? 1 : 0)} (${share})`
}
