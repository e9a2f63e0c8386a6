// Spaces as unit cubes, for samplers that compute with distances: every hyperparameter that can move becomes an axis on
// which equal steps mean about the same.
import type { Hyp, HypValue } from '../hyp.ts'
import { clip, type Parameter } from '../parameter.ts'
import type { SearchSpace } from '../space.ts'
import { reach } from './fresh.ts'

/** A hyperparameter with an order: a number as its position u in [0, 1]. */
export interface NumberAxis {
  readonly kind: 'number'
  readonly key: string
  /** Of the start. */
  readonly start: number
  /** The middle of the positions that mean this value. A value beyond the bounds counts as the bound. */
  toUnit(value: HypValue): number
  fromUnit(u: number): number
  /**
   * The stretch of positions that all mean the same value as `u`, for whole numbers and for the zero of what may be
   * switched off; `undefined` where every position is a value of its own.
   */
  cell(u: number): readonly [from: number, to: number] | undefined
}

/** A hyperparameter without an order: the place of a value in the list of its choices. */
export interface ChoiceAxis {
  readonly kind: 'choice'
  readonly key: string
  /** Place of the start. */
  readonly start: number
  readonly choices: readonly HypValue[]
}

export type Axis = NumberAxis | ChoiceAxis

/**
 * The part of the axis that means exactly 0, where the search starts at a lower bound of 0 (mixup, copy_paste, degrees,
 * …): the rest is linear. Without it 0 would have no chance of its own, and trials that switch something off would never
 * be drawn again.
 */
export const zeroShare = 0.2

/** Axes that exist in the same hyps: the unconditional ones, and those of each condition. */
export interface AxisGroup {
  readonly axes: readonly Axis[]
}

/** What can move in a space. */
export interface UnitCube {
  /** In the order of the space's keys. */
  readonly axes: readonly Axis[]
  /** The same axes by condition, unconditional ones first. */
  readonly groups: readonly AxisGroup[]
  /**
   * The hyp at these positions (places for choices), in the order of `axes`; what cannot move has its start value.
   */
  toHyp(positions: ArrayLike<number>): Hyp
  /** Positions of a hyp; NaN where it has no value (its condition does not hold). */
  toPositions(hyp: Hyp): Float64Array
  /** Whether the hyp at these positions has a value for the axis in this place. */
  has(place: number, positions: ArrayLike<number>): boolean
}

const cubes = new WeakMap<SearchSpace, UnitCube>()

/** The unit cube of a space; made once for each. */
export function unitCube(space: SearchSpace): UnitCube {
  const known = cubes.get(space)
  if (known) return known
  const cube = makeCube(space)
  cubes.set(space, cube)
  return cube
}

function makeCube(space: SearchSpace): UnitCube {
  const frozen = new Set(space.frozen({ multiplies: false }).map(({ key }) => key))
  const axes = space.keys.flatMap((key, i) => (frozen.has(key) ? [] : (axisOf(key, space.parameters[i]) ?? [])))
  const place = new Map(axes.map(({ key }, i) => [key, i]))
  const conditions = new Map(
    space.keys.flatMap((key, i) => {
      const { when } = space.parameters[i]
      return when === undefined ? [] : [[key, Object.entries(when)] as const]
    }),
  )
  const known = new WeakMap<Hyp, Float64Array>() // hyps of trials never change
  return {
    axes,
    groups: grouped(space, axes),
    toHyp: (positions) =>
      space.toHyp(
        space.keys.map((key, i) => {
          const at = place.get(key)
          if (at === undefined) return space.parameters[i].start
          return valueAt(axes[at], positions[at])
        }),
      ),
    toPositions(hyp) {
      const positions = known.get(hyp) ?? Float64Array.from(axes, (axis) => positionOf(axis, hyp))
      known.set(hyp, positions)
      return positions
    },
    has: (at, positions) => holds(axes[at].key, positions),
  }

  function holds(key: string, positions: ArrayLike<number>): boolean {
    const condition = conditions.get(key)
    if (condition === undefined) return true
    return condition.every(([other, allowed]) => {
      const at = place.get(other)
      const value = at === undefined ? space.get(other)!.start : valueAt(axes[at], positions[at])
      return allowed.includes(value) && holds(other, positions)
    })
  }
}

const valueAt = (axis: Axis, position: number) =>
  axis.kind === 'choice' ? axis.choices[position] : axis.fromUnit(position)

