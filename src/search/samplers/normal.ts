// The normal distribution, cut off at bounds: what samplers that work in the unit cube draw from.

const rootTwoPi = Math.sqrt(2 * Math.PI)

/**
 * P(X ≤ x) of the standard normal, to 14 digits; relative to itself to 8 digits at least in the far lower tail.
 *
 * Source of the constants: Hart et al., "Computer Approximations", algorithm 5666, in the form of West, "Better
 * approximations to cumulative normal functions" (2005).
 */
export function normalCdf(x: number): number {
  if (x > 8.3) return 1
  if (x < -38) return 0
  const z = Math.abs(x)
  const e = Math.exp((-z * z) / 2)
  const tail = z < 7.07106781186547 ? (e * upper(z)) / lower(z) : e / (fraction(z) * rootTwoPi)
  return x > 0 ? 1 - tail : tail
}

/** Logarithm of P(from < X ≤ to) of the standard normal; finite, however far the stretch lies from 0. */
export function logNormalMass(from: number, to: number): number {
  const near = from > 0 ? from : -to
  if (near < 6) return Math.log(normalMass(from, to))
  const far = from > 0 ? to : -from
  // Mills' ratio, less what lies beyond the far end
  return -0.5 * near * near - Math.log(near * rootTwoPi) + Math.log1p(-Math.exp((near - far) * (near + far) * 0.5))
}

const horner = (coefficients: readonly number[]) => (z: number) => {
  let sum = 0
  for (let i = 0; i < coefficients.length; i++) sum = sum * z + coefficients[i]
  return sum
}

const upper = horner([
  3.52624965998911e-2, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931,
  220.206867912376,
])

const lower = horner([
  8.83883476483184e-2, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831,
  793.826512519948, 440.413735824752,
])

/** Continued fraction of Mills' ratio, far from 0. */
const fraction = (z: number) => z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))

/**
 * The inverse of {@link normalCdf}; -Infinity at 0, Infinity at 1.
 *
 * A rational approximation (Acklam, 2003; relative error 1.2e-9), with one step of Halley's method behind it.
 */
export function normalQuantile(p: number): number {
  if (!(p > 0)) return -Infinity
  if (p >= 1) return Infinity
  if (p > 0.5) return -normalQuantile(1 - p)
  const x = p < 0.02425 ? tailQuantile(Math.sqrt(-2 * Math.log(p))) : middleQuantile(p - 0.5)
  const error = (normalCdf(x) - p) * rootTwoPi * Math.exp((x * x) / 2)
  return Number.isFinite(error) ? x - error / (1 + (x * error) / 2) : x
}

const tailTop = horner([
  -7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
])
const tailBottom = horner([7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1])
const tailQuantile = (q: number) => tailTop(q) / tailBottom(q)

const middleTop = horner([
  -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239,
])
const middleBottom = horner([
  -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1,
])
const middleQuantile = (q: number) => (q * middleTop(q * q)) / middleBottom(q * q)

/** P(from < X ≤ to) of the standard normal, without cancellation in the upper tail. */
export const normalMass = (from: number, to: number): number =>
  from > 0 ? normalCdf(-from) - normalCdf(-to) : normalCdf(to) - normalCdf(from)

/**
 * The value at the share `u` of a normal distribution that is cut off at `from` and `to` (either may be infinite). Where
 * the bounds hold no mass that a number can express it is the bound next to the mean.
 *
 * @param u - in [0, 1)
 */
export function truncatedNormal(mean: number, std: number, from: number, to: number, u: number): number {
  const [a, b] = [(from - mean) / std, (to - mean) / std]
  const flipped = a > 0 // the lower tail is the precise one
  const [low, high] = flipped ? [normalCdf(-b), normalCdf(-a)] : [normalCdf(a), normalCdf(b)]
  if (!(high > low)) return a > 0 ? from : b < 0 ? to : mean
  const z = normalQuantile(low + (flipped ? 1 - u : u) * (high - low))
  return Math.min(Math.max(mean + std * (flipped ? -z : z), from), to)
}
