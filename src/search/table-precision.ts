// The precision of evolve.csv and evolve.txt. The originals read parents and fitness back from those files, so whatever
// they compute with has passed through it.
import { formatG } from '../base/index.ts'

/** The value as C's `%.<digits>g` leaves it. */
export function toDigits(value: number, digits: number): number {
  const text = formatG(value, digits)
  return text === 'nan' ? Number.NaN : text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text)
}

/** The value as evolve.csv holds it: 5 significant digits. */
export const tablePrecision = (value: number): number => toDigits(value, 5)