function positionOf(axis: Axis, hyp: Hyp): number {
  if (!Object.hasOwn(hyp, axis.key)) return Number.NaN
  const value = hyp[axis.key]
  if (axis.kind === 'number') return axis.toUnit(value)
  const at = axis.choices.indexOf(value)
  return at < 0 ? Number.NaN : at
}

function axisOf(key: string, parameter: Parameter): Axis | undefined {
  switch (parameter.kind) {
    case 'fixed':
      return undefined
    case 'choice':
      return { kind: 'choice', key, choices: parameter.choices, start: parameter.choices.indexOf(parameter.start) }
    case 'integer':
      return integerAxis(key, parameter)
    default:
      return floatAxis(key, parameter)
  }
}

function floatAxis(key: string, parameter: Extract<Parameter, { kind: 'float' | 'range' }>): NumberAxis | undefined {
  const [lower, upper] = parameter.kind === 'float' ? [parameter.lower, parameter.upper] : reach(parameter)
  if (lower === upper) return undefined // a zero without an upper bound: nothing says how far it could go
  if (lower === 0 && parameter.start <= 0) return switchableAxis(key, upper)
  const log = parameter.kind === 'float' ? parameter.log === true : lower > 0 && upper / lower >= 100
  const [low, width] = log ? [Math.log(lower), Math.log(upper / lower)] : [lower, upper - lower]
  const toUnit = (value: HypValue) => {
    const x = clip(Number(value), lower, upper)
    return ((log ? Math.log(x) : x) - low) / width
  }
  const fromUnit = (u: number) => {
    const x = low + clip(u, 0, 1) * width
    return clip(log ? Math.exp(x) : x, lower, upper)
  }
  return { kind: 'number', key, start: toUnit(parameter.start), toUnit, fromUnit, cell: () => undefined }
}

/** From 0, where the search starts: the first part of the axis is 0, the rest linear. */
function switchableAxis(key: string, upper: number): NumberAxis {
  const toUnit = (value: HypValue) => {
    const x = clip(Number(value), 0, upper)
    return x > 0 ? zeroShare + (1 - zeroShare) * (x / upper) : zeroShare / 2
  }
  return {
    kind: 'number',
    key,
    start: toUnit(0),
    toUnit,
    fromUnit: (u) => (u <= zeroShare ? 0 : clip((upper * (u - zeroShare)) / (1 - zeroShare), 0, upper)),
    cell: (u) => (u <= zeroShare ? [0, zeroShare] : undefined),
  }
}

/** Every whole number has a stretch of the axis: the bounds are widened by half a step, so that they get all of theirs. */
function integerAxis(key: string, { lower, upper, log, start }: Extract<Parameter, { kind: 'integer' }>): NumberAxis {
  const scale = (x: number) => (log ? Math.log(x) : x)
  const low = scale(lower - 0.5)
  const width = scale(upper + 0.5) - low
  const whole = (value: HypValue) => clip(Math.round(Number(value)), lower, upper)
  const edge = (x: number) => (scale(x) - low) / width
  const cellOf = (x: number): readonly [number, number] => [
    x === lower ? 0 : edge(x - 0.5),
    x === upper ? 1 : edge(x + 0.5),
  ]
  const toUnit = (value: HypValue) => {
    const [from, to] = cellOf(whole(value))
    return (from + to) / 2
  }
  const fromUnit = (u: number) => {
    const x = low + clip(u, 0, 1) * width
    return whole(log ? Math.exp(x) : x)
  }
  return { kind: 'number', key, start: toUnit(start), toUnit, fromUnit, cell: (u) => cellOf(fromUnit(u)) }
}

function grouped(space: SearchSpace, axes: readonly Axis[]): AxisGroup[] {
  const byCondition = new Map<string, Axis[]>([['', []]])
  for (const axis of axes) {
    const condition = conditionOf(space, axis.key).sort().join(' ')
    byCondition.set(condition, [...(byCondition.get(condition) ?? []), axis])
  }
  return [...byCondition.values()].filter((group) => group.length > 0).map((group) => ({ axes: group }))
}

/** All that must hold for a key to exist, conditions of the keys that it depends on included; equal texts say the same. */
function conditionOf(space: SearchSpace, key: string): string[] {
  const own = Object.entries(space.get(key)?.when ?? {})
  const texts = own.flatMap(([other, values]) => [
    JSON.stringify([other, [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))]),
    ...conditionOf(space, other),
  ])
  return [...new Set(texts)]
}
