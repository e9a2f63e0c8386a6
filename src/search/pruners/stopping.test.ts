import { describe, expect, it } from 'vitest'
import { cameTo, scoreAt } from './curves.ts'
import { pruners } from './index.ts'

describe('the score at an epoch', () => {
  it('is the mean of the last three validations', () => {
    const curve = Array.from({ length: 31 }, (_, e) => e)
    expect(scoreAt(curve, 30)).toBe(29)
    expect(scoreAt(curve, 12)).toBe(11)
  })

  it('looks back no further than a quarter of the epochs so far', () => {
    expect(scoreAt([0, 1, 2, 3], 3)).toBe(3)
    expect(scoreAt([0, 1, 2, 3, 4, 5], 5)).toBe(4.5)
    const seldom = Array.from({ length: 41 }, (_, e) => (e % 10 === 0 ? e : undefined))
    expect(scoreAt(seldom, 20)).toBe(20)
    expect(scoreAt(seldom, 40)).toBe(40)
    expect(scoreAt(seldom, 25)).toBe(20)
    expect(scoreAt(seldom, 28)).toBeUndefined()
  })

  it('is unknown where a training has not come to, and as bad as can be where it is no number', () => {
    expect(scoreAt([0, 1, 2], 3)).toBeUndefined()
    expect(scoreAt([], 0)).toBeUndefined()
    expect(scoreAt([0, 1, 2, Number.NaN], 3)).toBe(-Infinity)
    expect([cameTo([undefined, 1], 1), cameTo([undefined, 1, undefined], 2), cameTo([], 0)]).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('verdicts', () => {
  const rungs = [4, 12, 36]
  /** Level curves that have come to an epoch. */
  const level = (height: number, epochs: number): number[] => Array(epochs + 1).fill(height)
  const others = (heights: readonly number[], epochs = 36) => new Map(heights.map((h, i) => [i, level(h, epochs)]))
  const halving = (context: Parameters<typeof pruners.hyperband.verdict>[0]) =>
    pruners['successive-halving'].verdict(context, {})

  it('stop what is not among the best third of a rung', () => {
    const at = (height: number, heights: readonly number[]) =>
      halving({ rungs, number: 50, epoch: 4, curve: level(height, 4), others: others(heights) })
    expect(at(0, [5])).toBe('continue') // two are too few to tell
    expect(at(0, [5, 6])).toBe('stop')
    expect(at(7, [5, 6])).toBe('continue')
    expect(at(4, [1, 2, 3, 5, 6])).toBe('stop') // the third of six
    expect(at(5.5, [1, 2, 3, 5, 6])).toBe('continue') // the second
    expect(at(6, [6, 6, 6, 6, 6])).toBe('continue') // equals do not beat one another
  })

  it('ask once at each rung: at its first validation', () => {
    const stops = Array.from({ length: 37 }, (_, epoch) => epoch).filter(
      (epoch) => halving({ rungs, number: 50, epoch, curve: level(0, epoch), others: others([5, 6, 7]) }) === 'stop',
    )
    expect(stops).toEqual([4, 12])
    const seldom = (epoch: number) => level(0, epoch).map((value, e) => (e % 5 === 0 ? value : undefined))
    const late = Array.from({ length: 37 }, (_, epoch) => epoch).filter(
      (epoch) => halving({ rungs, number: 50, epoch, curve: seldom(epoch), others: others([5, 6, 7]) }) === 'stop',
    )
    expect(late).toEqual([5, 15])
  })

  it('of Hyperband let some trainings pass the lower rungs, in the shares of the brackets', () => {
    const options = pruners.hyperband.options.parse({})
    const stoppedAt = (number: number) =>
      [4, 12].find((epoch) => {
        const context = { rungs, number, epoch, curve: level(0, epoch), others: others([5, 6, 7]) }
        return pruners.hyperband.verdict(context, options) === 'stop'
      })
    const stops = Array.from({ length: 1650 }, (_, i) => stoppedAt(i + 1))
    const count = (epoch: number | undefined) => stops.filter((each) => each === epoch).length
    expect(Math.abs(count(4) - 900)).toBeLessThan(5)
    expect(Math.abs(count(12) - 450)).toBeLessThan(5)
    expect(Math.abs(count(undefined) - 300)).toBeLessThan(5)
  })

  it('of the median compare the best so far with the middle of the means of others', () => {
    const at = (height: number, heights: readonly number[], given: object = {}, epoch = 10) =>
      pruners.median.verdict(
        { rungs, number: 50, epoch, curve: level(height, epoch), others: others(heights) },
        pruners.median.options.parse(given),
      )
    expect(at(2.9, [1, 2, 3, 4, 5])).toBe('stop')
    expect(at(3, [1, 2, 3, 4, 5])).toBe('continue')
    expect(at(2.9, [1, 2, 3, 4])).toBe('continue') // four are too few
    expect(at(2.4, [1, 2, 3, 4], { startupTrials: 4 })).toBe('stop')
    expect(at(0, [1, 2, 3, 4, 5], { warmupEpochs: 11 })).toBe('continue')
    expect(at(0, [1, 2, 3, 4, 5], {}, 3)).toBe('continue') // before the lowest rung
  })
})
