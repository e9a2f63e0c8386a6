// Draws around a point of the unit cube, and how densely they lie there: what PriorBand makes of the start and of the
// incumbent.
import { logNormalMass, normalCdf, truncatedNormal } from './normal.ts'
import type { Axis, ChoiceAxis, NumberAxis } from './unit-cube.ts'

/**
 * A position near another one: normal, cut off at the ends of the axis. A choice stays with the confidence 1 - std, the
 * others share the rest.
 *
 * Source: PriorBand's prior (arXiv 2306.12370).
 *
 * @param u - in [0, 1)
 */
export function drawNear(axis: Axis, centre: number, std: number, u: number): number {
  if (axis.kind === 'number') return truncatedNormal(centre, std, 0, 1, u)
  const { choices } = axis
  const kept = keptShare(axis, std)
  if (u < kept || choices.length === 1) return centre
  return otherChoice(axis, centre, (u - kept) / (1 - kept))
}

/** One of the other choices, all equally likely. */
export function otherChoice({ choices: { length } }: ChoiceAxis, present: number, u: number): number {
  const other = Math.min(Math.floor(u * (length - 1)), length - 2)
  return other < present ? other : other + 1
}

const keptShare = ({ choices }: ChoiceAxis, std: number) => Math.max(1 - std, 1 / choices.length)

/**
 * Logarithm of the density of such draws: of all axes together, in logarithms because 25 densities multiply. Whole numbers
 * and the zero of what can be switched off count with the mass of their cell. What a point does not have does not count;
 * what the centre does not have may lie anywhere.
 *
 * @param centre - positions; NaN where it has no value
 */
export function densityNear(
  axes: readonly Axis[],
  centre: ArrayLike<number>,
  std: number,
): (positions: ArrayLike<number>) => number {
  const ofAxes = axes.map((axis, j) => {
    if (Number.isNaN(centre[j])) return anywhere(axis)
    return axis.kind === 'number' ? ofNumber(axis, centre[j], std) : ofChoice(axis, centre[j], std)
  })
  return (positions) => {
    let sum = 0
    for (let j = 0; j < ofAxes.length; j++) if (!Number.isNaN(positions[j])) sum += ofAxes[j](positions[j])
    return sum
  }
}

type LogDensity = (position: number) => number

function ofNumber(axis: NumberAxis, centre: number, std: number): LogDensity {
  const inside = Math.log1p(-(normalCdf(-centre / std) + normalCdf((centre - 1) / std)))
  const peak = -Math.log(std * Math.sqrt(2 * Math.PI)) - inside
  return (u) => {
    const cell = axis.cell(u)
    if (cell !== undefined) return logNormalMass((cell[0] - centre) / std, (cell[1] - centre) / std) - inside
    const z = (u - centre) / std
    return peak - (z * z) / 2
  }
}

function ofChoice(axis: ChoiceAxis, centre: number, std: number): LogDensity {
  const { length } = axis.choices
  const kept = keptShare(axis, std)
  const [same, other] = [Math.log(kept), Math.log((1 - kept) / Math.max(length - 1, 1))]
  return (place) => (place === centre ? same : other)
}

function anywhere(axis: Axis): LogDensity {
  if (axis.kind === 'choice') return () => -Math.log(axis.choices.length)
  return (u) => {
    const cell = axis.cell(u)
    return cell === undefined ? 0 : Math.log(cell[1] - cell[0])
  }
}

/** An even draw. */
export const drawAnywhere = (axis: Axis, u: number): number =>
  axis.kind === 'choice' ? Math.floor(u * axis.choices.length) : u
