import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeDigest, Results, type RunKey } from '../../../bench/search/results.ts'
import type { Step } from '../../../bench/search/simulate.ts'
import { halfReached, ranksOf, summaryOf } from '../../../bench/search/statistics.ts'
import { differencesTo, formatRegret, tableOf } from '../../../bench/search/table.ts'

const step = (spent: number, regret: number): Step => ({ spent, time: spent / 2, regret })

describe('statistics', () => {
  it('has an interval around the mean that narrows with the runs and is the same every time', () => {
    const few = summaryOf([0, 1, 0, 1])
    const many = summaryOf(Array.from({ length: 400 }, (_, i) => i % 2))
    expect([few.mean, few.median, many.mean]).toEqual([0.5, 0.5, 0.5])
    expect(few.interval[0]).toBeLessThan(many.interval[0])
    expect(many.interval[0]).toBeCloseTo(0.5 - 1.96 * Math.sqrt(0.25 / 400), 1)
    expect(many.interval[1]).toBeCloseTo(0.5 + 1.96 * Math.sqrt(0.25 / 400), 1)
    expect(summaryOf([0, 1, 0, 1])).toEqual(few)
  })

  it('ranks from 1 and shares the ranks of equals', () => {
    expect(ranksOf([0.3, 0.1, 0.3, 0.2])).toEqual([3.5, 1, 3.5, 2])
  })

  it('tells what half of the runs needed for a target', () => {
    const runs = [
      [step(0, 1), step(4, 0.1)],
      [step(0, 1), step(8, 0.1)],
      [step(0, 1), step(6, 0.3)],
    ]
    expect(halfReached(runs, 0.1, 'spent')).toBe(8)
    expect(halfReached(runs, 0.3, 'time')).toBe(3)
    expect(halfReached(runs, 0.05, 'spent')).toBeUndefined()
  })

  it('makes a table; a method that goes on with trainings has no rank', () => {
    const a = [[step(0, 1), step(10, 0.125)]]
    const b = [[step(0, 1), step(20, 0.5)]]
    const rows = [
      { method: 'a', resumes: false, runs: a },
      { method: 'b', resumes: false, runs: b },
      { method: 'c', resumes: true, runs: a },
    ]
    expect(
      tableOf(rows, { columns: [10, 20], by: 'spent', targets: [0.2] }).replace(/ +|-{3,}/g, (run) => run.slice(0, 1)),
    ).toBe(
      [
        '| method | 10 | 20 | rank at 20 | to .20 |',
        '| - | - | - | - | - |',
        '| a | .13 [.13, .13] (.13) | .13 [.13, .13] (.13) | 1.0 | 10 (100 %) |',
        '| b | 1.00 [1.00, 1.00] (1.00) | .50 [.50, .50] (.50) | 2.0 | - (0 %) |',
        '| c (goes on) | .13 [.13, .13] (.13) | .13 [.13, .13] (.13) | | 10 (100 %) |',
      ].join('\n'),
    )
    const both = [...a, ...b]
    const better = both.map((steps) => steps.map(({ spent, regret }) => step(spent, regret - 0.25)))
    const compared = [
      { method: 'a', resumes: false, runs: both },
      { method: 'b', resumes: true, runs: better },
      { method: 'c', resumes: false, runs: [...both].reverse() },
    ]
    expect(
      differencesTo('a', compared, { columns: [5, 20], by: 'spent' }).replace(/ +|-{3,}/g, (run) => run.slice(0, 1)),
    ).toBe(
      [
        '| less a | 5 | 20 |',
        '| - | - | - |',
        '| b (goes on) | -.25 [-.25, -.25] * | -.25 [-.25, -.25] * |',
        '| c | .00 [.00, .00] | .00 [-.38, .38] |',
      ].join('\n'),
    )
    expect([0.05, -0.04, 1.5, 0].map(formatRegret)).toEqual(['.05', '-.04', '1.50', '.00'])
  })
})

describe('the file of runs', () => {
  const key: RunKey = {
    ...{ scenario: 's', task: 't', quality: 'good', method: 'm', version: 'v1' },
    ...{ seed: 1, budget: 10, workers: 1, clock: 'surrogate' },
  }
  const result = { key, seconds: 1, steps: [step(0, 1)], trainings: 1, full: 1, spent: 1, time: 1 }

  it('keeps runs, ignores a line that was cut off, and tells runs of other code', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'hypevolve-results-')), 'runs.jsonl')
    new Results(file).add(result)
    appendFileSync(file, '{"key":{"scen')
    const read = new Results(file)
    expect([read.broken, read.get(key), read.get({ ...key, seed: 2 })]).toEqual([1, result, undefined])
    read.add({ ...result, key: { ...key, seed: 2 } })
    const again = new Results(file)
    expect(again.get({ ...key, seed: 2 })?.seconds).toBe(1)
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(4)
    expect(again.outdated([key])).toBe(0)
    expect(again.outdated([{ ...key, version: 'v2' }])).toBe(1)
    expect(again.get({ ...key, version: 'v2' })).toBeUndefined()
  })

  it('has a version that changes with the code alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hypevolve-digest-'))
    writeFileSync(join(folder, 'a.ts'), '1')
    const before = codeDigest(folder, ['.'])
    writeFileSync(join(folder, 'a.test.ts'), '1')
    writeFileSync(join(folder, 'notes.md'), '1')
    expect(codeDigest(folder, ['.'])).toBe(before)
    writeFileSync(join(folder, 'a.ts'), '2')
    expect(codeDigest(folder, ['.'])).not.toBe(before)
  })
})
