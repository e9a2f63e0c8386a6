import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../test/helpers/data-set.ts'
import { LineSplitter, Tail, TrialLog } from './index.ts'

function linesOf(chunks: readonly Uint8Array[]): [string, boolean][] {
  const lines: [string, boolean][] = []
  const splitter = new LineSplitter((line, whole) => lines.push([line, whole]))
  for (const chunk of chunks) splitter.write(Buffer.from(chunk))
  splitter.end()
  return lines
}

describe('LineSplitter', () => {
  it('gives the lines of a text however it is cut into chunks', () => {
    const text = 'one\r\n\nzwei ü 🚀\nthree'
    const bytes = Buffer.from(text)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
        expect(linesOf(chunks)).toEqual(['one', '', 'zwei ü 🚀', 'three'].map((line) => [line, true]))
      }),
    )
  })

  it('cuts a line that is too long, holds no more than a part of it, and finds the next', () => {
    const long = Buffer.from('x'.repeat(150_000))
    const lines = linesOf([long, long, Buffer.from('\nnext\n')])
    expect(lines.at(-1)).toEqual(['next', true])
    expect(lines.slice(0, -1).every(([line, whole]) => line.length <= 65_536 && !whole)).toBe(true)
    expect(lines.slice(0, -1).reduce((sum, [line]) => sum + line.length, 0)).toBe(300_000)
    const atOnce = linesOf([Buffer.from(`${'y'.repeat(100_000)}\nnext\n`)])
    expect(atOnce.map(([line, whole]) => [line.length, whole])).toEqual([
      [65_536, false],
      [34_464, false],
      [4, true],
    ])
  })
})

describe('Tail', () => {
  it('keeps the last lines as a person saw them', () => {
    const tail = new Tail()
    for (let i = 0; i < 100; i++) tail.add(`line ${i}`)
    tail.add('\u001b[31mred\u001b[0m')
    tail.add('  0%|  | 0/3\r 50%|##| 1/3\r100%|####| 3/3')
    tail.add('   ')
    tail.add('z'.repeat(1000))
    expect(tail.lines).toHaveLength(40)
    expect(tail.lines.slice(-4)).toEqual(['line 99', 'red', '100%|####| 3/3', 'z'.repeat(500)])
  })
})

describe('TrialLog', () => {
  it('appends, and puts its own notes on lines of their own', () => {
    const path = join(temporaryFolder(), 'train.log')
    writeFileSync(path, 'before\n')
    const log = new TrialLog(path)
    log.write('half')
    log.note('killed')
    log.write(Buffer.from('more\n'))
    log.note('over')
    log.close()
    expect(readFileSync(path, 'utf8')).toBe('before\nhalf\n[hypevolve] killed\nmore\n[hypevolve] over\n')
  })

  it('keeps beginning and end of a flood', () => {
    const path = join(temporaryFolder(), 'train.log')
    const log = new TrialLog(path)
    const chunk = Buffer.alloc(65_536, 'a\n')
    log.write('the beginning\n')
    for (let i = 0; i < 1600; i++) log.write(chunk) // 100 MiB
    log.write('the end\n')
    log.close()
    expect(statSync(path).size).toBeLessThan(18 * 2 ** 20)
    const text = readFileSync(path, 'utf8')
    expect(text.startsWith('the beginning\n')).toBe(true)
    expect(text).toMatch(/\n\[hypevolve\] … \d{8} bytes are left out here …\n/)
    expect(text.endsWith('the end\n')).toBe(true)
  })

  it('ends no training if it cannot be written', () => {
    const log = new TrialLog(join(temporaryFolder(), 'no', 'folder', 'train.log'))
    log.write('x')
    log.note('y')
    log.close()
  })
})
