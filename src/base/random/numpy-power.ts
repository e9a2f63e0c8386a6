// x^y as NumPy computes it for arrays on processors with AVX-512: another algorithm than the C library's, whose results
// differ from it in the last bit now and then.
// Source: Intel SVML as published with NumPy, svml_z0_pow_d_la.s, Copyright (c) 2023 Intel Corporation, BSD-3-Clause
// (tables and coefficients; hexadecimal there, decimal here).
// biome-ignore-all lint/suspicious/noApproximativeNumericConstant: a table may well hold the square root of 2
import { fusedMultiplyAdd as fma, pow } from './c-math.ts'

/** log2(1/r) and its rest for r = 1 + i/32; from 1.5 on 1 + log2(1/r). */
// biome-ignore format: one row a line
const LOG2_TABLE: readonly (readonly [high: number, low: number])[] = [
  [0, 0],
  [-0.04439411935800308, -4.5035636491329477e-13],
  [-0.0874628412502716, -6.781363655020842e-14],
  [-0.12928301694500988, 4.3421195976986995e-14],
  [-0.16992500144260703, 2.9466363971563933e-13],
  [-0.20945336562908778, 1.3800246976244608e-13],
  [-0.24792751344375574, 1.7024883460791358e-13],
  [-0.2854022188621457, -1.02668366941445e-13],
  [-0.32192809488697094, -3.914087556296025e-13],
  [-0.3575520046179008, -1.82872716976671e-13],
  [-0.39231742277843296, -3.273329303085191e-13],
  [-0.4262647547020606, -3.733907276649932e-14],
  [-0.45943161863760906, 3.1180651700181383e-13],
  [-0.49185309632957797, -9.67451159139632e-14],
  [-0.5235619560571649, 1.520621696507556e-13],
  [-0.5545888516780906, 4.532053086411405e-13],
  [0.4150374992786965, 1.4733181985781966e-13],
  [0.3852901558848316, -3.983479855974919e-14],
  [0.3561438102251486, 1.266771905137232e-13],
  [0.3275746580284249, 7.951818330761124e-14],
  [0.29956028185915784, -2.500001867992647e-13],
  [0.2720795454370091, -2.0825307466611057e-13],
  [0.24511249783608946, 4.4199545957345896e-13],
  [0.21864028647542, -7.960223862778872e-14],
  [0.19264507794196106, 4.348299516065895e-13],
  [0.16710998583494074, 3.1758065446573327e-13],
  [0.1420190048720542, 3.736684162192024e-13],
  [0.1173569506381682, -9.459192232399996e-15],
  [0.09310940439172555, -2.4407693577178287e-13],
  [0.06926266243681312, 3.0060745418937855e-13],
  [0.04580368961342174, -2.9694741952048217e-13],
  [0.02272007650026353, -1.800011104506994e-13],
]

/** 2^(i/16). */
// biome-ignore format: four a line
const EXP2_TABLE: readonly number[] = [
  1, 1.0442737824274138, 1.0905077326652577, 1.1387886347566916,
  1.189207115002721, 1.241857812073484, 1.2968395546510096, 1.3542555469368927,
  1.4142135623730951, 1.4768261459394993, 1.5422108254079407, 1.6104903319492543,
  1.681792830507429, 1.7562521603732995, 1.8340080864093424, 1.9152065613971474,
]

// 1/ln 2 · (r - r²/2 + …), high and low parts of the first two
const LOG2_1 = 1.4426950408889634
const LOG2_1_LOW = 2.0355736058257225e-17
const LOG2_2 = -0.7213475204444817
const LOG2_2_LOW = 8.421822774076385e-18
const LOG2_3 = 0.4808983469629877
const LOG2_4 = -0.3606737602232487
const LOG2_5 = 0.2885390081799307
const LOG2_6 = -0.24044915873623204
const LOG2_7 = 0.20609927020561977
const LOG2_8 = -0.18041677509176682
const LOG2_9 = 0.16038822625577315

