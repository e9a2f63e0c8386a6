// Tables as input: what is found by title, what is refused, and that hostile texts end in typed errors.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  EvolveFileColumnsError,
  EvolveFileInvalidError,
  EvolveFileRowError,
  EvolveTextColumnsError,
  HypevolveError,
} from '../../base/index.ts'
import type { CompleteTrial, Hyp, HypValue } from '../../search/index.ts'
import {
  type EvolveFormatName,
  evolveFormats,
  evolveTable,
  pictureTable,
  readEvolveTable,
  renderEvolveFiles,
} from './index.ts'
import { releaseKeys, textTableKeys } from './keys.ts'

const path = 'evolve.csv'

const trial = (number: number, hyp: Hyp, metrics: Record<string, number> = {}): CompleteTrial => ({
  number,
  hyp,
  parents: [],
  mutated: [],
  attempt: 1,
  state: 'complete',
  fitness: 0.1 * number,
  metrics,
})

const metrics = (x: number) => ({
  precision: x,
  recall: 0.5,
  mAP50: x / 2,
  mAP50to95: x / 3,
  boxLoss: 1,
  objLoss: 2,
  clsLoss: 3,
})
const numbers = (keys: readonly string[], x: number): Hyp =>
  Object.fromEntries(keys.map((key, i) => [key, x * (i + 1)]))

function tableOf(name: EvolveFormatName, keys: readonly string[], count: number) {
  const format = evolveFormats[name]
  const old = Object.fromEntries(format.resultKeys.map((key, i) => [key, i / 10]))
  const trials = Array.from({ length: count }, (_, i) =>
    trial(i, numbers(keys, 0.01 * (i + 1)), { ...old, ...metrics(0.1 + i / 100) }),
  )
  return format.tableText(evolveTable(format, { keys, trials }))
}

describe('evolve.csv', () => {
  const text = tableOf('yolov5-v7.0', ['lr0', 'box'], 3)

  it('gives keys, results and rows, and the same bytes again', () => {
    const table = readEvolveTable(text, { path })
    expect(table).toMatchObject({ kind: 'evolve.csv', format: 'yolov5-v7.0', keys: ['lr0', 'box'] })
    expect(table.rows[2]).toEqual({ results: [0.12, 0.5, 0.06, 0.04, 1, 2, 3], hyp: { lr0: 0.03, box: 0.06 } })
    expect(evolveFormats['yolov5-v7.0'].tableText(table)).toBe(text)
  })

  it('finds columns by title, in any order and with a spreadsheet’s spacing', () => {
    const [titles, ...rows] = text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(',').map((cell) => cell.trim()))
    const turned = [titles, ...rows].map((cells) => [...cells].reverse().join(',')).join('\r\n')
    const { rows: found } = readEvolveTable(`\uFEFF${turned}\r\n`, { path, keys: ['lr0', 'box'] })
    expect(found.map(({ hyp }) => hyp)).toEqual(readEvolveTable(text, { path }).rows.map(({ hyp }) => hyp))
  })

  it('leaves out a last line that was torn, wherever it was', () => {
    const lastStart = text.trimEnd().lastIndexOf('\n') + 1
    for (let end = lastStart; end < text.length - 1; end++) {
      const table = readEvolveTable(text.slice(0, end), { path })
      expect([end, table.rows.length, table.torn]).toEqual([end, 2, text.slice(lastStart, end).trim() !== ''])
    }
    expect(readEvolveTable(text.slice(0, -1), { path })).toMatchObject({ rows: { length: 3 }, torn: false })
  })

  it('refuses the table of another search', () => {
    expect(() => readEvolveTable(text, { path, keys: ['lr0', 'box', 'anchors'] })).toThrow(EvolveFileColumnsError)
    expect(() => readEvolveTable(text, { path, keys: ['lr0'] })).toThrow(/it has box besides/)
  })

  it('keeps NaN results, and refuses what is no number', () => {
    const cell = (from: string, to: string) => text.replace(from.padStart(20), to.padStart(20))
    expect(readEvolveTable(cell('0.11', 'nan'), { path }).rows[1].results[0]).toBeNaN()
    expect(() => readEvolveTable(cell('0.11', '0.1.1'), { path })).toThrow(
      /line 3: "0.1.1" in column metrics\/precision/,
    )
    expect(() => readEvolveTable(cell('0.04', 'nan'), { path })).toThrow(EvolveFileRowError)
    expect(() => readEvolveTable(cell('0.04', ''), { path })).toThrow(EvolveFileRowError)
  })

  it('refuses a title that is there twice, and tables without results or hyperparameters', () => {
    for (const bad of [
      'a,a\n',
      'metrics/recall,a,a\n1,2,3\n',
      'lr0,box\n1,2\n',
      'metrics/recall,\n',
      ',\n',
      'metrics/recall,lr0',
    ])
      expect([bad, () => readEvolveTable(bad, { path })]).toSatisfy(([, read]) => {
        expect(read).toThrow(EvolveFileInvalidError)
        return true
      })
  })

  it('holds any hyp: texts, truth values, absent keys, other metrics', () => {
    const value = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.constantFrom('true', '1', 'nan', 'a,b', '"', ' x ', 'two\nlines', ''),
      fc.double({ min: -1e300, max: 1e300, noNaN: true }).map((x) => Number(x.toPrecision(5))),
    )
    const key = fc.string({ minLength: 1 }).filter((text) => !/^(metrics|val)\/|^fitness$/.test(text))
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { minLength: 1, maxLength: 5 }),
        fc.array(fc.array(fc.option(value, { nil: undefined }), { minLength: 5, maxLength: 5 }), { minLength: 1 }),
        (names, values) => {
          const keys = names.map((name, i) => `${name}.${i}`) // none of YOLO's, which hold numbers only
          const hyps = values.map(
            (row): Hyp =>
              Object.fromEntries(
                keys.flatMap((name, i): [string, HypValue][] => (row[i] === undefined ? [] : [[name, row[i]]])),
              ),
          )
          const format = evolveFormats['yolov5-v7.0']
          const trials = hyps.map((hyp, i) => trial(i, hyp, { accuracy: i }))
          const [{ text: written }] = renderEvolveFiles(format, { keys, trials })
          const table = readEvolveTable(written, { path, keys })
          expect(table.resultKeys).toEqual(['accuracy'])
          expect(table.rows.map((row) => row.hyp)).toEqual(hyps)
        },
      ),
    )
  })
})

