import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exp, fusedMultiplyAdd, log, pow } from './c-math.ts'

describe('fusedMultiplyAdd', () => {
  it('rounds the exact result once', () => {
    const integer = fc.maxSafeInteger()
    fc.assert(
      fc.property(integer, integer, integer, fc.nat(120), (a, b, c, shift) => {
        // Number(bigint) rounds to the nearest double, ties to even
        const exact = BigInt(a) * BigInt(b) + (BigInt(c) << BigInt(shift))
        expect(fusedMultiplyAdd(a, b, c * 2 ** shift) + 0).toBe(Number(exact))
      }),
      { numRuns: 20000 },
    )
  })

  it('keeps what is left when the sum cancels, at any scale', () => {
    const integer = fc.maxSafeInteger()
    fc.assert(
      fc.property(
        integer,
        integer,
        fc.integer({ min: -9, max: 9 }),
        fc.integer({ min: -400, max: 400 }),
        (a, b, units, e) => {
          const product = Number(BigInt(a) * BigInt(b))
          const exact = BigInt(a) * BigInt(b) - BigInt(product) + BigInt(units)
          const c = BigInt(units) - BigInt(product)
          if (BigInt(Number(c)) !== c) return
          expect(fusedMultiplyAdd(a * 2 ** e, b, Number(c) * 2 ** e) + 0).toBe(Number(exact) * 2 ** e)
        },
      ),
      { numRuns: 5000 },
    )
  })
})

/** sha256 of the doubles; in Python: hashlib.sha256(array.array('d', values).tobytes()).hexdigest() */
const digest = (count: number, value: (i: number) => number) =>
  createHash('sha256')
    .update(Float64Array.from({ length: count }, (_, i) => value(i)))
    .digest('hex')

// Expected: Python's math.log, math.exp, math.pow on x86-64 with FMA and glibc 2.36.
describe('log, exp, pow', () => {
  it('are those of glibc where V8 has another last bit', () => {
    expect([log(0.414645), log(0.592407)]).toEqual([-0.8803325465201014, -0.5235613803179952])
    expect([log(0.966392), log(1.02613)]).toEqual([-0.03418572998154592, 0.02579444437511596])
    expect([exp(-4.3635), exp(-705.36)]).toEqual([0.012733741469154356, 4.634941368335526e-307])
    expect([pow(0.4064, 1.862), pow(0.7546, 1.188)]).toEqual([0.1870129961113681, 0.715694301728569])
  })

  it('log of 100000 arguments, and of subnormal ones', () => {
    expect(digest(100000, (i) => log((i + 1) / 65536))).toBe(
      '782bfc725b5301e782b8ef70baf91f54b87cbc3abd552cefa4b52cac0118e3be',
    )
    expect(digest(1000, (i) => log((i + 1) * 2 ** -1074))).toBe(
      '47934fbe938a7eefbd39af3d8f8e78fb4019f82fbe1a02c3141e0b5f0041bee2',
    )
  })

  it('exp of 100000 arguments down to subnormal results and zero', () => {
    expect(digest(100000, (i) => exp(-i / 128))).toBe(
      'f532a53dd406e6c531541c7fb4b8eac5f5dea5edce2761efa9f620f2f027f7be',
    )
  })

  it('pow of 100000 arguments', () => {
    expect(digest(100000, (i) => pow((i + 1) / 65536, 1 + (i % 997) / 8))).toBe(
      '6ed08db644143217a2dc4d590022a2414ee0b416635f8fecf809140b019b048a',
    )
  })

  it('at the ends', () => {
    expect([log(0), log(1), log(Number.MAX_VALUE)]).toEqual([Number.NEGATIVE_INFINITY, 0, 709.782712893384])
    expect([exp(0), exp(-1e4), exp(1e4), exp(Number.NEGATIVE_INFINITY)]).toEqual([1, 0, Number.POSITIVE_INFINITY, 0])
    expect([pow(0, 2), pow(1, 1e9), pow(0.5, 1074), pow(0.5, 1e9), pow(0.5, 2 ** 70)]).toEqual([0, 1, 5e-324, 0, 0])
  })
})
