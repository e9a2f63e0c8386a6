import { describe, expect, expectTypeOf, it } from 'vitest'
import { SearchSpaceInvalidError } from '../base/index.ts'
import { choice, defineSpace, fixed, float, integer } from './index.ts'

const space = defineSpace({
  lr: float(1e-5, 1e-1, { log: true, default: 1e-3 }),
  layers: integer(1, 4),
  optimizer: choice('sgd', 'adam'),
  momentum: float(0, 1, { when: { optimizer: ['sgd'] } }),
  nesterov: choice([true, false], { when: { optimizer: ['sgd'] }, default: false }),
  damping: float(0, 1, { when: { nesterov: [false] } }),
  batch: fixed(16),
})

describe('defineSpace', () => {
  it('gives the type of its hyps', () => {
    expectTypeOf(space.start).toEqualTypeOf<{
      readonly lr: number
      readonly layers: number
      readonly optimizer: 'sgd' | 'adam'
      readonly batch: 16
      readonly momentum?: number
      readonly nesterov?: boolean
      readonly damping?: number
    }>()
  })

  it('starts in the middle, at the first choice, or where it is told', () => {
    expect(space.start).toEqual({
      lr: 1e-3,
      layers: 3,
      optimizer: 'sgd',
      momentum: 0.5,
      nesterov: false,
      damping: 0.5,
      batch: 16,
    })
    expect(defineSpace({ x: float(1e-4, 1, { log: true }) }).start.x).toBeCloseTo(0.01, 15)
    expect(defineSpace({ n: integer(1, 100, { log: true }) }).start.n).toBe(10)
  })

  it('leaves out what does not exist under the values of the others, through several steps', () => {
    const at = (change: object) => space.toHyp(space.toValues({ ...space.start, ...change }))
    expect(Object.keys(at({ optimizer: 'adam' }))).toEqual(['lr', 'layers', 'optimizer', 'batch'])
    expect(Object.keys(at({ nesterov: true }))).toEqual(['lr', 'layers', 'optimizer', 'momentum', 'nesterov', 'batch'])
    expect(space.isActive('damping', at({}))).toBe(true)
    expect(space.isActive('damping', at({ optimizer: 'adam' }))).toBe(false)
  })

  it('brings values within bounds, whole numbers, and known choices', () => {
    expect(space.toHyp([7, 2.6, 'adam', 0, true, 0, 99])).toEqual({ lr: 0.1, layers: 3, optimizer: 'adam', batch: 16 })
    expect(space.toHyp([7, 9, 'lion', 2, true, 0, 99])).toMatchObject({ layers: 4, optimizer: 'sgd', momentum: 1 })
  })

  it.each([
    ['lower bound 2 above', () => defineSpace({ x: float(2, 1) })],
    ['must be above 0', () => defineSpace({ x: float(0, 1, { log: true }) })],
    ['must be whole numbers', () => defineSpace({ x: integer(0.5, 3) })],
    ['not a finite number', () => defineSpace({ x: float(0, Number.POSITIVE_INFINITY) })],
    ['not a finite number', () => defineSpace({ x: float(0, 1, { default: Number.NaN }) })],
    ['none of its choices', () => defineSpace({ x: choice([1, 2], { default: 3 as never }) })],
    ['lists a choice twice', () => defineSpace({ x: choice(1, 1) })],
    ['which is not there', () => defineSpace({ x: float(0, 1, { when: { y: [1] } }) })],
    ['which that never is', () => defineSpace({ y: choice(1, 2), x: float(0, 1, { when: { y: [3] } }) })],
    ['condition on itself', () => defineSpace({ x: float(0, 1, { when: { x: [0] } }) })],
    [
      'condition on itself',
      () =>
        defineSpace({
          a: choice([1, 2], { when: { b: [1] } }),
          b: choice([1, 2], { when: { a: [1] } }),
        }),
    ],
    ['is no name', () => defineSpace({ 'a b': float(0, 1) })],
  ])('refuses what contradicts itself: %s', (message, make) => {
    expect(make).toThrow(SearchSpaceInvalidError)
    expect(make).toThrow(message)
  })
})
