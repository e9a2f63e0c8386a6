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

function range(low: number, high: number): string {
  if (high === Number.MAX_SAFE_INTEGER) return `It must be ${low} or more.`
  return `It must be from ${low} to ${high}.`
}
