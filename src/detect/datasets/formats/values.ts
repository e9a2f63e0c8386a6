// Values of files that other programs wrote: what is not as expected is undefined, never an exception.

export type Json = Readonly<Record<string, unknown>>

/** Objects below this many corners in an outline count as boxes. */
export const fewestCorners = 3

export const recordOf = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** A finite number, also written as text. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** A text that is not empty, without blanks at its ends; a number counts as text. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
  return text === '' ? undefined : text
}

/** All of these as numbers, or undefined if one is none. */
export function numbersOf(values: readonly unknown[]): number[] | undefined {
  const numbers = values.map(numberOf)
  return numbers.includes(undefined) ? undefined : (numbers as number[])
}

/** Points as [[x, y], …], flat; undefined if one is no point. */
export function pointsOf(value: unknown): number[] | undefined {
  const pairs = listOf(value)
  return pairs.every((pair) => listOf(pair).length >= 2)
    ? numbersOf(pairs.flatMap((pair) => listOf(pair).slice(0, 2)))
    : undefined
}

/** A size in pixels; undefined where one side is missing or not above 0. */
export function frameOf(width: unknown, height: unknown): { width: number; height: number } | undefined {
  const [w, h] = [numberOf(width) ?? 0, numberOf(height) ?? 0]
  return w > 0 && h > 0 ? { width: w, height: h } : undefined
}

/** A plain order of names that is the same everywhere. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
