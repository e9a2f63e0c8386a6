import { describe, expect, it } from 'vitest'
import { UsageError } from '../../base/index.ts'
import { filterRows, sortRows } from './select.ts'
import type { TrialRow } from './trial-row.ts'

const row = (number: number, more: Partial<TrialRow> = {}): TrialRow => ({
  number,
  state: 'complete',
  fitness: null,
  metrics: {},
  hyp: {},
  parents: [],
  mutated: [],
  attempts: 1,
  fidelity: null,
  continues: null,
  repeats: null,
  repetition: null,
  second: null,
  violation: null,
  failure: null,
  output: [],
  startedAt: null,
  endedAt: null,
  seconds: null,
  worker: null,
  ...more,
})
const rows = [
  row(0, { fitness: 0.2, metrics: { box: 0.5, recall: 0.1 }, hyp: { box: 0.05, lr0: 0.01, optimizer: 'sgd' } }),
  row(1, { fitness: 0.4, metrics: { box: 0.4, recall: Number.NaN }, hyp: { box: 0.07, lr0: 0.02, optimizer: 'adam' } }),
  row(2, { state: 'failed', failure: 'crash', startedAt: '2026-01-02T00:00:00.000Z', hyp: { box: 0.06, lr0: 0.001 } }),
  row(3, { fitness: 0.4, metrics: { box: 0.6, recall: 0.3 }, hyp: { box: 0.08, lr0: 0.1, augment: true } }),
]
const numbers = (found: readonly TrialRow[]) => found.map(({ number }) => number)

describe('--filter', () => {
  it.each<[string[], number[]]>([
    [['fitness>0.2'], [1, 3]],
    [['fitness>=0.2'], [0, 1, 3]],
    [['fitness = 4e-1'], [1, 3]],
    [['fitness!=0.4'], [0, 2]],
    [['state=failed'], [2]],
    [['failure!=crash'], [0, 1, 3]],
    [['lr0<0.02', 'state==complete'], [0]],
    [['box>0.45'], [0, 3]],
    [['hyp.box>0.06'], [1, 3]],
    [['metrics.box<=0.5'], [0, 1]],
    [['optimizer=adam'], [1]],
    [['augment=true'], [3]],
    [['startedAt>2026-01-01'], [2]],
    [['number<2'], [0, 1]],
    [[], [0, 1, 2, 3]],
  ])('%j keeps %j', (conditions, kept) => expect(numbers(filterRows(rows, conditions))).toEqual(kept))

  it.each(['fitness', 'fitness>', '>3', 'fitnes>3', 'lr0>fast', ''])('refuses %j', (condition) => {
    expect(() => filterRows(rows, [condition])).toThrow(UsageError)
  })

  it('of a study without trials keeps none, whatever it says', () => {
    expect(filterRows([], ['mAP50>0.3'])).toEqual([])
  })
})

describe('--sort', () => {
  it.each<[string, number[]]>([
    ['fitness', [0, 1, 3, 2]],
    ['-fitness', [1, 3, 0, 2]],
    ['-number', [3, 2, 1, 0]],
    ['lr0', [2, 0, 1, 3]],
    ['recall', [0, 3, 1, 2]],
    ['hyp.box', [0, 2, 1, 3]],
    ['box', [2, 1, 0, 3]], // the failed trial has only the hyperparameter
    ['optimizer', [1, 0, 2, 3]],
  ])('%s', (by, order) => {
    expect(numbers(sortRows(rows, by))).toEqual(order)
  })

  it('refuses a column that no trial has', () => {
    expect(() => sortRows(rows, '-speed')).toThrow(/fitness.*recall.*lr0/)
  })
})