describe('evolve.txt', () => {
  const v5 = releaseKeys['yolov5-v5.0'].required
  const withAnchors = textTableKeys('yolov5-v5.0')[1]

  it('is told by its columns where only one set of hyperparameters has so many', () => {
    expect(readEvolveTable(tableOf('yolov3-v6', releaseKeys['yolov3-v6'].required, 2), { path })).toMatchObject({
      release: 'yolov3-v6',
      format: 'yolov3-v6',
      keys: releaseKeys['yolov3-v6'].required,
    })
    expect(readEvolveTable(tableOf('yolov5-v3.0', releaseKeys['yolov5-v3.0'].required, 2), { path }).keys.length).toBe(
      22,
    )
    expect(readEvolveTable(tableOf('yolov5-v4.0', v5, 2), { path })).toMatchObject({ release: 'yolov5-v5.0', keys: v5 })
    expect(readEvolveTable(tableOf('yolov5-v4.0', withAnchors, 2), { path }).keys).toEqual(withAnchors)
  })

  it('asks for the release where two have as many', () => {
    const text = tableOf('yolov3-v7', releaseKeys['yolov3-v8'].required, 2)
    expect(() => readEvolveTable(text, { path })).toThrow(/those of yolov3-2020-01, yolov3-v7, yolov3-v8, yolov5-v1.0/)
    expect(readEvolveTable(text, { path, release: 'yolov3-v8' }).keys[0]).toBe('giou')
    expect(readEvolveTable(text, { path, release: 'yolov5-v1.0' }).keys[0]).toBe('lr0')
  })

  it('never shifts the values of a stale table, in either direction', () => {
    const stale = tableOf('yolov5-v4.0', v5, 2)
    expect(() => readEvolveTable(stale, { path, keys: withAnchors, release: 'yolov5-v5.0' })).toThrow(
      EvolveTextColumnsError,
    )
    const newer = tableOf('yolov5-v4.0', withAnchors, 2)
    expect(() => readEvolveTable(newer, { path, keys: v5 })).toThrow(/35 columns, but this search has 34/)
    expect(() => readEvolveTable(newer, { path, release: 'yolov5-v3.0' })).toThrow(EvolveTextColumnsError)
    expect(() => readEvolveTable('1 2 3\n', { path })).toThrow(/no release writes so many/)
  })

  it('leaves out a torn last line, and refuses a table that is one torn line', () => {
    const text = tableOf('yolov5-v4.0', v5, 3)
    const lastStart = text.trimEnd().lastIndexOf('\n') + 1
    for (let end = lastStart + 1; end < text.length - 1; end++)
      expect([end, readEvolveTable(text.slice(0, end), { path }).rows.length]).toEqual([end, 2])
    const firstEnd = text.indexOf('\n')
    for (let end = 1; end <= firstEnd; end++)
      expect(() => readEvolveTable(text.slice(0, end), { path })).toThrow(EvolveFileInvalidError)
  })

  it('refuses rows of another length and values that are no numbers', () => {
    const text = tableOf('yolov5-v4.0', v5, 3)
    expect(() => readEvolveTable(text.replace(/\S+\n/, '\n'), { path })).toThrow(EvolveTextColumnsError)
    expect(() => readEvolveTable(`${text}1 2 3\n`, { path })).toThrow(EvolveFileRowError)
    expect(() => readEvolveTable(`${text}${text.split('\n')[0].replace(/\S+$/, 'half')}\n`, { path })).toThrow(
      /line 4: "half" in column 34 is no number/,
    )
    expect(() => evolveTable(evolveFormats['yolov5-v4.0'], { keys: ['a'], trials: [trial(0, { a: 'x' })] })).toThrow(
      /"a" is "x"/,
    )
  })
})

