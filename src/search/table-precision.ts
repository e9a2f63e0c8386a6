// The precision of evolve.csv. The originals read parents and fitness back from that file, so whatever a sampler
// computes with has passed through it.
import { formatG } from '../base/index.ts'

/** The value as `%20.5g` leaves it: 5 significant digits. */
export const tablePrecision = (value: number): number => {
  const text = formatG(value, 5)
  return text === 'nan' ? Number.NaN : text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text)
}
