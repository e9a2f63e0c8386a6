import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ResultsColumnMissingError, ResultsFileInvalidError, ResultsWriteError } from '../base/index.ts'
import {
  formatResultsHeader,
  formatResultsRow,
  parseResults,
  ResultsFile,
  type ResultsRow,
  readResults,
  resultsColumns,
} from './results.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'results-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const row = (epoch: number): ResultsRow => ({
  epoch,
  trainLosses: [0.12637126, 0.0084712372, 0.038811117],
  results: {
    precision: 0.005452344,
    recall: 0.32222222,
    mAP50: 0.0040398125,
    mAP50to95: 0.00093132367,
    valBoxLoss: 0.12035753,
    valObjLoss: 0.0060664317,
    valClsLoss: 0.037389293,
  },
  lr: [0.0982, 0.0002, 0.0002],
})

describe('results.csv', () => {
  it('writes a row as v7.0 does', () => {
    expect(formatResultsRow(row(0))).toBe(
      '                   0,             0.12637,           0.0084712,            0.038811,           0.0054523,' +
        '             0.32222,           0.0040398,          0.00093132,             0.12036,           0.0060664,' +
        '            0.037389,              0.0982,              0.0002,              0.0002',
    )
  })

  it('writes zeros for an epoch without validation', () => {
    const { results: _, ...unvalidated } = row(3)
    const [written] = parseResults(`${formatResultsHeader()}\n${formatResultsRow(unvalidated)}\n`).rows
    expect(written!.slice(4, 11)).toEqual([0, 0, 0, 0, 0, 0, 0])
  })

  it('begins with the heading and goes on after a restart', () => {
    const path = join(folder, 'grows.csv')
    new ResultsFile(path).append(row(0))
    new ResultsFile(path).append(row(1))
    expect(readFileSync(path, 'utf8')).toBe(
      `${[formatResultsHeader(), formatResultsRow(row(0)), formatResultsRow(row(1))].join('\n')}\n`,
    )
    expect(readResults(path).column('epoch')).toEqual([0, 1])
  })

  it('cuts off a row that a crash left without an end', () => {
    const path = join(folder, 'torn.csv')
    new ResultsFile(path).append(row(0))
    const whole = readFileSync(path, 'utf8')
    writeFileSync(path, `${whole}      1,   0.12`)
    expect(readResults(path).column('epoch')).toEqual([0])
    new ResultsFile(path).append(row(1))
    expect(readResults(path).column('epoch')).toEqual([0, 1])
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('takes back the rows that a resumed training writes again, but none of earlier trainings', () => {
    const path = join(folder, 'resumed.csv')
    const file = new ResultsFile(path)
    for (const epoch of [0, 1, 2, 3, 0, 1, 2]) file.append(row(epoch))
    file.dropFrom(1)
    expect(readResults(path).column('epoch')).toEqual([0, 1, 2, 3, 0])
  })

  it('refuses to mix columns', () => {
    const path = join(folder, 'other.csv')
    writeFileSync(path, 'epoch,loss\n0,1\n')
    expect(() => new ResultsFile(path)).toThrow(ResultsFileInvalidError)
    expect(readFileSync(path, 'utf8')).toBe('epoch,loss\n0,1\n')
  })

  it('keeps the row in the message if it cannot be written', () => {
    const path = join(folder, 'no-such-folder', 'results.csv')
    expect(() => new ResultsFile(path).append(row(7))).toThrow(ResultsWriteError)
    expect(() => new ResultsFile(path).append(row(7))).toThrow('0.12637')
  })

  it('names the titles found when one is missing', () => {
    const table = parseResults('epoch, a\n0, 1\n', 'x.csv')
    expect(() => table.column('metrics/mAP_0.5')).toThrow(ResultsColumnMissingError)
    expect(() => table.column('metrics/mAP_0.5')).toThrow('x.csv has no column "metrics/mAP_0.5". It has: epoch, a.')
  })

  it.each([
    ['too few fields', 'a,b\n1\n', 'line 2: 1 fields under 2 titles'],
    ['text', 'a,b\n1,x\n', '"x" under b is not a number'],
    ['an empty field', 'a,b\n1,\n', '"" under b is not a number'],
    ['no heading', '\n', 'no heading'],
  ])('tells %s with its line', (_, text, message) => expect(() => parseResults(text)).toThrow(message))

  it('reads nan and inf, a byte order mark and CRLF', () => {
    expect(parseResults('\uFEFFa,b,c\r\n nan, -inf, 1e+03\r\n').rows).toEqual([[Number.NaN, -Infinity, 1000]])
  })

  it('never throws anything but its own error on hostile text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseResults(text)
        } catch (error) {
          expect(error).toBeInstanceOf(ResultsFileInvalidError)
        }
      }),
    )
  })

  it('reads back what it wrote to five digits', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e300, max: 1e300 }), { minLength: 6, maxLength: 6 }), (values) => {
        const [a, b, c, d, e, f] = values as [number, number, number, number, number, number]
        const text = `${formatResultsHeader()}\n${formatResultsRow({ epoch: 1, trainLosses: [a, b, c], lr: [d, e, f] })}\n`
        const [read] = parseResults(text).rows
        expect(read!.length).toBe(resultsColumns.length)
        const written = [...read!.slice(1, 4), ...read!.slice(11)]
        for (const [i, value] of values.entries())
          if (Number.isFinite(value))
            expect(Math.abs(written[i]! - value)).toBeLessThanOrEqual(Math.abs(value) * 5.1e-5)
          else expect(written[i]).toBe(value)
      }),
    )
  })
})
