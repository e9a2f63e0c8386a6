import { describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { isYamlNestedTooDeep } from './yaml-depth.ts'

describe('isYamlNestedTooDeep', () => {
  it('lets ordinary files through, long ones too', () => {
    const hyp = Array.from({ length: 5000 }, (_, i) => `key_${i}: 0.1 # a comment - with: signs\n`).join('')
    expect(isYamlNestedTooDeep(hyp)).toBe(false)
    expect(isYamlNestedTooDeep(`# ${'- '.repeat(500)}\nmodel:\n  - [-1, 1, Conv, [64, 6, 2, 2]]\n`)).toBe(false)
  })

  it('stops every way of nesting that overflows the parser', () => {
    const deep = 20_000
    for (const text of ['[', '{a: ', '- ', '? ', 'a: - '].map((open) => open.repeat(deep)))
      expect([text.slice(0, 10), isYamlNestedTooDeep(text)]).toEqual([text.slice(0, 10), true])
    const stairs = Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')
    expect(isYamlNestedTooDeep(stairs)).toBe(true)
  })

  it('counts brackets that are open at the same time, and is not fooled about which are', () => {
    const row = '  - [-1, 1, Conv, [64, 3, 2]] # 12-P3/8 [x]\n'
    expect(isYamlNestedTooDeep(`backbone:\n${row.repeat(1000)}`)).toBe(false)
    const upsample = "  - [-1, 1, nn.Upsample, [None, 2, 'nearest']]\n"
    expect(isYamlNestedTooDeep(`head:\n${(row + upsample).repeat(20)}`)).toBe(false)
    for (const line of ['[ # ]\n', '[ "]",\n', '[ " #", [\n', "['\n]\n',\n", '# ]\n[\n'])
      expect([line, isYamlNestedTooDeep(line.repeat(500))]).toEqual([line, true])
  })

  it('what it lets through parses, at the deepest', () => {
    for (const text of [
      '['.repeat(200),
      '- '.repeat(200),
      Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
    ]) {
      expect(isYamlNestedTooDeep(text)).toBe(false)
      expect(() => parseDocument(text)).not.toThrow()
    }
  })
})
