// Where a search may go: which hyperparameters there are, of what kind, and where it starts. Plain data, JSON in and out.
// Spaces come from YOLO's tables (yolo-space.ts), a yaml file (space-file.ts) or code (define-space.ts).
import { z } from 'zod'
import { HypKeyNotInSpaceError, roundHalfEven, SearchSpaceFrozenError, SearchSpaceInvalidError } from '../base/index.ts'
import type { Hyp, HypValue } from './hyp.ts'
import { nearest } from './nearest.ts'
import { clip, type Parameter, parameterProblem, parameterSchema, withinBounds } from './parameter.ts'

const spaceSchema = z.strictObject({
  parameters: z.array(z.tuple([z.string().min(1), parameterSchema])).min(1),
  decimals: z.int().min(0).max(15).optional(),
  gainOrder: z.array(z.string()).optional(),
})

/** A name that can be a column, a yaml key and a command line argument. */
const namePattern = /^[A-Za-z_][\w./-]{0,79}$/

/** A space as JSON: the parameters as pairs of key and description, in order. */
export type SpaceJson = z.infer<typeof spaceSchema>

/** A hyperparameter that no trial can change, and why. */
export interface FrozenKey {
  readonly key: string
  readonly reason: string
}

export interface SpaceOptions {
  /** Numbers are rounded to so many decimals, as YOLOv5 does since v3.0. */
  readonly decimals?: number | undefined
  /** Order of the release's own table of gains, if it is not that of the keys (only replay looks at it). */
  readonly gainOrder?: readonly string[] | undefined
  /** What was decided while the space was made, for people. */
  readonly notes?: readonly string[] | undefined
  /** What messages call the space. */
  readonly source?: string | undefined
}

/**
 * A search space. `H` is the type of its hyps; it follows from the parameters where these are given in code
 * (`defineSpace`).
 */
export class SearchSpace<H extends Hyp = Hyp> {
  /** In the order of files and hyps. */
  readonly keys: readonly string[]
  /** In the order of `keys`. */
  readonly parameters: readonly Parameter[]
  readonly decimals: number | undefined
  readonly gainOrder: readonly string[]
  readonly notes: readonly string[]
  readonly #byKey: ReadonlyMap<string, Parameter>
  readonly #conditional: boolean