describe('tune_results.csv', () => {
  it('gives fitness and hyps', () => {
    const text = 'fitness,lr0,dfl,close_mosaic\n0.12345,0.01,1.5,10\n0.0,0.00885,1.2,8\n'
    const table = readEvolveTable(text, { path })
    expect(table).toMatchObject({
      kind: 'tune_results.csv',
      format: 'ultralytics',
      keys: ['lr0', 'dfl', 'close_mosaic'],
    })
    expect(table.rows).toEqual([
      { results: [], fitness: 0.12345, hyp: { lr0: 0.01, dfl: 1.5, close_mosaic: 10 } },
      { results: [], fitness: 0, hyp: { lr0: 0.00885, dfl: 1.2, close_mosaic: 8 } },
    ])
    const format = evolveFormats.ultralytics
    expect(format.tableText(table)).toBe(text)
    const trials = table.rows.map((row, i) => ({ ...trial(i, row.hyp), fitness: row.fitness! }))
    expect(renderEvolveFiles(format, { keys: table.keys, trials, imported: 2 })).toMatchObject([{ text }])
    expect(pictureTable(format, table)).toMatchObject({ fitness: [0.12345, 0], bestIndex: 0 })
    expect(() => readEvolveTable(text.replace('0.0,', 'x,'), { path })).toThrow(/"x" in column fitness is no number/)
  })
})

describe('hostile input', () => {
  const samples = [
    tableOf('yolov5-v7.0', releaseKeys['yolov5-v7.0'].required, 3),
    tableOf('yolov5-v4.0', releaseKeys['yolov5-v5.0'].required, 3),
    tableOf('yolov3-v6', releaseKeys['yolov3-v6'].required, 3),
    'fitness,lr0,dfl\n0.5,0.01,1.5\n0.25,0.02,1.4\n',
  ]
  const junk = fc.constantFrom(
    '"',
    ',',
    '\n',
    '\r',
    '\u0000',
    '-',
    'nan',
    '__proto__',
    ' ',
    '\uFEFF',
    '1e999',
    '𝄞',
    '#',
  )

  it('ends in a table or a typed error', () => {
    const read = (text: string, keys?: readonly string[]) => {
      try {
        const table = readEvolveTable(text, keys ? { path, keys } : { path })
        for (const row of table.rows) expect(row.results.length).toBe(table.resultKeys.length)
      } catch (error) {
        expect(error).toBeInstanceOf(HypevolveError)
      }
    }
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => read(text)))
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.nat(5), fc.oneof(junk, fc.string({ maxLength: 5 }))), { maxLength: 6 }),
        fc.option(fc.constantFrom(releaseKeys['yolov5-v7.0'].required, ['lr0', 'dfl']), { nil: undefined }),
        (sample, edits, keys) => {
          let text = sample
          for (const [at, length, replacement] of edits) {
            const place = at % (text.length + 1)
            text = text.slice(0, place) + replacement + text.slice(place + length)
          }
          read(text, keys)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('takes time in proportion to the length', () => {
    const large = [
      '"'.repeat(300_000),
      ','.repeat(300_000),
      '1 '.repeat(300_000),
      '\n'.repeat(300_000),
      '"a,"\n'.repeat(60_000),
    ]
    const { user: before } = process.cpuUsage()
    for (const text of large) {
      expect(() => readEvolveTable(text, { path })).toThrow(HypevolveError)
      expect(() => readEvolveTable(samples[0] + text, { path })).toSatisfy((read: () => unknown) => {
        try {
          read()
        } catch (error) {
          expect(error).toBeInstanceOf(HypevolveError)
        }
        return true
      })
    }
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(5) // seconds of this process, whoever else works
  })
})
