import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatG, pythonRepr, roundHalfEven, yamlFloat } from './number-text.ts'

describe('formatG', () => {
  it('sends exact ties to the even digit, as C does', () => {
    expect([2.5, 3.5, 0.125, 100000.5, 9.5].map((x, i) => formatG(x, [1, 1, 2, 6, 1][i]))).toEqual([
      '2',
      '4',
      '0.12',
      '100000',
      '1e+01',
    ])
  })
  it('changes to an exponent below 1e-4 and from 10^digits on', () => {
    expect([1e-4, 9.9999e-5, 99999, 100000, 999999].map((x) => formatG(x, 5))).toEqual([
      '0.0001',
      '9.9999e-05',
      '99999',
      '1e+05',
      '1e+06',
    ])
  })
  it('names what is not finite and keeps the sign of zero', () => {
    expect([Number.NaN, Infinity, -Infinity, -0].map((x) => formatG(x, 5, 5))).toEqual([
      '  nan',
      '  inf',
      ' -inf',
      '   -0',
    ])
  })
})

describe('roundHalfEven', () => {
  it('lets the exact binary value decide', () => {
    // 2.675 lies below, 1.000005 above the tie; 0.5, 1.5, 2.5 and 0.125 are ties
    expect([roundHalfEven(2.675, 2), roundHalfEven(0.125, 2), roundHalfEven(0.375, 2)]).toEqual([2.67, 0.12, 0.38])
    expect([0.5, 1.5, 2.5, -0.5, -2.5].map((x) => roundHalfEven(x, 0))).toEqual([0, 2, 2, -0, -2])
  })
  it('returns what needs no rounding', () => {
    expect([1e22, Number.NaN, Infinity, -0, 3].map((x) => roundHalfEven(x, 5))).toEqual([
      1e22,
      Number.NaN,
      Infinity,
      -0,
      3,
    ])
  })
})

describe('pythonRepr, yamlFloat', () => {
  it('reads back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(Number(pythonRepr(x))).toBe(x)
        expect(Number(yamlFloat(x))).toBe(x)
      }),
    )
  })
  it('is shaped as in Python and PyYAML', () => {
    expect([1, 1e-5, 1e16, 123456789012345680, 1.5e-7].map(pythonRepr)).toEqual([
      '1.0',
      '1e-05',
      '1e+16',
      '1.2345678901234568e+17',
      '1.5e-07',
    ])
    expect([1e-5, Number.NaN, -Infinity].map(yamlFloat)).toEqual(['1.0e-05', '.nan', '-.inf'])
  })
})
