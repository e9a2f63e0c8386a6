import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConstraintInvalidError, randomFor } from '../base/index.ts'
import { type CompleteTrial, History, paretoFront, parseConstraint, totalViolation } from './index.ts'
import { asOneNumber } from './objectives.ts'

const complete = (number: number, fitness: number, rest: Partial<CompleteTrial> = {}): CompleteTrial => ({
  number,
  hyp: { x: number },
  parents: [],
  mutated: [],
  attempt: 1,
  state: 'complete',
  fitness,
  metrics: {},
  ...rest,
})

describe('a constraint', () => {
  it('holds up to its limit and is broken in parts of it', () => {
    const { violation, text, keys } = parseConstraint(' latency_ms <= 10 ')
    expect([text, keys]).toEqual(['latency_ms <= 10', ['latency_ms']])
    expect([violation({ latency_ms: 10 }), violation({ latency_ms: 4 }), violation({ latency_ms: 15 })]).toEqual([
      0, 0, 0.5,
    ])
    expect(violation({})).toBeNaN()
  })

  it('reads both directions and formulas on both sides', () => {
    expect(parseConstraint('precision >= 0.5').violation({ precision: 0.25 })).toBe(0.5)
    expect(parseConstraint('0.5 < precision').violation({ precision: 0.25 })).toBe(0.5)
    expect(parseConstraint('2*a > b + 1').violation({ a: 1, b: 3 })).toBe(2)
    expect(parseConstraint("'mAP50/car' > 0").violation({ 'mAP50/car': -0.2 })).toBeCloseTo(0.2)
  })

  it.each(['latency', 'a <= b <= c', '<= 3', 'a <= ', '1 <= 2', 'a == 3', 'a <= f(2)', ''])('refuses %s', (text) => {
    expect(() => parseConstraint(text)).toThrow(ConstraintInvalidError)
  })

  it('adds up with others', () => {
    const both = [parseConstraint('a <= 1'), parseConstraint('b <= 2')]
    expect(totalViolation(both, { a: 2, b: 4 })).toBe(2)
    expect(totalViolation(both, { a: 0 })).toBeNaN()
  })
})

describe('a history as one number', () => {
  it('is itself without constraints and second objective', () => {
    const history = new History([complete(0, 1), complete(1, 2, { violation: 0 })])
    expect(asOneNumber(history, randomFor(0, 2))).toBe(history)
  })

  it('puts what breaks a constraint behind all that do not, by how much', () => {
    const history = new History([
      complete(0, 0.9, { violation: 3 }),
      complete(1, 0.2, { violation: 0 }),
      complete(2, 0.8, { violation: 0.1 }),
      complete(3, 0.4, { violation: 0 }),
      complete(4, 0.99, { violation: Number.NaN }),
    ])
    const order = asOneNumber(history, randomFor(0, 5)).fittest(9)
    expect(order.map(({ number }) => number)).toEqual([3, 1, 2, 0, 4])
    expect(order.slice(0, 2).map(({ fitness }) => fitness)).toEqual([0.4, 0.2])
  })

  it('finds each point of the front the best under some weight, and none that is dominated', () => {
    const points = [
      [1, 0],
      [0.8, 0.5],
      [0.5, 0.8],
      [0, 1],
      [0.4, 0.4],
    ]
    const history = new History(points.map(([fitness, second], i) => complete(i, fitness, { second })))
    const best = new Set(
      Array.from({ length: 300 }, (_, n) => asOneNumber(history, randomFor(1, n)).fittest(1)[0].number),
    )
    expect([...best].sort()).toEqual([0, 1, 2, 3])
  })

  it('never compares trainings of different length', () => {
    const short = (number: number, fitness: number, second: number) => ({
      ...complete(number, fitness),
      state: 'pruned' as const,
      epochs: 4,
      second,
    })
    const history = new History([complete(0, 0.9, { second: 0.5 }), short(1, 0.1, 0.4), short(2, 0.2, 0.5)])
    const trials = asOneNumber(history, randomFor(0, 3)).ended
    const fitnessOf = (number: number) => (trials[number] as CompleteTrial).fitness
    expect(fitnessOf(2)).toBeGreaterThan(fitnessOf(1))
    expect(fitnessOf(2)).toBe(fitnessOf(0)) // each the best of its length
  })
})

describe('the Pareto front', () => {
  it('is exactly what no other trial dominates', () => {
    const value = fc.integer({ min: 0, max: 8 })
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { maxLength: 30 }), (points) => {
        const trials = points.map(([fitness, second], i) => complete(i, fitness, { second }))
        const front = paretoFront(trials)
        const dominates = (a: CompleteTrial, b: CompleteTrial) =>
          a.fitness >= b.fitness && a.second! >= b.second! && (a.fitness > b.fitness || a.second! > b.second!)
        for (const trial of trials) {
          const dominated = trials.some((other) => dominates(other, trial))
          const twin = front.some((one) => one.fitness === trial.fitness && one.second === trial.second)
          expect(twin).toBe(!dominated)
        }
        expect(new Set(front.map(({ fitness }) => fitness)).size).toBe(front.length)
      }),
    )
  })

  it('leaves out what breaks a constraint', () => {
    const trials = [complete(0, 9, { second: 9, violation: 1 }), complete(1, 1, { second: 1, violation: 0 })]
    expect(paretoFront(trials).map(({ number }) => number)).toEqual([1])
  })
})
