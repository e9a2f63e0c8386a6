// docs/errors.md has one row for each error class, and no other.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as base from '../../src/base/index.ts'

const folder = fileURLToPath(new URL('../../src/base/errors/', import.meta.url))
const table = readFileSync(fileURLToPath(new URL('../../docs/errors.md', import.meta.url)), 'utf8')

const source = readdirSync(folder)
  .map((name) => readFileSync(`${folder}${name}`, 'utf8'))
  .join('\n')

/** [class, code] of every class that has one of its own. */
const classes = [...source.matchAll(/class (\w+) extends \w+ \{([\s\S]*?)\n\}/g)].flatMap(([, name, body]) => {
  const codes = [...body!.matchAll(/(?:code(?:: string)? = |\?\? )'([A-Z][A-Z0-9_]+)'/g)].map(([, code]) => code!)
  return codes.map((code) => ({ name: name!, code }))
})

/** Rows `| \`CODE\` | \`Class\` | when | what to do |`. */
const rows = [...table.matchAll(/^\| `([A-Z0-9_]+)` \| `(\w+)` \| (.+) \| (.+) \|$/gm)].map(([, code, name]) => ({
  name: name!,
  code: code!,
}))

const byCode = (a: { code: string }, b: { code: string }) => (a.code < b.code ? -1 : 1)

describe('docs/errors.md', () => {
  it('lists exactly the error classes', () => {
    expect(classes.length).toBeGreaterThan(10)
    expect([...rows].sort(byCode)).toEqual([...classes].sort(byCode))
  })

  it('has each code once', () => {
    expect(new Set(rows.map(({ code }) => code)).size).toBe(rows.length)
  })

  it('names classes that users can import', () => {
    for (const { name } of rows) expect(base).toHaveProperty(name)
  })
})
