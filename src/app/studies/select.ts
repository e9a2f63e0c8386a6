// Filters and orders lists of trials: `--filter 'fitness>=0.3' --state complete --sort -fitness`.
import { UsageError } from '../../base/index.ts'
import { columnNames, columnValue, type TrialRow } from './trial-row.ts'

const operators = ['>=', '<=', '!=', '==', '=', '>', '<'] as const
type Operator = (typeof operators)[number]

interface Condition {
  readonly column: string
  readonly operator: Operator
  readonly value: string
}

/**
 * Reads `fitness>=0.3`, `state=failed`, `hyp.lr0<0.01`.
 *
 * @throws {@link UsageError} if it is none
 */
export function parseCondition(text: string): Condition {
  const match = /^\s*([^<>=!]+?)\s*(>=|<=|!=|==|=|>|<)\s*(.*?)\s*$/.exec(text)
  if (!match || match[3] === '')
    throw new UsageError(
      `--filter ${text}: write a column, one of > >= < <= = !=, and a value, as --filter 'fitness>0.3'.`,
    )
  return { column: match[1]!, operator: match[2] as Operator, value: match[3]! }
}

/**
 * The rows for which all conditions hold. A row that lacks the column fails every condition but `!=`.
 *
 * @throws {@link UsageError} for a column that no row has, or an order of texts
 */
export function filterRows(rows: readonly TrialRow[], conditions: readonly string[]): TrialRow[] {
  const parsed = conditions.map(parseCondition)
  for (const { column } of parsed) requireColumn(rows, column, '--filter')
  return rows.filter((row) => parsed.every((condition) => holds(row, condition)))
}

function holds(row: TrialRow, { column, operator, value }: Condition): boolean {
  const actual = columnValue(row, column) ?? null
  if (actual === null) return operator === '!='
  if (operator === '=' || operator === '==') return equal(actual, value)
  if (operator === '!=') return !equal(actual, value)
  // Times as ISO 8601 sort as text does; all else that is ordered is a number.
  const [a, b] = typeof actual === 'string' ? [actual, value] : [Number(actual), Number(value)]
  if (typeof b === 'number' && Number.isNaN(b))
    throw new UsageError(`--filter ${column}${operator}${value}: ${value} is no number.`)
  return operator === '>' ? a > b : operator === '>=' ? a >= b : operator === '<' ? a < b : a <= b
}

const equal = (actual: number | string | boolean, value: string) =>
  typeof actual === 'number' ? actual === Number(value) : String(actual) === value

/**
 * Orders by a column, largest first if its name has a minus in front; rows without a value come last, equal ones stay in
 * the order of their numbers.
 *
 * @throws {@link UsageError} for a column that no row has
 */
export function sortRows(rows: readonly TrialRow[], by: string): TrialRow[] {
  const descending = by.startsWith('-')
  const column = descending ? by.slice(1) : by
  requireColumn(rows, column, '--sort')
  const present = (row: TrialRow) => {
    const value = columnValue(row, column)
    return value !== undefined && value !== null && !Number.isNaN(value)
  }
  const having = rows.filter(present)
  const sign = descending ? -1 : 1
  having.sort((a, b) => sign * compare(columnValue(a, column)!, columnValue(b, column)!) || a.number - b.number)
  return [...having, ...rows.filter((row) => !present(row))]
}

function compare(a: number | string | boolean, b: number | string | boolean): number {
  if (typeof a === 'string' || typeof b === 'string') return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0
  return Number(a) - Number(b)
}

function requireColumn(rows: readonly TrialRow[], column: string, flag: string): void {
  const names = columnNames(rows)
  if (rows.length === 0 || names.includes(column.replace(/^(hyp|metrics)\./, ''))) return
  throw new UsageError(`${flag}: no trial has "${column}". There are: ${names.join(', ')}.`)
}
