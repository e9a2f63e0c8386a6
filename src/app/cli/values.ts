// Parsers for the values of flags. They throw what commander turns into a usage error that names the flag.
import { InvalidArgumentError } from 'commander'

/**
 * A whole number in [low, high].
 *
 * @example new Option('--epochs <n>').argParser(integer(1))
 */
export const integer =
  (low = Number.MIN_SAFE_INTEGER, high = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(value)) throw new InvalidArgumentError('Give a whole number.')
    if (value < low || value > high) throw new InvalidArgumentError(range(low, high))
    return value
  }

/** A finite number in [low, high]. */
export const real =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Give a number.')
    if (value < low || value > high) throw new InvalidArgumentError(range(low, high))
    return value
  }

/** Collects whole numbers of a flag that takes several: `--freeze 0 1 2`. */
export const integers =
  (low: number) =>
  (text: string, previous: readonly number[] | undefined): number[] => [
    ...(previous ?? []),
    ...text.split(',').map(integer(low)),
  ]

/** One of the choices; upper and lower case count the same. */
export const oneOf =
  <T extends string>(...choices: readonly T[]) =>
  (text: string): T => {
    const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
    if (found === undefined) throw new InvalidArgumentError(`Choose one of ${choices.join(', ')}.`)
    return found
  }

/** Collects names: `--fix a,b --fix c` gives a, b and c. */
export const words = (text: string, previous: readonly string[] | undefined): string[] => {
  const names = text.split(',').map((name) => name.trim())
  if (names.includes('')) throw new InvalidArgumentError('Give names with a comma between them, as lr0,momentum.')
  return [...(previous ?? []), ...names]
}

/** Collects the values of a flag that takes several. */
export const list = (text: string, previous: readonly string[] | undefined): string[] => [...(previous ?? []), text]

/** Seconds from `90`, `90s`, `15m`, `2h`, `1d`. */
export const duration = (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?$/.exec(text.trim())
  const seconds = match ? Number(match[1]) * { s: 1, m: 60, min: 60, h: 3600, d: 86_400 }[match[2] ?? 's']! : 0
  if (seconds <= 0) throw new InvalidArgumentError('Give a time as 90s, 15m or 2h.')
  return seconds
}

function range(low: number, high: number): string {
  if (high === Number.MAX_SAFE_INTEGER) return `It must be ${low} or more.`
  return `It must be from ${low} to ${high}.`
}
