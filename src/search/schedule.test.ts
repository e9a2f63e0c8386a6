import { describe, expect, it } from 'vitest'
import { lowestRung, rungsOf } from './index.ts'

describe('rungs', () => {
  it.each([
    [100, 3, [11, 33, 100]],
    [100, 0, [11, 33, 100]],
    [300, 3, [33, 100, 300]],
    [51, 0, [6, 17, 51]],
    [36, 3, [12, 36]],
    [36, 0, [4, 12, 36]],
    [27, 3, [9, 27]],
    [10, 3, [10]],
    [3, 0, [3]],
    [1, 3, [1]],
  ])('of %d epochs with a warm-up of %d', (epochs, warmup, rungs) => {
    expect(rungsOf({ epochs, lowest: lowestRung(epochs, warmup) })).toEqual(rungs)
  })
})
