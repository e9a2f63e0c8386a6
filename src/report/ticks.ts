// Limits and tick marks of a numeric axis: round steps, few labels, all with the same number of decimals.
import { formatG } from '../base/index.ts'

export interface Axis {
  readonly min: number
  readonly max: number
  readonly ticks: readonly number[]
  readonly label: (value: number) => string
}

const marginFraction = 0.05
const steps = [1, 2, 2.5, 5, 10]

/**
 * Limits around the finite values with 5 % margin on both sides. Equal values v: v ± 5 % (0 ± 0.05), and the margin.
 * Without any finite value [0, 1].
 */
export function axisLimits(values: ArrayLike<number>): { min: number; max: number } {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    min = Math.min(min, value)
    max = Math.max(max, value)
  }
  if (min > max) return { min: 0, max: 1 }
  if (max - min <= 1e-12 * Math.max(Math.abs(min), Math.abs(max))) {
    const half = min === 0 ? marginFraction : Math.abs(min) * marginFraction
    min -= half
    max += half
  }
  const margin = (max - min) * marginFraction
  return { min: min - margin, max: max + margin }
}

/**
 * Ticks at multiples of 1, 2, 2.5 or 5 · 10^k inside [min, max], at most `intervals` steps.
 * @param fits - whether these labels, this far apart (as a fraction of the axis), stand without touching; fewer ticks are tried until it says yes
 */
export function numericAxis(
  { min, max }: { readonly min: number; readonly max: number },
  intervals: number,
  fits: (labels: readonly string[], apart: number) => boolean = () => true,
): Axis {
  let fewest: Axis | undefined
  for (let count = Math.max(3, Math.floor(intervals)); count > 0; count--) {
    const step = roundStep((max - min) / count)
    const ticks = multiples(step, min, max)
    if (ticks.length === 0) break
    fewest = { min, max, ticks, label: labelFor(step, ticks) }
    if (ticks.length >= 2 && fits(ticks.map(fewest.label), step / (max - min))) break
  }
  return fewest ?? { min, max, ticks: [], label: String }
}

/** The axis with ticks at whole numbers only, for counts and epochs. */
export function wholeNumbers(axis: Axis): Axis {
  const ticks = axis.ticks.filter(Number.isInteger)
  return ticks.length > 0 && ticks.length < axis.ticks.length ? { ...axis, ticks, label: String } : axis
}

/** The same text with a real minus sign (U+2212). */
export const withMinusSign = (text: string) => text.replaceAll('-', '\u2212')

/** The smallest round step that is not below `raw`. */
function roundStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw))
  const mantissa = steps.find((step) => step * power >= raw * (1 - 1e-9)) ?? 10
  return mantissa * power
}

function multiples(step: number, min: number, max: number): number[] {
  const tolerance = 1e-9
  const first = Math.ceil(min / step - tolerance)
  const last = Math.floor(max / step + tolerance)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

function labelFor(step: number, ticks: readonly number[]): (value: number) => string {
  const largest = Math.max(...ticks.map(Math.abs), 0)
  if (largest > 0 && (largest < 2e-4 || largest >= 1e6)) return (value) => withMinusSign(shortExponent(value))
  const decimals = Math.max(0, ...[...ticks, step].map(decimalsOf))
  return (value) => withMinusSign(value.toFixed(decimals))
}

const shortExponent = (value: number) => {
  const [mantissa, exponent] = value.toExponential(6).split('e') as [string, string]
  return value === 0 ? '0' : `${formatG(Number(mantissa), 4)}e${Number(exponent)}`
}

function decimalsOf(value: number): number {
  const text = Number(value.toPrecision(10))
  for (let decimals = 0; decimals < 12; decimals++)
    if (Math.abs(text - Number(text.toFixed(decimals))) <= 1e-9 * Math.abs(text)) return decimals
  return 12
}
