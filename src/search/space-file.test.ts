import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SearchSpaceFrozenError, SearchSpaceInvalidError } from '../base/index.ts'
import { parseSpace } from './index.ts'

describe('parseSpace', () => {
  it('reads every kind of description', () => {
    const text = `
# a comment
lr0: [1, 1e-5, 0.1]                       # as YOLOv5's meta
box: { gain: 0.5, lower: 0.02, default: 0.05 }
warmup: { float: [1e-6, 1], log: true }
shift: { float: [-2, 2], default: 1 }
layers: { integer: [1, 4] }
optimizer: { choice: [sgd, adam, 3, true] }
momentum: { float: [0.5, 0.99], when: { optimizer: sgd } }
nesterov: { choice: [true, false], when: { optimizer: [sgd, adam] } }
epochs: 30
name: digits
seed: { fixed: 7, when: { optimizer: sgd } }
`
    const space = parseSpace(text, 'space.yaml', { lr0: 0.01, other: 5 })
    expect(Object.fromEntries(space.keys.map((key) => [key, space.get(key)]))).toEqual({
      lr0: { kind: 'range', gain: 1, lower: 1e-5, upper: 0.1, start: 0.01 },
      other: { kind: 'fixed', start: 5 },
      box: { kind: 'range', gain: 0.5, lower: 0.02, start: 0.05 },
      warmup: { kind: 'float', lower: 1e-6, upper: 1, log: true, start: 1e-3 },
      shift: { kind: 'float', lower: -2, upper: 2, start: 1 },
      layers: { kind: 'integer', lower: 1, upper: 4, start: 3 },
      optimizer: { kind: 'choice', choices: ['sgd', 'adam', 3, true], start: 'sgd' },
      momentum: { kind: 'float', lower: 0.5, upper: 0.99, start: 0.745, when: { optimizer: ['sgd'] } },
      nesterov: { kind: 'choice', choices: [true, false], start: true, when: { optimizer: ['sgd', 'adam'] } },
      epochs: { kind: 'fixed', start: 30 },
      name: { kind: 'fixed', start: 'digits' },
      seed: { kind: 'fixed', start: 7, when: { optimizer: ['sgd'] } },
    })
    expect(space.keys.slice(0, 2)).toEqual(['lr0', 'other'])
  })

  it("starts at the hyp's values; a default of the file goes before", () => {
    const text =
      'a: { float: [0, 1] }\nb: { float: [0, 1], default: 0.2 }\nc: { choice: [x, y] }\nd: { choice: [x, y] }\n'
    expect(parseSpace(text, 's', { a: 0.9, b: 0.9, c: 'y', d: 'z' }).start).toEqual({ a: 0.9, b: 0.2, c: 'y', d: 'x' })
  })

  it.each([
    ['', 'holds no list'],
    ['- a\n- b', 'holds no list'],
    ['a: [', 's, line'],
    ['a: 1\na: 2', 's, line 2: "the file" is no yaml'],
    ['b: { float: [0, 1] }\na:', 's, line 2: "a" is no number, text, true or false; write { float: [low, high] }'],
    ['a: [1, 2]', '"a" has no kind; write'],
    ['a: [1, 2, x]', '"a" does not fit at "upper"'],
    ['a: [1, 0, 1]', 'has no value to start from'],
    ['a: { floot: [0, 1] }', 'has no kind (did you mean "float"?)'],
    ['a: { float: [0, 1], integer: [0, 1] }', 'is both float and integer'],
    ['a: { float: [0, 1], lgo: true }', 'Unrecognized key'],
    ['a: { float: [0] }', '"a" does not fit'],
    ['a: { float: [0, .inf] }', '"a" does not fit at "float.1"'],
    ['a: { integer: [0.5, 2] }', '"a" does not fit at "integer.0"'],
    ['a: { choice: [] }', '"a" does not fit at "choice"'],
    ['a: { choice: [[1]] }', '"a" does not fit'],
    ['x: 1\n\na: { float: [2, 1] }', 's, line 3: "a" has its lower bound 2 above'],
    ['a: { float: [0, 1], when: { b: 1 } }', 'a condition on "b", which is not there'],
    ['a: { float: [0, 1], when: {} }', 'a" exists under a condition that names nothing'],
    ['a b: { float: [0, 1] }', 'is no name'],
    ['7: { float: [0, 1] }', 'is no name'],
    ['__proto__: { float: [0, 1] }', 'is no name'],
    ['? [a]\n: 1', 'A key is a list or a map'],
    [`a: ${'['.repeat(20_000)}`, 'nested too deep'],
    ['- '.repeat(20_000), 'nested too deep'],
    ['a: 1\n---\nb: 1', 'is no yaml'],
  ])('refuses %j', (text, message) => {
    expect(() => parseSpace(text, 's')).toThrow(SearchSpaceInvalidError)
    expect(() => parseSpace(text, 's')).toThrow(message)
  })

  it('refuses a space in which nothing moves, a text where the hyp should have a number', () => {
    expect(() => parseSpace('a: 1', 's')).toThrow(SearchSpaceFrozenError)
    expect(() => parseSpace('a: { float: [0, 1] }', 's', { a: 'x' })).toThrow('which is no number')
  })

  it('refuses aliases that grow without end', () => {
    const bomb = `a: &a [x, x]\n${'bcdefgh'
      .split('')
      .map((key, i) => `${key}: &${key} [${`*${'abcdefgh'[i]},`.repeat(9)}]`)
      .join('\n')}`
    expect(() => parseSpace(bomb, 's')).toThrow(SearchSpaceInvalidError)
  })

  it('throws only its own errors on hostile text, and soon', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      ': ',
      '\n',
      '{',
      '}',
      '[',
      ']',
      ', ',
      'float',
      'choice',
      'when',
      'gain',
      '1',
      '-1e999',
      '"',
      '&x ',
      '*x',
      '<<: ',
      '- ',
      '# ',
      '!!',
      '.nan',
      '\t',
      '\u2028',
      '__proto__',
      'null',
      '~',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (each) => {
        try {
          parseSpace(each, 's', { a: 1 })
        } catch (error) {
          expect(error instanceof SearchSpaceInvalidError || error instanceof SearchSpaceFrozenError).toBe(true)
        }
      }),
      { numRuns: 200 },
    )
  })
})
