// New values in hyp files: what is kept, and that nothing but typed errors comes out of hostile ones.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { HypFileInvalidError } from '../../base/index.ts'
import type { Hyp } from '../../search/index.ts'
import { updateHypText } from './index.ts'

const read = (text: string) => parseDocument(text, { logLevel: 'error' }).toJS() as Hyp

describe('updateHypText', () => {
  it('changes values only', () => {
    const text =
      '# my hyps\r\n\r\nlr0:   0.0100   # initial rate, "quoted"\r\n  # between\r\nlrf: 0.1\r\n# anchors: 3\r\nbox: 5e-2  \r\n# end'
    expect(updateHypText(text, { lrf: 0.25, lr0: 0.01, box: 0.06, mixup: 1 }, 'h.yaml')).toBe(
      '# my hyps\r\n\r\nlr0:   0.0100   # initial rate, "quoted"\r\n  # between\r\nlrf: 0.25\r\n# anchors: 3\r\nbox: 0.06  \r\n# end\r\nmixup: 1.0\r\n',
    )
  })

  it('fills empty values, replaces blocks and lists, and rewrites what has no simple place', () => {
    expect(updateHypText('a:\nb: # none\nc: 1\n', { a: 1, b: 2 }, 'h')).toBe('a: 1.0\nb: 2.0 # none\nc: 1\n')
    for (const [text, hyp] of [
      ['a: |\n  text\nb: 2\n', { a: 'x: y' }],
      ['a: [1, 2]\nb: 2\n', { a: 3 }],
      ['{a: 1, b: 2}\n', { a: 'x, y', c: true }],
      ['a: &x 1\nb: *x\n', { a: 2 }],
      ['a: &x 1\nb: *x\n', { b: 2 }],
      ['a: !!str 1\n', { a: 2 }],
      ['? a\n: 1\n', { a: 2, b: 'c' }],
      ['---\na: 1\n...\n', { a: 2, b: 3 }],
      ['"a b": 1', { 'a b': 2, 'x: y': 'true' }],
    ] as const)
      expect([text, read(updateHypText(text, hyp, 'h'))]).toEqual([text, expect.objectContaining(hyp)])
  })

  it('refuses what is no map', () => {
    for (const bad of [
      '',
      '# nothing\n',
      '- 1\n',
      'text',
      'a: 1\na: 2\n',
      'a: [',
      'a: 1\n---\nb: 2\n',
      'a: 1\n*x : 2\n', // no anchor of that name
      '\t',
      '['.repeat(50_000),
    ])
      expect(() => updateHypText(bad, { a: 1 }, 'h.yaml')).toThrow(HypFileInvalidError)
  })

  it('keeps comments, order and every other line, for any values', () => {
    const key = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/).filter((name) => !['null', 'true', 'false'].includes(name))
    const number = fc.double({ noNaN: true, noDefaultInfinity: true })
    const comment = fc.stringMatching(/^[ -~]{0,20}$/)
    const row = fc.record({ key, value: number, before: fc.option(comment), after: fc.option(comment) })
    fc.assert(
      fc.property(
        fc.uniqueArray(row, { selector: ({ key: name }) => name, minLength: 1, maxLength: 8 }),
        fc.array(fc.tuple(fc.nat(), fc.oneof(number, fc.boolean(), fc.string()))),
        fc.constantFrom('\n', '\r\n'),
        (rows, changes, end) => {
          const text = rows
            .map(({ key: name, value, before, after }) => {
              const above = before === null ? '' : `# ${before}${end}`
              return `${above}${name}: ${value}${after === null ? '' : ` # ${after}`}${end}`
            })
            .join('')
          const hyp: Hyp = Object.fromEntries(changes.map(([i, value]) => [rows[i % rows.length].key, value]))
          const updated = updateHypText(text, hyp, 'h')
          for (const { key: name, value } of rows) {
            const expected = Object.hasOwn(hyp, name) ? hyp[name] : value
            expect(read(updated)[name]).toSatisfy((found) => found === expected) // -0 and 0 are the same value
          }
          expect(Object.keys(read(updated))).toEqual(rows.map((entry) => entry.key))
          const comments = rows.flatMap(({ before, after }) => [before, after]).filter((entry) => entry !== null)
          for (const entry of comments) expect(updated).toContain(`# ${entry}`)
        },
      ),
    )
  })

  it('ends in a text with the values or a typed error, whatever the file holds', () => {
    const piece = fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&x',
      '*x',
      '!!str',
      '|',
      '>',
      '#',
      '?',
      ',',
      '\t',
      '1',
      '---',
      '%',
      '<<',
    )
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 30 }).map((pieces) => `a: 1\n${pieces.join('')}`),
    )
    fc.assert(
      fc.property(hostile, fc.oneof(fc.double({ noNaN: true }), fc.string()), (text, value) => {
        let updated: string
        try {
          updated = updateHypText(text, { a: value }, 'h')
        } catch (error) {
          expect(error).toBeInstanceOf(HypFileInvalidError)
          return
        }
        expect(read(updated).a === value).toBe(true)
      }),
      { numRuns: Number(process.env.HYPEVOLVE_FUZZ_RUNS ?? 1000) },
    )
  })
})
