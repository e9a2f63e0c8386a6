import { expect, it } from 'vitest'
import type { CompleteTrial } from '../../search/index.ts'
import type { StudyDefinition } from '../../study/index.ts'
import { frontTable } from './front.ts'

const trial = (number: number, fitness: number, second: number, rest: Partial<CompleteTrial> = {}): CompleteTrial => ({
  ...{
    number,
    fitness,
    second,
    state: 'complete',
    attempt: 1,
    hyp: { x: number },
    parents: [],
    mutated: [],
    metrics: {},
  },
  ...rest,
})
const definition = (more: object) => ({ fitness: 'mAP50', direction: 'maximize', ...more }) as StudyDefinition

it('tells the front from what is behind it and what breaks a constraint, with values as they were measured', () => {
  const trials = [trial(0, 0.3, -9), trial(1, 0.4, -8), trial(2, 0.6, -10), trial(3, 0.9, -7, { violation: 1 })]
  const second = { expression: 'latency_ms', direction: 'minimize' as const }
  const table = frontTable({ name: 'exp', definition: definition({ second }) }, trials)!
  expect(table).toMatchObject({
    title: 'fitness and latency_ms of exp: 4 trials, 2 on the front',
    ...{ x: 'latency_ms', y: 'fitness (mAP50)', minimize: true },
  })
  expect(table.points.map(({ kind, second, isStart }) => [kind, second, isStart])).toEqual([
    ['behind', 9, true],
    ['front', 8, false],
    ['front', 10, false],
    ['broken', 7, false],
  ])
  expect(frontTable({ name: 'exp', definition: definition({}) }, trials)).toBeUndefined()
})
