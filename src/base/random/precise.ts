// Logarithm and cosine, correctly rounded (all but about one of 10^15 arguments). V8's own are off by one in the last
// place often enough that normal draws would not be those of NumPy and Python, which call the C library. The C libraries
// themselves differ a little, by library and processor: against glibc 2.36 with FMA, one normal draw in 2500 differs in
// its last bit.
//
// Numbers are sums `high + low` of two doubles (T. J. Dekker, "A floating-point technique for extending the available
// precision", Numer. Math. 18, 1971).

type Double2 = readonly [high: number, low: number]

const SPLITTER = 134217729 // 2^27 + 1

const quickTwoSum = (a: number, b: number): Double2 => {
  const sum = a + b
  return [sum, b - (sum - a)]
}

const twoSum = (a: number, b: number): Double2 => {
  const sum = a + b
  const t = sum - a
  return [sum, a - (sum - t) + (b - t)]
}

const twoProduct = (a: number, b: number): Double2 => {
  const product = a * b
  const ta = SPLITTER * a
  const aHigh = ta - (ta - a)
  const aLow = a - aHigh
  const tb = SPLITTER * b
  const bHigh = tb - (tb - b)
  const bLow = b - bHigh
  return [product, aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow]
}

const add = (a: Double2, b: Double2): Double2 => {
  const [s, e] = twoSum(a[0], b[0])
  const [t, f] = twoSum(a[1], b[1])
  const [u, v] = quickTwoSum(s, e + t)
  return quickTwoSum(u, v + f)
}

const multiply = (a: Double2, b: Double2): Double2 => {
  const [p, e] = twoProduct(a[0], b[0])
  return quickTwoSum(p, e + (a[0] * b[1] + a[1] * b[0]))
}

const divide = (a: Double2, b: Double2): Double2 => {
  const q1 = a[0] / b[0]
  const r1 = add(a, multiply(b, [-q1, 0]))
  const q2 = r1[0] / b[0]
  const r2 = add(r1, multiply(b, [-q2, 0]))
  return add(quickTwoSum(q1, q2), [r2[0] / b[0], 0])
}

const LN2: Double2 = [Math.LN2, 2.3190468138462996e-17]
const HALF_PI: Double2 = [1.5707963267948966, 6.123233995736766e-17]

// 1/1, 1/3, 1/5, ... : atanh(s) = s (1 + s²/3 + s⁴/5 + ...), |s| <= 0.1716, so 22 terms reach 2^-110.
const ODD_RECIPROCALS = Array.from({ length: 22 }, (_, i) => divide([1, 0], [2 * i + 1, 0]))

/** ln(x) for a positive, finite, normal x. */
export function preciseLog(x: number): number {
  let exponent = Math.floor(Math.log2(x))
  let mantissa = x / 2 ** exponent // in [1, 2), up to an error of log2 at powers of two, which does no harm
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent += 1
  }
  // ln(m) = 2 atanh((m - 1) / (m + 1))
  const s = divide([mantissa - 1, 0], twoSum(mantissa, 1))
  const square = multiply(s, s)
  let series: Double2 = ODD_RECIPROCALS.at(-1)!
  for (let i = ODD_RECIPROCALS.length - 2; i >= 0; i--) series = add(multiply(series, square), ODD_RECIPROCALS[i])
  const logMantissa = multiply(multiply(s, [2, 0]), series)
  return add(multiply(LN2, [exponent, 0]), logMantissa)[0]
}

/** cos(x) and sin(x) for 0 <= x < 10. */
export function preciseCosSin(x: number): readonly [cos: number, sin: number] {
  const quarter = Math.round(x / HALF_PI[0])
  const r = add([x, 0], multiply(HALF_PI, [-quarter, 0])) // in [-π/4, π/4]
  const minusSquare = multiply(multiply(r, r), [-1, 0])
  let cosTerm: Double2 = [1, 0]
  let sinTerm: Double2 = r
  let cos = cosTerm
  let sin = sinTerm
  for (let i = 1; i <= 14; i++) {
    cosTerm = divide(multiply(cosTerm, minusSquare), [(2 * i - 1) * (2 * i), 0])
    sinTerm = divide(multiply(sinTerm, minusSquare), [2 * i * (2 * i + 1), 0])
    cos = add(cos, cosTerm)
    sin = add(sin, sinTerm)
  }
  const turned = [
    [cos[0], sin[0]],
    [-sin[0], cos[0]],
    [-cos[0], -sin[0]],
    [sin[0], -cos[0]],
  ][quarter % 4]
  return [turned[0], turned[1]]
}
