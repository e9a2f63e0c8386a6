import { describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import {
  choice,
  defineSpace,
  float,
  History,
  type Hyp,
  integer,
  rangeSpace,
  type SearchContext,
  type SearchSpace,
  type Trial,
} from '../index.ts'
import { gp } from './gp.ts'
import { Acquisition, gpCube, promising } from './gp-cube.ts'
import { gpDraws, gpKnowledge } from './gp-draws.ts'
import { GaussianProcess } from './gp-model.ts'
import { unitCube } from './unit-cube.ts'

const flat = (dimensions: number): SearchSpace =>
  defineSpace(Object.fromEntries(Array.from({ length: dimensions }, (_, i) => [`x${i}`, float(0, 1)]))) as SearchSpace

const mixed = (): SearchSpace =>
  defineSpace({
    lr: float(1e-4, 1, { log: true }),
    layers: integer(1, 9),
    width: integer(8, 1024, { log: true }),
    optimizer: choice('sgd', 'adam', 'lion'),
    momentum: float(0, 1, { when: { optimizer: ['sgd'] } }),
  }) as SearchSpace

/** 0 at lr 0.01, 6 layers, width 100, sgd, momentum 0.9. */
function mixedFitness(hyp: Hyp): number {
  const momentum = hyp.momentum === undefined ? 0.6 : (Number(hyp.momentum) - 0.9) ** 2
  const lr = (Math.log10(Number(hyp.lr)) + 2) / 4
  const [layers, width] = [(Number(hyp.layers) - 6) / 8, Math.log(Number(hyp.width) / 100) / 5]
  return -(lr ** 2 + layers ** 2 + width ** 2 + momentum + (hyp.optimizer === 'lion' ? 0.3 : 0))
}

const told = (number: number, hyp: Hyp, fitness: number, more: object = {}): Trial =>
  ({ number, hyp, parents: [], mutated: [], attempt: 1, state: 'complete', fitness, metrics: {}, ...more }) as Trial

function contextOf(
  space: SearchSpace,
  history: History,
  seed: number,
  more: Partial<SearchContext> = {},
): SearchContext {
  const rngOf = (n: number) => randomFor(seed, n)
  return { space, number: history.size, history, rng: rngOf(history.size), rngOf, ...more }
}

const options = gp.options.parse({})

/** A search; every seventh trial fails, and the last `running` run. */
function searched(
  space: SearchSpace,
  fitness: (hyp: Hyp) => number,
  trials: number,
  seed: number,
  running = 0,
): Trial[] {
  const history = new History()
  return Array.from({ length: trials }, (_, number) => {
    const { hyp } = gp.propose(contextOf(space, history, seed), options)
    const failed = { state: 'failed', failure: 'crash', output: ['?'] }
    const trial = told(
      number,
      hyp,
      fitness(hyp),
      number % 7 === 5 ? failed : number >= trials - running ? { state: 'running' } : {},
    )
    history.set(trial)
    return trial
  })
}

const bestOf = (trials: readonly Trial[]) =>
  trials.reduce((most, trial) => (trial.state === 'complete' ? Math.max(most, trial.fitness) : most), -Infinity)

describe('gp', () => {
  it('finds what is best in a space of all kinds', () => {
    for (const seed of [1, 2, 3]) expect(bestOf(searched(mixed(), mixedFitness, 30, seed))).toBeGreaterThan(-0.02)
  })

  it('finds a zero that is best, and a number that is best in between', () => {
    const ranges = { mixup: { gain: 1, lower: 0, upper: 1 }, degrees: { gain: 1, lower: 0, upper: 45 } }
    const space = rangeSpace({ mixup: 0, degrees: 0 }, ranges)
    const fitness = (hyp: Hyp) => -Number(hyp.mixup) - (Number(hyp.degrees) / 45 - 0.4) ** 2
    const trials = searched(space, fitness, 25, 4)
    expect(bestOf(trials)).toBeGreaterThan(-0.001)
  })

  it('proposes the same after a restart, fits and all', () => {
    const space = flat(3)
    const fitness = (hyp: Hyp) => -((Number(hyp.x0) - 0.3) ** 2) - (Number(hyp.x1) - Number(hyp.x2)) ** 2
    const trials = searched(space, fitness, 75, 9, 4)
    for (const size of [30, 41, 60, 75]) {
      const known = trials.slice(0, size)
      const next = gp.propose(contextOf(space, new History(known), 9), options)
      // a space of its own: no cache
      const stored = JSON.parse(JSON.stringify(known)) as Trial[]
      expect(gp.propose(contextOf(flat(3), new History(stored), 9), options)).toEqual(next)
    }
  })

  it('keeps running trials apart', () => {
    const space = flat(2)
    const trials = searched(space, (hyp) => -((Number(hyp.x0) - 0.3) ** 2) - (Number(hyp.x1) - 0.6) ** 2, 12, 5)
    const history = new History(trials)
    const points = Array.from({ length: 4 }, () => {
      const { hyp } = gp.propose(contextOf(space, history, 5), options)
      history.set(told(history.size, hyp, 0, { state: 'running' }))
      return [Number(hyp.x0), Number(hyp.x1)]
    })
    for (const [i, a] of points.entries())
      for (const b of points.slice(0, i)) expect(Math.hypot(a[0] - b[0], a[1] - b[1])).toBeGreaterThan(0.01)
  })

  it('learns from short trainings what full ones would bring', () => {
    const space = flat(2)
    const rungs = [4, 12, 36]
    const fitness = (hyp: Hyp) => -((Number(hyp.x0) - 0.8) ** 2) - (Number(hyp.x1) - 0.2) ** 2
    const { numpy } = randomFor(1, 1)
    const history = new History([told(0, space.start, fitness(space.start), { fidelity: 36 })])
    for (let number = 1; number < 15; number++) {
      const hyp = { x0: numpy.random(), x1: numpy.random() }
      // a short training brings less, whatever it is
      history.set(told(number, hyp, 0.5 * fitness(hyp) - 3, { state: 'pruned', epochs: 4, fidelity: 4 }))
    }
    const context = contextOf(space, history, 3, { fidelity: { epochs: 36, rungs } })
    expect(gpKnowledge(context).observations.map(({ rung }) => rung)).toEqual([2, ...Array(14).fill(0)])
    const { hyp } = gp.propose(context, options)
    expect(Math.hypot(Number(hyp.x0) - 0.8, Number(hyp.x1) - 0.2)).toBeLessThan(0.2)
  })

  it('takes a training that was stopped for a bad one, and leaves repeats out', () => {
    const history = new History([
      told(0, { x0: 0.5 }, 0.5, { fidelity: 36 }),
      told(1, { x0: 0.6 }, 0.4, { fidelity: 36 }),
      told(2, { x0: 0.1 }, 0.9, { state: 'pruned', epochs: 4, fidelity: 36 }),
      told(3, { x0: 0.5 }, 0.9, { fidelity: 36, repeats: 0, repetition: 1 }),
      told(4, { x0: 0.7 }, 0, { state: 'running', fidelity: 36 }),
      told(5, { x0: 0.5 }, 0, { state: 'running', fidelity: 36, repeats: 0, repetition: 2 }),
    ])
    const { observations, running } = gpKnowledge({ history, fidelity: { epochs: 36, rungs: [4, 12, 36] } })
    expect(observations.map(({ number, rung, fitness }) => [number, rung, fitness])).toEqual([
      [0, 2, 0.5],
      [1, 2, 0.4],
      [2, 2, -Infinity],
    ])
    expect(running.map(({ number }) => number)).toEqual([4])
  })

  it('is not thrown off by equal points, equal scores or a single rung full of failures', () => {
    const space = flat(2)
    const cube = unitCube(space)
    const at = (number: number, x: number, fitness: number, rung = 1) => ({
      number,
      hyp: { x0: x, x1: x },
      rung,
      fitness,
    })
    for (const observations of [
      [at(0, 0.5, 1), at(1, 0.5, 1), at(2, 0.5, 1)],
      [at(0, 0.5, 1e300), at(1, 0.5, -1e300), at(2, 0.1, 0)],
      [at(0, 0.5, 1), at(1, 0.6, 2), at(2, 0.2, -Infinity, 0), at(3, 0.3, -Infinity, 0)],
    ]) {
      const next = gpDraws(cube, { observations, running: [], rungCount: 2 }, randomFor(1, 1))()
      expect([...next].every((u) => u >= 0 && u <= 1)).toBe(true)
    }
  })
})

describe('the acquisition', () => {
  const space = gpCube(unitCube(mixed()))
  const { numpy } = randomFor(3, 3)
  const size = 12
  const points = new Float64Array(size * 5)
  const hyps = Array.from({ length: size }, () => {
    const positions = [numpy.random(), numpy.random(), numpy.random(), Math.floor(3 * numpy.random()), numpy.random()]
    return space.cube.toHyp(positions)
  })
  for (const [i, hyp] of hyps.entries()) points.set(space.pointOf(hyp), 5 * i)
  const process = GaussianProcess.of(
    {
      ...{
        size,
        isChoice: space.isChoice,
        points,
        rungs: new Int32Array(size),
        rungCount: 1,
        doubts: new Float64Array(size),
      },
      scores: Float64Array.from(hyps, (hyp) => 3 * mixedFitness(hyp) + 1),
    },
    {
      weights: Float64Array.of(2, 1, 0.5, 0.3, 1),
      variances: Float64Array.of(1),
      correlations: Float64Array.of(),
      noise: 1e-3,
    },
  )!
  const running = Float64Array.of(0.5, 0.5, 0.5, 1, 0.5, 0.2, 0.9, 0.4, 0, 0.8)
  const seen = process.withRunning(running, new Int32Array(2), [
    [0.4, -1],
    [-0.3, 1.4],
    [2, 0.1],
  ])!
  const acquisition = new Acquisition(seen.process, [0.5, 0.7, 1.1])

  it('has the gradient that differences show', () => {
    const gradient = new Float64Array(5)
    for (const point of [
      [0.3, 0.4, 0.6, 0, 0.7],
      [0.9, 0.1, 0.2, 2, 0.5],
    ]) {
      const value = acquisition.valueWithGradient(point, gradient)
      expect(acquisition.value(point)).toBe(value)
      for (const j of [0, 1, 2, 4]) {
        const at = (step: number) => acquisition.value(point.map((u, i) => (i === j ? u + step : u)))
        expect(gradient[j]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 5)
      }
    }
  })

  it('is highest where the climbs end', () => {
    const incumbents = [space.cube.toPositions(hyps[0])]
    const effort = { candidates: 200, ascents: 4, steps: 30, incumbents, random: randomFor(1, 1) }
    const found = promising(acquisition, space, effort)
    expect(found).toHaveLength(205)
    const point = new Float64Array(5)
    const values = found.map((positions) => {
      space.settle(positions, point)
      return acquisition.value(point)
    })
    expect(values[0]).toBe(Math.max(...values))
    expect(values[0]).toBeGreaterThan(Math.max(...values.slice(5))) // better than all that was drawn
  })

  it('sees the hyp that positions mean', () => {
    const point = new Float64Array(5)
    for (const optimizer of [0, 1, 2]) {
      const positions = [0.123, 0.456, 0.789, optimizer, 0.3]
      space.settle(positions, point)
      const byHyp = space.pointOf(space.cube.toHyp(positions))
      for (const j of [0, 1, 2, 3, 4]) expect(point[j]).toBeCloseTo(byHyp[j], 12)
      expect(point[4]).toBe(optimizer === 0 ? byHyp[4] : 0.5)
    }
  })
})
