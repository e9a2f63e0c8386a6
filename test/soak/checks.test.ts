// The checks of the kill tests see what they are there for.
import { describe, expect, it } from 'vitest'
import type { CompleteTrial, Trial } from '../../src/search/index.ts'
import { type Evidence, faultsAtTheEnd, faultsOf, faultsOfTable } from './checks.ts'

const complete = (number: number, lr0: number, fitness: number): CompleteTrial => ({
  ...{ state: 'complete', number, hyp: { lr0 }, parents: [], mutated: [], attempt: 1 },
  ...{ fitness, metrics: { mAP50: fitness, mAP50to95: fitness } },
})
const trials = [complete(1, 0.02, 0.5), complete(0, 0.01, 0.25)]
const running: Trial = { state: 'running', number: 2, hyp: { lr0: 0.03 }, parents: [1], mutated: ['lr0'], attempt: 1 }
const good: Evidence = {
  trials,
  target: 2,
  acknowledged: trials.map(({ number, attempt }) => ({ number, attempt })),
  measured: trials.map(({ number, attempt, fitness, hyp }) => {
    return { trial: number, attempt, value: String(fitness), hyp: hyp as Record<string, number> }
  }),
  before: [trials[0]!],
}
const [first, second] = good.acknowledged
const table = 'metrics/mAP_0.5, metrics/mAP_0.5:0.95,lr0\n 0.5, 0.5, 0.02\n 0.25, 0.25, 0.01\n'

describe('checks', () => {
  it('find nothing where all is well', () => {
    expect(faultsOf(good)).toEqual([])
    expect(faultsAtTheEnd(good)).toEqual([])
    expect(faultsOfTable(table, trials)).toEqual([])
    const half = [complete(0, 2.78125, 0.123456)]
    expect(faultsOfTable('metrics/mAP_0.5, metrics/mAP_0.5:0.95,lr0\n0.12346,0.12346,2.7812\n', half)).toEqual([])
    expect(faultsOfTable('metrics/mAP_0.5, metrics/mAP_0.5:0.95,lr0\n0.12346,0.12345,2.7813\n', half)).toHaveLength(1)
  })

  it.each<[string, Partial<Evidence>]>([
    ['a gap', { trials: [trials[0]!], acknowledged: [], before: [] }],
    ['a duplicate', { trials: [...trials, complete(1, 0.04, 0.1)], target: 3, acknowledged: [] }],
    ['too many trials', { target: 1 }],
    ['the same hyp twice', { trials: [trials[0]!, complete(0, 0.02, 0.25)], acknowledged: [], measured: [] }],
    ['a result that is lost', { trials: [...trials, { ...running }], acknowledged: [{ number: 2, attempt: 1 }] }],
    ['a fitness that nobody measured', { trials: [{ ...trials[0]!, fitness: 0.6 }, trials[1]!], before: [] }],
    ['a result of another attempt', { acknowledged: [{ ...first!, attempt: 2 }, second!] }],
    ['a result that was counted twice', { acknowledged: [first!, second!, first!] }],
    ['a result that nobody measured', { measured: [] }],
    ['a result that was measured differently', { measured: good.measured.map((one) => ({ ...one, value: '0.3' })) }],
    ['a training with another hyp', { measured: good.measured.map((one) => ({ ...one, hyp: { lr0: 1 } })) }],
    ['another order', { before: [trials[1]!] }],
    ['an ended trial that is gone', { before: [...trials, complete(2, 0.1, 0.1)] }],
  ])('find %s', (_, change) => {
    expect(faultsOf({ ...good, ...change })).not.toEqual([])
  })

  it('find what is open or missing in the end', () => {
    expect(faultsAtTheEnd({ trials: [...trials, running], target: 3 })).toEqual(['trial 2 is running'])
    expect(faultsAtTheEnd({ trials, target: 3 })).toEqual(['2 trials of 3'])
  })

  it.each([
    ['a row too few', table.replace(/ 0.25.*\n/, '')],
    ['another order of rows', table.replace(/( 0.5, .*\n)( 0.25.*\n)/, '$2$1')],
    ['another value', table.replace('0.02', '0.021')],
    ['a column too few', table.replaceAll(/,[^,]*\n/g, '\n')],
  ])('find %s in the table', (_, text) => {
    expect(faultsOfTable(text, trials)).not.toEqual([])
  })
})
