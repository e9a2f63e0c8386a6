import { expect, it } from 'vitest'
import { defineSpace, edgesOf, float, integer } from './index.ts'

const space = defineSpace({
  lr0: float(1e-5, 0.1, { log: true, default: 0.01 }),
  momentum: float(0.6, 0.98, { default: 0.937 }),
  mosaic: float(0, 1, { default: 0.5 }),
  box: float(0.02, 0.2, { default: 0.02 }),
  layers: integer(1, 4, { default: 2 }),
})
const hyp = (lr0: number, momentum = 0.9) => ({ lr0, momentum, mosaic: 1, box: 0.02, layers: 4 })

it('tells where most of the best lie at an end of what was searched', () => {
  const good = [hyp(0.1), hyp(0.0999), hyp(0.1, 0.98), hyp(0.05), hyp(0.1)]
  expect(edgesOf(space, good[0], good)).toEqual([{ key: 'lr0', end: 'upper', bound: 0.1 }])
  expect(edgesOf(space, hyp(1e-5), [hyp(1e-5), hyp(1e-5), hyp(0.01)])).toEqual([
    { key: 'lr0', end: 'lower', bound: 1e-5 },
  ])
})

it('tells nothing of a single one, of too few, and of ends that are natural or where the search began', () => {
  expect(edgesOf(space, hyp(0.1, 0.98), [hyp(0.1, 0.98), hyp(0.02), hyp(0.03), hyp(0.04)])).toEqual([])
  expect(edgesOf(space, hyp(0.1), [hyp(0.1), hyp(0.1)])).toEqual([])
  const none = edgesOf(space, hyp(0.02), [hyp(0.02), hyp(0.02), hyp(0.02)])
  expect(none).toEqual([]) // mosaic 1, box as it began, layers whole numbers
})