  /**
   * @throws {@link SearchSpaceInvalidError} if a parameter contradicts itself, or a condition names what is not there
   * @throws {@link SearchSpaceFrozenError} if nothing may move (the originals then search for a mutation forever)
   */
  constructor(parameters: Readonly<Record<string, Parameter>>, options: SpaceOptions = {}) {
    const { decimals, gainOrder, notes = [], source = 'The search space' } = options
    this.#byKey = new Map(Object.entries(parameters))
    this.keys = [...this.#byKey.keys()]
    this.parameters = [...this.#byKey.values()]
    this.decimals = decimals
    this.gainOrder = gainOrder ?? this.keys
    this.notes = notes
    this.#conditional = this.parameters.some(({ when }) => when !== undefined)
    for (const [key, parameter] of this.#byKey) {
      if (!namePattern.test(key) || key === '__proto__')
        throw new SearchSpaceInvalidError(source, key.slice(0, 80), 'is no name (letters, digits, _ . / -)')
      const problem = parameterProblem(parameter) ?? conditionProblem(key, parameter, this.#byKey)
      if (problem !== undefined) throw new SearchSpaceInvalidError(source, key, problem)
    }
    if (this.frozen({ multiplies: false }).length === this.keys.length) throw new SearchSpaceFrozenError(this.keys)
  }

  get(key: string): Parameter | undefined {
    return this.#byKey.get(key)
  }

  /** The hyp that the search starts with. */
  get start(): H {
    return this.toHyp(this.parameters.map(({ start }) => start))
  }

  /**
   * The hyp with these values: within the bounds, rounded (frozen ones too, as in the originals), without the
   * hyperparameters whose condition does not hold.
   *
   * @param values - in the order of `keys`
   */
  toHyp(values: readonly HypValue[]): H {
    const settled = this.parameters.map((parameter, i) => this.#settle(parameter, values[i]))
    const entries = this.keys.map((key, i) => [key, settled[i]] as const)
    if (!this.#conditional) return Object.fromEntries(entries) as H
    const all = new Map(entries)
    return Object.fromEntries(entries.filter(([key]) => this.#isActive(key, all))) as H
  }

  /** The values of a hyp in the order of `keys`; the start value where the hyp has none. */
  toValues(hyp: Hyp): HypValue[] {
    return this.keys.map((key, i) => (Object.hasOwn(hyp, key) ? hyp[key] : this.parameters[i].start))
  }

  /** Whether a hyperparameter exists in a hyp with these values. */
  isActive(key: string, hyp: Hyp): boolean {
    const values = this.toValues(hyp)
    return this.#isActive(key, new Map(this.keys.map((each, i) => [each, values[i]])))
  }

  /**
   * The hyperparameters that no trial can change, and why: what people should know before they start.
   *
   * @param sampler - one that multiplies cannot move a zero
   */
  frozen({ multiplies }: { readonly multiplies?: boolean | undefined } = { multiplies: true }): FrozenKey[] {
    return this.keys.flatMap((key, i) => {
      const reason = frozenReason(this.parameters[i], this.decimals, multiplies ?? false)
      return reason === undefined ? [] : [{ key, reason }]
    })
  }

  /** This space with these keys kept at their start values. Hyperparameters keep their bounds. */
  fix(keys: readonly string[], source = '--fix'): SearchSpace<H> {
    for (const key of keys) this.#require(key, source)
    return this.#with((key, parameter) => (keys.includes(key) ? fixedParameter(parameter) : parameter))
  }

  /** This space with all keys but these kept at their start values. */
  only(keys: readonly string[], source = '--only'): SearchSpace<H> {
    for (const key of keys) this.#require(key, source)
    return this.#with((key, parameter) => (keys.includes(key) ? parameter : fixedParameter(parameter)))
  }

  /**
   * This space with other bounds for one key.
   *
   * @param change - `key=low..high`, as in `lr0=1e-4..0.05`; a frozen key of a YOLO table moves from then on (gain 1)
   * @throws {@link SearchSpaceInvalidError} if it does not read so, or the key has no bounds
   */
  set(change: string, source = '--set'): SearchSpace<H> {
    const equals = change.indexOf('=')
    const key = change.slice(0, Math.max(equals, 0)).trim()
    const bounds = change.slice(equals + 1).split('..')
    const [lower, upper] = bounds.map((text) => (text.trim() === '' ? Number.NaN : Number(text)))
    if (equals <= 0 || bounds.length !== 2 || !Number.isFinite(lower) || !Number.isFinite(upper))
      throw new SearchSpaceInvalidError(source, change.slice(0, 80), 'does not read key=low..high, as lr0=1e-4..0.05')
    const before = this.#require(key, source)
    if (before.kind === 'choice' || (before.kind === 'fixed' && typeof before.start !== 'number'))
      throw new SearchSpaceInvalidError(source, key, 'is no number, so it has no bounds')
    return this.#with((each, parameter) => (each === key ? rebound(parameter, lower, upper) : parameter), source)
  }

  /** What {@link SearchSpace.fromJSON} reads; two spaces with the same JSON are the same space. */
  toJSON(): SpaceJson {
    const sameOrder = this.gainOrder.every((key, i) => key === this.keys[i])
    return {
      parameters: [...this.#byKey].map(([key, parameter]) => [key, parameterSchema.parse(parameter)]), // in one order
      ...(this.decimals === undefined ? {} : { decimals: this.decimals }),
      ...(sameOrder ? {} : { gainOrder: [...this.gainOrder] }),
    }
  }

  /** @throws {@link SearchSpaceInvalidError} if it is no space */
  static fromJSON(json: unknown, source = 'The stored search space'): SearchSpace {
    const read = spaceSchema.safeParse(json)
    if (!read.success) {
      const { path, message } = read.error.issues[0]
      throw new SearchSpaceInvalidError(source, path.join('.') || 'it', `does not fit: ${message}`)
    }
    const { parameters, ...options } = read.data
    return new SearchSpace(Object.fromEntries(parameters), { ...options, source })
  }

  #settle(parameter: Parameter, value: HypValue): HypValue {
    const within = withinBounds(parameter, value)
    if (this.decimals === undefined || typeof within !== 'number' || parameter.kind === 'fixed') return within
    return roundHalfEven(within, this.decimals)
  }

  #isActive(key: string, values: ReadonlyMap<string, HypValue>): boolean {
    return Object.entries(this.#byKey.get(key)?.when ?? {}).every(
      ([other, allowed]) => allowed.includes(values.get(other) as HypValue) && this.#isActive(other, values),
    )
  }

  #require(key: string, source: string): Parameter {
    const parameter = this.#byKey.get(key)
    if (!parameter) throw new HypKeyNotInSpaceError(source, key, this.keys, nearest(key, this.keys))
    return parameter
  }

  #with(change: (key: string, parameter: Parameter) => Parameter, source?: string): SearchSpace<H> {
    const parameters = Object.fromEntries([...this.#byKey].map(([key, parameter]) => [key, change(key, parameter)]))
    return new SearchSpace<H>(parameters, {
      decimals: this.decimals,
      gainOrder: this.gainOrder,
      notes: this.notes,
      source,
    })
  }
}

function fixedParameter(parameter: Parameter): Parameter {
  if (parameter.kind === 'range') return { ...parameter, gain: 0 }
  const { start, when } = parameter
  return { kind: 'fixed', start: withinBounds(parameter, start), ...(when === undefined ? {} : { when }) }
}

function rebound(parameter: Parameter, lower: number, upper: number): Parameter {
  switch (parameter.kind) {
    case 'range':
      return { ...parameter, gain: parameter.gain === 0 ? 1 : parameter.gain, lower, upper }
    case 'fixed':
      return { ...parameter, kind: 'float', lower, upper, start: Number(parameter.start) }
    case 'choice':
      return parameter
    default:
      return { ...parameter, lower, upper }
  }
}

/** The largest and the smallest factor of a mutation (yolov5 v1.0 … v7.0). */
const factorLimits = [0.3, 3] as const

function frozenReason(parameter: Parameter, decimals: number | undefined, multiplies: boolean): string | undefined {
  if (parameter.kind === 'fixed') return 'it is fixed'
  if (parameter.kind === 'choice') return parameter.choices.length === 1 ? 'it has one choice' : undefined
  if (parameter.kind === 'range' && parameter.gain === 0) return 'its mutation gain is 0'
  if (parameter.lower !== undefined && parameter.lower === parameter.upper) return 'its bounds are equal'
  if (parameter.kind !== 'range') return undefined
  const { lower, upper, start } = parameter
  const settle = (x: number) => {
    const within = clip(x, lower, upper)
    return decimals === undefined ? within : roundHalfEven(within, decimals)
  }
  const first = settle(start)
  if (multiplies && first === 0) return 'it starts at 0, and 0 times any factor stays 0'
  if (multiplies && factorLimits.every((factor) => settle(first * factor) === first))
    return `rounding to ${decimals} decimals undoes every move`
  if (lower !== undefined && upper !== undefined && settle(lower) === settle(upper))
    return `its bounds are equal after rounding to ${decimals} decimals`
  return undefined
}

function conditionProblem(key: string, parameter: Parameter, all: ReadonlyMap<string, Parameter>): string | undefined {
  for (const [other, values] of Object.entries(parameter.when ?? {})) {
    const named = all.get(other)
    if (!named) return `exists under a condition on "${other}", which is not there`
    const impossible = values.find((each) => withinBounds(named, each) !== each)
    if (impossible !== undefined) return `exists when "${other}" is ${JSON.stringify(impossible)}, which that never is`
  }
  const seen = new Set<string>()
  const waiting = [key]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    for (const other of Object.keys(all.get(next)?.when ?? {})) {
      if (other === key) return 'exists under a condition on itself'
      if (!seen.has(other)) {
        seen.add(other)
        waiting.push(other)
      }
    }
  return undefined
}
