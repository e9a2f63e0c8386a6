// Random numbers of the baselines.
import { NumpyRandom } from '../../../src/base/index.ts'
import type { Setting } from '../method.ts'

/** One stream for a run. */
export const drawsOf = ({ seed }: Setting): NumpyRandom => new NumpyRandom([seed % 4294967296, 3])

/** Cumulative standard normal (Abramowitz and Stegun 7.1.26: off by less than 1e-7 is enough for these densities). */
export function normalCdf(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2)
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
  const half = 0.5 * series * Math.exp((-x * x) / 2)
  return x < 0 ? half : 1 - half
}

/** Normal, drawn again until it lies in [0, 1]. */
export function truncatedNormal(random: NumpyRandom, mean: number, deviation: number): number {
  for (;;) {
    const drawn = mean + deviation * random.normal()
    if (drawn >= 0 && drawn <= 1) return drawn
  }
}

/** Logarithm of the density of a normal cut to [0, 1]. */
export function truncatedLogDensity(x: number, mean: number, deviation: number): number {
  const mass = normalCdf((1 - mean) / deviation) - normalCdf(-mean / deviation)
  return -0.5 * ((x - mean) / deviation) ** 2 - Math.log(deviation * Math.sqrt(2 * Math.PI) * mass)
}