// 2^z - 1 over z
const EXP2 = [
  0.6931471805599342, 0.24022650696194106, 0.0555041083923959, 0.009618141545265708, 0.0013330645434141127,
  0.00015741120548571732,
] as const

/**
 * x^y for x > 0 as NumPy's vector library has it (relative error below 2^-52); outside of its main path (x not above 0,
 * not finite or subnormal, results near the ends of the range) C's `pow`.
 *
 * The library starts from the processor's estimate of a reciprocal, rounded to 1/32; the exact reciprocal rounds to the
 * same except within 2^-14 of a tie.
 */
export function numpyPower(x: number, y: number): number {
  if (!(x >= 2 ** -1022 && x < Infinity && Number.isFinite(y)) || y === 0) return pow(x, y)
  const double = new Float64Array([x])
  const words = new Uint32Array(double.buffer)
  const exponent = ((words[1] >> 20) & 0x7ff) - 1023
  words[1] = (words[1] & 0x800fffff) | (1022 << 20)
  const [mantissa] = double // x = mantissa · 2^(exponent + 1), in [0.5, 1)

  // log2 x = whole + tableHigh + tableLow + log2(1 + r)
  const reciprocal = nearestEven(32 / mantissa) / 32
  const r = fma(reciprocal, mantissa, -1)
  const whole = reciprocal < 1.5 ? exponent + 1 : exponent
  const [tableHigh, tableLow] = LOG2_TABLE[(reciprocal * 32) % 32]
  const r2 = r * r
  let poly = fma(LOG2_9, r, LOG2_8)
  poly = fma(poly, r2, fma(LOG2_7, r, LOG2_6))
  poly = fma(poly, r2, fma(LOG2_5, r, LOG2_4))
  poly = fma(poly, r2, fma(LOG2_3, r, LOG2_2_LOW))
  const tail = fma(r2, poly, fma(LOG2_2, fma(r, r, -r2), tableLow))
  const sum0 = whole + tableHigh
  const sum1 = fma(LOG2_1, r, sum0)
  const sum2 = fma(LOG2_2, r2, sum1)
  const high = sum2 + tail
  const lost1 = fma(LOG2_1, r, -(sum1 - sum0))
  const lost2 = fma(LOG2_2, r2, -(sum2 - sum1))
  const low = tail - (high - sum2) + (fma(LOG2_1_LOW, r, lost1) + lost2)

  // 2^(y (high + low)) = 2^(sixteenths/16) · 2^z
  const product = towardZero(y * high, fma(y, high, -(y * high)))
  if (Math.abs(product) >= 1021.5) return pow(x, y)
  const productLow = fma(y, high, -product)
  const sixteenths = Math.floor(product * 16)
  const z = product - sixteenths / 16 + fmaTowardZero(low, y, productLow)
  const table = EXP2_TABLE[((sixteenths % 16) + 16) % 16]
  const z2 = z * z
  let value = fma(EXP2[5], z, EXP2[4])
  value = fma(z2, value, fma(EXP2[3], z, EXP2[2]))
  value = fma(z2, value, fma(EXP2[1], z, EXP2[0]))
  return fma(z * table, value, table) * 2 ** Math.floor(sixteenths / 16)
}

function nearestEven(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down
}

/** The rounded value, one unit nearer to zero if it was rounded away from it. */
function towardZero(rounded: number, error: number): number {
  if (error === 0 || error > 0 === rounded > 0) return rounded
  const bits = new BigInt64Array(new Float64Array([rounded]).buffer)
  bits[0] -= 1n
  return new Float64Array(bits.buffer)[0]
}

/** a·b + c rounded toward zero. */
function fmaTowardZero(a: number, b: number, c: number): number {
  const rounded = fma(a, b, c)
  const product = a * b
  const productLow = fma(a, b, -product)
  const sum = product + c
  const part = sum - product
  const sumLow = product - (sum - part) + (c - part)
  return towardZero(rounded, sum - rounded + (sumLow + productLow))
}
