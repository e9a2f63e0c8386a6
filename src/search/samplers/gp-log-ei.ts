// The logarithm of the expected improvement, wherever it is asked for.
import { normalCdf } from './normal.ts'

const logRootTwoPi = 0.5 * Math.log(2 * Math.PI)

/** Of log h(z), h(z) = φ(z) + z Φ(z): the value, and Φ(z) / h(z), φ(z) / h(z), which its derivatives are made of. */
export interface LogImprovement {
  value: number
  /** Φ / h */
  cdf: number
  /** φ / h */
  density: number
}

/**
 * log h(z), where h(z) = E max(0, z + standard normal); finite for every finite z.
 *
 * Far below 0 both terms cancel: there Mills' ratio as a continued fraction, Φ(-x) / φ(x) = 1 / (x + t),
 * t = 1 / (x + 2 / (x + 3 / (x + …))), gives h = φ t / (x + t) without a difference.
 *
 * Source: Ament et al., "Unexpected Improvements to Expected Improvement" (arXiv 2310.20708), equation 9.
 */
export function logImprovement(z: number, out: LogImprovement): void {
  const logDensity = -0.5 * z * z - logRootTwoPi
  if (z > -3) {
    const density = Math.exp(logDensity)
    const cdf = normalCdf(z)
    const h = density + z * cdf
    out.value = Math.log(h)
    out.cdf = cdf / h
    out.density = density / h
    return
  }
  const x = -z
  let t = x
  for (let k = x > 8 ? 30 : 120; k >= 2; k--) t = x + k / t
  t = 1 / t
  out.value = logDensity + Math.log(t / (x + t))
  out.density = (x + t) / t
  out.cdf = 1 / t
}
