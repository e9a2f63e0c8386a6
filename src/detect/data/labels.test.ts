import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseLabels } from './labels.ts'

it('reads a byte order mark, Windows line ends and lines of blanks', () => {
  const parsed = parseLabels('\uFEFF0 0.5 0.5 0.25 0.25\r\n  \r\n1\t0.5 0.5  0.5 1e-1\r\n')
  expect(parsed).toEqual({
    ok: true,
    rows: Float32Array.of(0, 0.5, 0.5, 0.25, 0.25, 1, 0.5, 0.5, 0.5, 0.1),
    polygons: [],
    duplicates: 0,
  })
})

it.each([
  ['0 0.5 0.5 0.2', 'labels require 5 columns, row 1 has 4'],
  ['0 0.5 0.5 0.2 0.3 0.9', 'labels require 5 columns, row 1 has 6'],
  ['0 0.5 0.5 0.2 0.3\n0 0.5', 'labels require 5 columns, row 2 has 2'],
  ['0 0.5 0.5 nan 0.3', 'row 1 has "nan", which is not a number'],
  ['0 0.5 0.5 1,5 0.3', 'row 1 has "1,5", which is not a number'],
  ['cat 0.5 0.5 0.2 0.3', 'row 1 has "cat", which is not a number'],
  ['0 320 240 20 30', 'row 1 has 320; coordinates are normalised, 0 to 1'],
  ['-1 0.5 0.5 0.2 0.3', 'row 1 has the negative value -1'],
  ['0.5 0.5 0.5 0.2 0.3', 'row 1 has class 0.5; classes are whole numbers'],
  ['0 0.1 0.1 0.2 0.2 0.3 0.3 0.4', 'row 1 has 8 columns; a polygon is a class and pairs of x and y'],
])('refuses %j', (text, reason) => expect(parseLabels(text)).toEqual({ ok: false, reason }))

it('never throws, and accepts only rows in range', () => {
  const field = fc.oneof(fc.double(), fc.constantFrom('0', '1', '0.5', '1e5', '-0.1', 'x', 'Infinity', '0x1', '٣', ''))
  fc.assert(
    fc.property(fc.array(fc.array(field, { maxLength: 9 }), { maxLength: 6 }), fc.string(), (rows, junk) => {
      for (const text of [rows.map((row) => row.join(' ')).join('\n'), junk]) {
        const parsed = parseLabels(text)
        if (!parsed.ok) continue
        expect(parsed.rows.length % 5).toBe(0)
        expect(
          parsed.rows.every((value, i) => value >= 0 && (i % 5 === 0 ? Number.isInteger(value) : value <= 1)),
        ).toBe(true)
      }
    }),
  )
})

it('reads back what it is given', () => {
  const unit = fc.double({ min: 0, max: 1, noNaN: true })
  const row = fc.tuple(fc.nat(99), unit, unit, unit, unit)
  fc.assert(
    fc.property(fc.uniqueArray(row, { selector: ([c, x]) => `${c} ${Math.fround(x)}` }), (rows) => {
      const parsed = parseLabels(rows.map((values) => values.join(' ')).join('\n'))
      expect(parsed).toMatchObject({ ok: true, rows: Float32Array.from(rows.flat()) })
    }),
  )
})
