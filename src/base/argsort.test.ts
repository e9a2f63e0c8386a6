import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { argsort } from './argsort.ts'

describe('argsort', () => {
  it('sorts any values ascending, NaN last, each index once', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double()), { maxLength: 300 }), (values) => {
        const order = argsort(values)
        expect([...order].sort((a, b) => a - b)).toEqual(values.map((_, i) => i))
        const sorted = order.map((i) => values[i])
        for (let i = 1; i < sorted.length; i++) expect(sorted[i - 1] <= sorted[i] || Number.isNaN(sorted[i])).toBe(true)
      }),
    )
  })

  it('stays fast and right where quick sort degrades to heap sort', () => {
    // McIlroy, "A killer adversary for quicksort" (1999): the values are decided while they are compared.
    const n = 4000
    const gas = n
    const values = new Array<number>(n).fill(gas)
    let solid = 0
    let candidate = 0
    const adversary = new Proxy(values, {
      get(target, key) {
        if (typeof key !== 'string' || !/^\d+$/.test(key)) return Reflect.get(target, key)
        const i = Number(key)
        return {
          valueOf: () => {
            if (target[i] === gas && candidate === i) target[i] = solid++
            else if (target[i] === gas) candidate = i
            return target[i]
          },
        }
      },
    }) as unknown as number[]
    argsort(adversary)
    const decided = values.map((value, i) => (value === gas ? gas + i : value))
    const order = argsort(decided)
    expect(order.map((i) => decided[i])).toEqual([...decided].sort((a, b) => a - b))
  })
})
