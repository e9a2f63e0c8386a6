import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePythonNames, pythonNames } from './python-names.ts'

describe('names as Python writes them', () => {
  it('are read from a dict or a list, in either quotes', () => {
    expect(parsePythonNames(`{0: 'red cell', 1: "it's"}`)).toEqual(['red cell', "it's"])
    expect(parsePythonNames(`['cat', 'dog']`)).toEqual(['cat', 'dog'])
    expect(parsePythonNames(`{1: 'b', 0: 'a\\n\\xe9\\u767d\\\\'}`)).toEqual(['a\né白\\', 'b'])
    expect(parsePythonNames(`{2: 'c'}`)).toEqual(['class0', 'class1', 'c'])
    expect(parsePythonNames('')).toEqual([])
    expect(parsePythonNames('{0: 5}')).toEqual([])
  })

  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 }), (names) => {
        expect(parsePythonNames(pythonNames(names))).toEqual(names)
      }),
    )
  })
})
