import { describe, expect, it } from 'vitest'
import { readYaml, readYamlDocument, YamlProblem } from './yaml.ts'

const problemOf = (text: string): Pick<YamlProblem, 'message' | 'line'> => {
  try {
    readYaml(text)
  } catch (error) {
    if (error instanceof YamlProblem) return { message: error.message, line: error.line }
    throw error
  }
  throw new Error('It was read.')
}

it('reads values and nodes, behind a byte order mark too', () => {
  expect(readYaml('\uFEFFa: 1\nb: [x, {c: true}]\n')).toEqual({ a: 1, b: ['x', { c: true }] })
  expect(readYamlDocument('a: 1').has('a')).toBe(true)
  expect(readYaml('')).toBeNull()
})

describe('says what is wrong, and where', () => {
  it.each([
    ['a: 1\nb: [', /at line 2, column 5$/, 2],
    ['a: 1\nb: 2\na: 3', 'Map keys must be unique at line 3, column 1', 3],
    ['x:\n  - {a: 1, a: 2}', 'Map keys must be unique at line 2, column 12', 2],
    ['a: 1\n---\nb: 1', /multiple documents/, 2],
    ['[['.repeat(5000), 'it is nested too deep', undefined],
    ['? [a]\n: 1', 'A key is a list or a map at line 1, column 3', 1],
    ['? '.repeat(150), 'A key is a list or a map at line 1, column 3', 1],
    ['a: *none', /none/, undefined],
    [`a: &a [x, x]\nb: [${'*a, '.repeat(200)}]\nc: &c [*a, *a]\nd: [${'*c, '.repeat(90)}]`, /alias/i, undefined],
  ])('%j', (text, message, line) => {
    const problem = problemOf(text)
    expect(problem.message).toEqual(message instanceof RegExp ? expect.stringMatching(message) : message)
    expect(problem.line).toBe(line)
  })
})

describe('nesting', () => {
  const stairs = (levels: number) => Array.from({ length: levels }, (_, i) => `${' '.repeat(i)}a:\n`).join('')

  it('of an ordinary kind is read, in long files and in long lines too', () => {
    const row = "  - [-1, 1, nn.Upsample, [None, 2, 'nearest']] # 12-P3/8 [x\n"
    expect(readYaml(`# ${'- '.repeat(500)}\nhead:\n${row.repeat(300)}`)).toHaveProperty('head.length', 300)
    const names = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`${i}`, `name: ${i} [`]))
    for (const indent of [undefined, 2])
      expect(readYaml(JSON.stringify({ names }, undefined, indent))).toEqual({ names })
    for (const text of ['['.repeat(50) + ']'.repeat(50), `${'- '.repeat(50)}1`, `${stairs(50)}${' '.repeat(50)}1`])
      expect(() => readYaml(text)).not.toThrow()
  })

  it.each([
    ...[
      '[',
      '{a: ',
      '- ',
      '? ',
      'a: - ',
      '":"',
      '{? ',
      '[? ',
      '{? \n',
      '? - ',
      '[ # ]\n',
      '[ "]",\n',
      "['\n]\n',\n",
    ].map((piece): [string, string] => [piece, piece.repeat(5000)]),
    ['stairs', stairs(3000)],
  ])('of %j without end is refused, not followed', (_, text) => {
    expect(problemOf(text).message).toMatch(/nested too deep| at line /)
  })
  it('keys behind keys without end', () => {
    const problem = problemOf(`{${'"a":'.repeat(20_000)}`)
    expect(problem.message.slice(0, 100)).toBe('it is nested too deep')
  })
})
