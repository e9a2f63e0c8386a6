// What a result must keep to, as `latency_ms <= 10`: a trial that breaks it is kept and learned from, but never the best.
import { ConstraintInvalidError, FitnessInvalidError } from '../base/index.ts'
import { parseFitness } from './fitness.ts'
import type { Metrics } from './trial.ts'

export interface Constraint {
  /** As it was written. */
  readonly text: string
  /** The metrics that it reads. */
  readonly keys: readonly string[]
  /**
   * By how much it is broken: 0 if it holds; in parts of the limit where that is a number other than 0, so that several
   * constraints can be added up. NaN if a metric is missing or NaN.
   */
  violation(metrics: Metrics): number
}

const pattern = /^(?<left>[^<>=]+)(?<sign><=|>=|<|>)(?<right>[^<>=]+)$/s

/**
 * Reads a constraint: two formulas of metrics (as of a fitness; one may be a plain number) with <=, >=, < or > between
 * them.
 *
 * @throws {@link ConstraintInvalidError}
 */
export function parseConstraint(text: string): Constraint {
  const groups = pattern.exec(text)?.groups
  if (!groups) throw new ConstraintInvalidError(text, 'it has no single <= or >= between two sides')
  const { left, sign, right } = groups as { left: string; sign: string; right: string }
  const [larger, smaller] = sign.startsWith('<') ? [left, right] : [right, left] // broken where larger > smaller
  const read = (formula: string) => {
    try {
      return parseFitness(formula)
    } catch (error) {
      if (error instanceof FitnessInvalidError) throw new ConstraintInvalidError(text, error.problem)
      throw error
    }
  }
  for (const side of [left, right]) if (side.trim() === '') throw new ConstraintInvalidError(text, 'a side is empty')
  const excess = read(`(${larger}) - (${smaller})`)
  const limit = [Number(left), Number(right)].find((each) => Number.isFinite(each) && each !== 0)
  return {
    text: text.trim(),
    keys: excess.keys,
    violation(metrics) {
      const value = excess.evaluate(metrics)
      return Math.max(0, value) / Math.abs(limit ?? 1)
    },
  }
}

/** The sum over several; 0 if all hold, NaN if one cannot be told. */
export const totalViolation = (constraints: readonly Constraint[], metrics: Metrics): number =>
  constraints.reduce((sum, constraint) => sum + constraint.violation(metrics), 0)
