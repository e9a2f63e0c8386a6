// The kinds of hyperparameters that a space can hold, as plain data (JSON), and what can be done with one of them.
import { z } from 'zod'
import type { HypValue } from './hyp.ts'

const value = z.union([z.number(), z.string(), z.boolean()])

const when = z
  .record(z.string().min(1), z.array(value).min(1))
  .refine((condition) => Object.keys(condition).length > 0, 'names nothing')
  .optional()

/**
 * A hyperparameter as YOLOv5's `meta` has it: mutation multiplies it, by a factor whose distance from 1 is in proportion
 * to `gain`. Gain 0 freezes it, 0 stays 0. A bound that is left out is not there (the releases before yolov5 v3.0).
 */
const range = z.strictObject({
  kind: z.literal('range'),
  gain: z.number().min(0),
  lower: z.number().optional(),
  upper: z.number().optional(),
  start: z.number(),
  when,
})

/** A number between bounds; with `log` steps and draws are even in its logarithm. */
const float = z.strictObject({
  kind: z.literal('float'),
  lower: z.number(),
  upper: z.number(),
  log: z.boolean().optional(),
  start: z.number(),
  when,
})

/** A whole number between bounds, both included. */
const integer = z.strictObject({
  kind: z.literal('integer'),
  lower: z.int(),
  upper: z.int(),
  log: z.boolean().optional(),
  start: z.number(),
  when,
})

/** One of several values that have no order. */
const choice = z.strictObject({ kind: z.literal('choice'), choices: z.array(value).min(1), start: value, when })

/** A value that never changes. */
const fixed = z.strictObject({ kind: z.literal('fixed'), start: value, when })

/**
 * One hyperparameter of a space. `start` is where the search begins. With `when` it exists only in hyps in which each of
 * the named others has one of the listed values.
 */
export const parameterSchema = z.discriminatedUnion('kind', [range, float, integer, choice, fixed])

export type Parameter = z.infer<typeof parameterSchema>

/** Values of other hyperparameters under which one exists: all must hold. */
export type Condition = Readonly<Record<string, readonly HypValue[]>>

/** What is wrong with a parameter by itself; `undefined` if nothing is. */
export function parameterProblem(parameter: Parameter): string | undefined {
  if (parameter.when !== undefined && Object.values(parameter.when).flat().length === 0)
    return 'exists under a condition that names nothing'
  if (parameter.kind === 'choice') {
    if (new Set(parameter.choices).size !== parameter.choices.length) return 'lists a choice twice'
    return parameter.choices.includes(parameter.start)
      ? undefined
      : `starts at ${JSON.stringify(parameter.start)}, which is none of its choices`
  }
  if (parameter.kind === 'fixed') return undefined
  const { lower, upper, start } = parameter
  const numbers = [lower ?? 0, upper ?? 0, start, parameter.kind === 'range' ? parameter.gain : 0]
  if (!numbers.every(Number.isFinite)) return 'has a bound, gain or start that is not a finite number'
  if (parameter.kind === 'range' && parameter.gain < 0) return `has the negative gain ${parameter.gain}`
  if (parameter.kind === 'integer' && !(Number.isInteger(lower) && Number.isInteger(upper)))
    return 'is a whole number, so its bounds must be whole numbers'
  if (lower !== undefined && upper !== undefined && lower > upper)
    return `has its lower bound ${lower} above its upper bound ${upper}`
  if (parameter.kind !== 'range' && parameter.log && parameter.lower <= 0)
    return `is logarithmic, so its lower bound must be above 0, not ${parameter.lower}`
  return undefined
}

/** The value within the parameter's bounds (integers rounded); a value that is none of the choices becomes the start. */
export function withinBounds(parameter: Parameter, value: HypValue): HypValue {
  switch (parameter.kind) {
    case 'fixed':
      return parameter.start
    case 'choice':
      return parameter.choices.includes(value) ? value : parameter.start
    case 'integer':
      return clip(Math.round(Number(value)), parameter.lower, parameter.upper)
    default:
      return clip(Number(value), parameter.lower, parameter.upper)
  }
}

/** Between the bounds; NaN stays NaN, as in Python and NumPy. */
export const clip = (value: number, lower = -Infinity, upper = Infinity): number =>
  Math.min(Math.max(value, lower), upper)

/** Position of a float or integer in [0, 1] between its bounds, by its logarithm where it has `log`. */
export function toUnit(parameter: Extract<Parameter, { kind: 'float' | 'integer' }>, value: number): number {
  const { lower, upper, log } = parameter
  if (upper === lower) return 0
  return log ? Math.log(value / lower) / Math.log(upper / lower) : (value - lower) / (upper - lower)
}

/** The inverse of {@link toUnit}; not rounded and not clipped. */
export function fromUnit(parameter: Extract<Parameter, { kind: 'float' | 'integer' }>, unit: number): number {
  const { lower, upper, log } = parameter
  return log ? lower * (upper / lower) ** unit : lower + unit * (upper - lower)
}

/** Where a number starts that is not told: half way between its bounds. */
export const middle = (lower: number, upper: number, log: boolean | undefined): number =>
  log ? Math.sqrt(lower) * Math.sqrt(upper) : lower / 2 + upper / 2
