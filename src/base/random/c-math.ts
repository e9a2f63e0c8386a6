// log, exp and pow of the C library under the originals, bit for bit: glibc (2.36, compared on millions of arguments) on
// x86-64 with FMA. NumPy's normal, gamma and beta draws go through them; they are neither correctly rounded nor V8's.
//
// Source of the method and of the numbers, those of c-math-tables.ts too: Arm Optimized Routines, math/log.c, exp.c,
// pow.c and their *_data.c (https://github.com/ARM-software/optimized-routines), Copyright (c) 2018-2026, Arm Limited,
// MIT OR Apache-2.0 WITH LLVM-exception; glibc took them over. Changed: written in TypeScript for the arguments that
// random draws have, and the fused multiply-add, computed from plain operations, stands where GCC puts it in glibc.
import { EXP_TABLE, LOG_TABLE, POW_LOG_TABLE } from './c-math-tables.ts'

// One double and its two words, low word first (x86-64, arm64).
const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

const SPLITTER = 134217729 // 2^27 + 1

/**
 * a·b + c with one rounding. The product is taken apart as by T. J. Dekker (Numer. Math. 18, 1971), the sum of the three
 * parts as by S. Boldo and G. Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding
 * to odd" (IEEE Trans. Computers 57, 2008). Holds while no step over- or underflows: |a|, |b|, |a·b|, |c| < 2^990, and
 * a·b zero or at least 2^-960.
 */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b
  const aSplit = SPLITTER * a
  const aHigh = aSplit - (aSplit - a)
  const aLow = a - aHigh
  const bSplit = SPLITTER * b
  const bHigh = bSplit - (bSplit - b)
  const bLow = b - bHigh
  const productLow = aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow

  const u = c + productLow
  const uPart = u - c
  const uLow = c - (u - uPart) + (productLow - uPart)
  const t = product + u
  const tPart = t - product
  const tLow = product - (t - tPart) + (u - tPart)

  // tLow + uLow, rounded to odd: where it is no double, the one of its two neighbours whose last bit is 1
  const low = tLow + uLow
  const lowPart = low - tLow
  const lost = tLow - (low - lowPart) + (uLow - lowPart)
  if (lost === 0) return t + low
  double[0] = low
  if (words[0] % 2 === 0) {
    if (lost > 0 === low > 0) words[0] += 1
    else if (words[0]-- === 0) words[1] -= 1 // the low word is all ones now
  }
  return t + double[0]
}

const fma = fusedMultiplyAdd

const LN2_HIGH = 0.6931471805598903 // 42 bits: exact times any exponent
const LN2_LOW = 5.497923018708371e-14

/**
 * x = 2^k z, z in [lowest, 2 lowest): leaves z in `double`, returns 128 k + the index of z's part of that range.
 *
 * @param lowest - upper word of the double
 */
function reduce(x: number, lowest: number): number {
  const subnormal = x < 2 ** -1022
  double[0] = subnormal ? x * 2 ** 52 : x
  const above = (words[1] - lowest) | 0
  words[1] -= above & 0xfff00000
  return (above >> 13) - (subnormal ? 52 * 128 : 0)
}

// r²/2 onwards of the series of ln(1 + r), |r| < 2^-8
const L2 = -0.5000000000000001
const L3 = 0.33333333331825593
const L4 = -0.2499999999622955
const L5 = 0.20000304511814496
const L6 = -0.16667054827627667

/** ln(x), x >= 0 and finite. */
export function log(x: number): number {
  if (x >= 0.9375 && x < 1.064697265625) return logNearOne(x)
  if (x === 0) return Number.NEGATIVE_INFINITY
  const place = reduce(x, 0x3fe60000)
  const exponent = place >> 7
  const row = 2 * (place & 127)
  // ln(x) = exponent ln 2 + ln(c) + ln(1 + r), with 1/c and ln(c) from the table
  const r = fma(double[0], LOG_TABLE[row], -1)
  const w = exponent * LN2_HIGH + LOG_TABLE[row + 1]
  const high = w + r
  const low = fma(exponent, LN2_LOW, w - high + r)
  const r2 = r * r
  return fma(r * r2, fma(fma(r, L6, L5), r2, fma(r, L4, L3)), fma(r2, L2, low)) + high
}

// r³/3 onwards of the series of ln(1 + r), -1/16 <= r < 0.0647
const N3 = 0.3333333333333352
const N4 = -0.24999999999998432
const N5 = 0.19999999999320328
const N6 = -0.16666666669929706
const N7 = 0.14285715076560868
const N8 = -0.12499997863982555
const N9 = 0.11110712032936046
const N10 = -0.10000486757818193
const N11 = 0.09181994006195467
const N12 = -0.08328363062289341

