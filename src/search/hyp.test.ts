import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HypFileInvalidError, HypNotNumberError } from '../base/index.ts'
import { formatHyp, parseHyp } from './index.ts'

describe('parseHyp', () => {
  it('keeps the order, skips comments, takes numbers as people write them', () => {
    const text = '\uFEFF# title\nlrf: 1e-2 # one percent\nlr0: 1.0e-05\r\nanchors: 3\nshear: -0\n'
    expect(Object.entries(parseHyp(text, 'x'))).toEqual([
      ['lrf', 0.01],
      ['lr0', 0.00001],
      ['anchors', 3],
      ['shear', -0],
    ])
  })

  it.each([
    ['lr0: abc', 'my.yaml gives "lr0" the value "abc"'],
    ['lr0: "0.1"', 'the value "0.1"'],
    ['lr0: .nan', 'the value ".nan"'],
    ['lr0: .inf', 'the value ".inf"'],
    ['lr0: true', 'the value "true"'],
    ['lr0:', 'gives "lr0" the value'],
    ['lr0: [1, 2]', 'none or a list'],
  ])('refuses %s', (text, message) => {
    expect(() => parseHyp(text, 'my.yaml')).toThrow(HypNotNumberError)
    expect(() => parseHyp(text, 'my.yaml')).toThrow(message)
  })

  it.each([
    ['', 'it is empty'],
    ['- 1\n- 2', 'not a list of names'],
    ['lr0 0.1', 'not a list of names'],
    ['lr0: 1\nlr0: 2', 'unique'],
    ['lr0: [1', 'my.yaml is no hyperparameter file'],
    ['['.repeat(20_000), 'nested too deep'],
    ['- '.repeat(20_000), 'nested too deep'],
    ['lr0: 1\n---\nlr0: 2', 'my.yaml is no hyperparameter file'],
  ])('refuses the file %j', (text, message) => {
    expect(() => parseHyp(text, 'my.yaml')).toThrow(HypFileInvalidError)
    expect(() => parseHyp(text, 'my.yaml')).toThrow(message)
  })

  it('reads back what formatHyp writes', () => {
    const key = fc.stringMatching(/^[a-z][a-z_0-9]{0,12}$/).filter((name) => !/^(null|true|false)$/.test(name))
    const hyp = fc.dictionary(key, fc.double({ noNaN: true, noDefaultInfinity: true }), { minKeys: 1 })
    fc.assert(
      fc.property(hyp, (each) => {
        expect(Object.entries(parseHyp(formatHyp(each), 'x'))).toEqual(Object.entries(each))
      }),
    )
  })

  it('throws only errors of its own on hostile text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          parseHyp(text, 'x')
        } catch (error) {
          expect(error instanceof HypFileInvalidError || error instanceof HypNotNumberError).toBe(true)
        }
      }),
    )
  })
})
