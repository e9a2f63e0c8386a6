// Spaces in code, for searches of any kind: the type of the hyps follows from the parameters.
import type { HypValue } from './hyp.ts'
import { type Condition, middle, type Parameter } from './parameter.ts'
import { SearchSpace } from './space.ts'

/** A parameter in code: its values have type `V`; `Conditional` ones may be absent from a hyp. */
export interface ParameterOf<V extends HypValue, Conditional extends boolean = boolean> {
  readonly parameter: Parameter
  /** Types only; there is no such property. */
  readonly types?: { readonly value: V; readonly conditional: Conditional }
}

/** The hyp of a space made of these parameters. */
export type HypOf<P extends Record<string, ParameterOf<HypValue>>> = {
  readonly [K in keyof P as P[K] extends ParameterOf<HypValue, true> ? never : K]: ValueOf<P[K]>
} & {
  readonly [K in keyof P as P[K] extends ParameterOf<HypValue, true> ? K : never]?: ValueOf<P[K]>
} extends infer H
  ? { readonly [K in keyof H]: H[K] }
  : never

type ValueOf<P> = P extends ParameterOf<infer V> ? V : never

interface NumberOptions {
  /** Even steps and draws in the logarithm: for learning rates and other values whose size is unknown. */
  readonly log?: boolean
  /** Where the search starts. Default: the middle (in the logarithm with `log`). */
  readonly default?: number
}

interface When {
  /** Exists only where these others have one of these values, as `{ optimizer: ['sgd'] }`. */
  readonly when: Condition
}

const condition = (options: Partial<When>): { when?: Record<string, HypValue[]> } =>
  options.when === undefined
    ? {}
    : { when: Object.fromEntries(Object.entries(options.when).map(([key, values]) => [key, [...values]])) }

/** A number between two bounds, both included. */
export function float(lower: number, upper: number, options?: NumberOptions): ParameterOf<number, false>
export function float(lower: number, upper: number, options: NumberOptions & When): ParameterOf<number, true>
export function float(
  lower: number,
  upper: number,
  options: NumberOptions & Partial<When> = {},
): ParameterOf<number, boolean> {
  const { log, default: start = middle(lower, upper, log) } = options
  return { parameter: { kind: 'float', lower, upper, start, ...(log ? { log } : {}), ...condition(options) } }
}

/** A whole number between two bounds, both included. */
export function integer(lower: number, upper: number, options?: NumberOptions): ParameterOf<number, false>
export function integer(lower: number, upper: number, options: NumberOptions & When): ParameterOf<number, true>
export function integer(
  lower: number,
  upper: number,
  options: NumberOptions & Partial<When> = {},
): ParameterOf<number, boolean> {
  const { log, default: start = Math.round(middle(lower, upper, log)) } = options
  return { parameter: { kind: 'integer', lower, upper, start, ...(log ? { log } : {}), ...condition(options) } }
}

/** One of several values; the search starts with the first, or with `default`. */
export function choice<const C extends readonly [HypValue, ...HypValue[]]>(...choices: C): ParameterOf<C[number], false>
export function choice<const C extends readonly HypValue[]>(
  choices: C,
  options?: { readonly default?: C[number] },
): ParameterOf<C[number], false>
export function choice<const C extends readonly HypValue[]>(
  choices: C,
  options: { readonly default?: C[number] } & When,
): ParameterOf<C[number], true>
export function choice(...given: readonly unknown[]): ParameterOf<HypValue, boolean> {
  const list = Array.isArray(given[0])
  const choices = (list ? [...(given[0] as HypValue[])] : [...given]) as HypValue[]
  const options = (list ? (given[1] ?? {}) : {}) as { default?: HypValue } & Partial<When>
  return { parameter: { kind: 'choice', choices, start: options.default ?? choices[0], ...condition(options) } }
}

/** A value that every hyp has. */
export function fixed<const V extends HypValue>(value: V): ParameterOf<V, false> {
  return { parameter: { kind: 'fixed', start: value } }
}

/**
 * A search space in code.
 *
 * @example
 * const space = defineSpace({
 *   lr: float(1e-5, 1e-1, { log: true }),
 *   optimizer: choice('sgd', 'adam'),
 *   momentum: float(0.5, 0.99, { when: { optimizer: ['sgd'] } }),
 * }) // its hyps: { lr: number, optimizer: 'sgd' | 'adam', momentum?: number }
 *
 * @throws {@link SearchSpaceInvalidError} if a parameter contradicts itself, or a condition names what is not there
 */
export function defineSpace<P extends Record<string, ParameterOf<HypValue>>>(parameters: P): SearchSpace<HypOf<P>> {
  return new SearchSpace<HypOf<P>>(
    Object.fromEntries(Object.entries(parameters).map(([key, { parameter }]) => [key, parameter])),
  )
}