function logNearOne(x: number): number {
  const r = x - 1
  const r2 = r * r
  const r3 = r * r2
  const third = fma(r3, N12, fma(r2, N11, fma(r, N10, N9)))
  const second = fma(third, r3, fma(r2, N8, fma(r, N7, N6)))
  const series = fma(second, r3, fma(r2, N5, fma(r, N4, N3)))
  // r - r²/2, with r in two halves so that the square of the upper one is exact
  const w = r * 2 ** 27
  const rHigh = r + w - w
  const rLow = r - rHigh
  const halfSquare = rHigh * rHigh * -0.5
  const high = r + halfSquare
  const low = fma(-0.5 * rLow, rHigh + r, r - high + halfSquare)
  return high + fma(series, r3, low)
}

const INVERSE_LN2_128 = 184.6649652337873 // 128 / ln 2
const LN2_128_HIGH = -0.005415212348111709 // -(ln 2) / 128
const LN2_128_LOW = -1.2864023111638346e-14
const ROUND_TO_INTEGER = 6755399441055744 // 1.5 · 2^52

// r²/2 onwards of the series of e^r, |r| < 0.0028
const E2 = 0.49999999999996786
const E3 = 0.16666666666665886
const E4 = 0.0416666808410674
const E5 = 0.008333335853059549

/** e^x. */
export function exp(x: number): number {
  return expOfSum(x, 0)
}

/** e^(x + tail), |tail| far below |x| */
function expOfSum(x: number, tail: number): number {
  if (Math.abs(x) < 2 ** -54) return 1 + x
  if (!(Math.abs(x) < 1024)) return Math.exp(x) // 0, infinity, NaN
  // e^x = 2^(k/128) e^r; the table holds 2^(i/128) as scale (1 + correction)
  const k = fma(INVERSE_LN2_128, x, ROUND_TO_INTEGER) - ROUND_TO_INTEGER
  const r = fma(k, LN2_128_LOW, fma(k, LN2_128_HIGH, x)) + tail
  const row = 2 * (k & 127)
  const exponent = k >> 7
  const scale = EXP_TABLE[row]
  const r2 = r * r
  const power = fma(r2 * r2, fma(r, E5, E4), fma(fma(E3, r, E2), r2, r + EXP_TABLE[row + 1]))
  if (x > -512) return fma(scale, power, scale) * 2 ** (exponent - 1) * 2

  // The result may be subnormal. Here GCC fuses nothing.
  const scaled = scale * 2 ** (exponent + 1022)
  const rest = scaled * power
  const y = scaled + rest
  if (y >= 1) return y * 2 ** -1022
  // rounds once to the precision that the subnormal result will have
  const high = 1 + y
  const low = 1 - high + y + (scaled - y + rest)
  return (low + high - 1) * 2 ** -1022
}

// r³/3 onwards of the series of ln(1 + r), scaled for products with -r²/2
const P3 = -0.6666666666666679
const P4 = 0.5000000000000007
const P5 = 0.7999999995323976
const P6 = -0.6666666663487739
const P7 = -1.142909628459501
const P8 = 1.0000415263675542

/** x^y, x >= 0 and finite, 1 <= y < 2^63 (other exponents: as V8 has it). */
export function pow(x: number, y: number): number {
  if (x === 0 || !(y >= 1 && y < 2 ** 63)) return x ** y
  const place = reduce(x, 0x3fe69555)
  const exponent = place >> 7
  const row = 3 * (place & 127)
  // ln(x) = high + low, to about 68 bits
  const r = fma(double[0], POW_LOG_TABLE[row], -1)
  const t1 = exponent * LN2_HIGH + POW_LOG_TABLE[row + 1]
  const t2 = t1 + r
  const low1 = fma(exponent, LN2_LOW, POW_LOG_TABLE[row + 2])
  const low2 = t1 - t2 + r
  const halfR = -0.5 * r
  const halfR2 = r * halfR
  const halfR3 = r * halfR2
  const sum = t2 + halfR2
  const low3 = fma(halfR, r, -halfR2)
  const low4 = t2 - sum + halfR2
  const series = fma(halfR2, fma(fma(r, P8, P7), halfR2, fma(P6, r, P5)), fma(P4, r, P3))
  const low = fma(halfR3, series, low1 + low2 + low3 + low4)
  const high = sum + low
  const tail = sum - high + low
  const product = y * high
  return expOfSum(product, fma(y, tail, fma(y, high, -product)))
}
