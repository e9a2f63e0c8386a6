// Cosine and sine, correctly rounded (all but about one of 10^15 arguments), for `gauss` of Python's `random`, which calls
// those of the C library: one draw in 800 differs from it, by one or two units in the last place. V8's own differ oftener.
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

const HALF_PI: Double2 = [1.5707963267948966, 6.123233995736766e-17]

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
