// Whether tpe and cmaes find what they are for: on functions with a known answer, with fixed seeds and wide margins.
import { beforeAll, describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import {
  choice,
  defineSpace,
  float,
  History,
  type Hyp,
  integer,
  type Proposal,
  rangeSpace,
  type Sampler,
  type SamplerName,
  type SearchSpace,
  samplers,
  type Trial,
  yolov5Space,
} from '../index.ts'

interface Problem {
  readonly space: SearchSpace
  /** Larger is better; 0 is the best there is. */
  readonly fitness: (hyp: Hyp) => number
}

const x = (hyp: Hyp, i: number) => Number(hyp[`x${i}`])
const cube = (starts: readonly number[]) =>
  defineSpace(Object.fromEntries(starts.map((start, i) => [`x${i}`, float(0, 1, { default: start })]))) as SearchSpace
/** As the tables of YOLO describe them, so that YOLOv5's evolution works as it is meant to. */
const yoloCube = (starts: readonly number[]) =>
  rangeSpace(
    Object.fromEntries(starts.map((start, i) => [`x${i}`, start])),
    Object.fromEntries(starts.map((_, i) => [`x${i}`, { gain: 1, lower: 0, upper: 1 }])),
  )
const within = (value: number) => Math.min(Math.max(value, 0.02), 0.98)

/** Seven dimensions of falling importance, with ripples: about three local optima along each. */
function rippled(seed: number): Problem {
  const { numpy } = randomFor(seed, 1e6)
  const best = Array.from({ length: 7 }, () => 0.15 + 0.7 * numpy.random())
  const fitness = (hyp: Hyp) =>
    -best.reduce((sum, at, i) => {
      const d = x(hyp, i) - at
      return sum + Math.exp(-i / 4) * (d * d + 0.04 * (1 - Math.cos(6 * Math.PI * d)))
    }, 0)
  return { space: yoloCube(best.map((at) => within(at + 0.45 * numpy.normal()))), fitness }
}

/** 25 dimensions of falling importance, eight pairs of which interact. */
function detector(seed: number): Problem {
  const { numpy } = randomFor(seed, 2e6)
  const best = Array.from({ length: 25 }, () => 0.1 + 0.8 * numpy.random())
  const weights = best.map((_, i) => Math.exp(-((i * 7) % 25) / 4))
  const any = () => Math.floor(25 * numpy.random())
  const pairs = Array.from({ length: 8 }, () => [any(), any(), 0.6 * numpy.random() - 0.3] as const)
  const fitness = (hyp: Hyp) => {
    const d = best.map((at, i) => x(hyp, i) - at)
    const alone = d.reduce((sum, each, i) => sum + weights[i] * each * each, 0)
    const together = pairs.reduce((sum, [a, b, c]) => sum + c * d[a] * d[b] * Math.sqrt(weights[a] * weights[b]), 0)
    return -Math.max(0, alone + together)
  }
  return { space: yoloCube(best.map((at) => within(at + 0.28 * numpy.normal()))), fitness }
}

type Outcome = (proposal: Proposal, number: number) => Trial

const complete =
  (fitness: (hyp: Hyp) => number): Outcome =>
  ({ hyp, parents }, number) => ({
    ...{ number, hyp, parents, mutated: [], attempt: 1 },
    ...{ state: 'complete', fitness: fitness(hyp), metrics: {} },
  })

/** A search with so many workers: each trial is told when as many others have been asked for. */
function search(
  name: SamplerName,
  space: SearchSpace,
  outcome: Outcome,
  { seed, trials, workers = 1 }: { seed: number; trials: number; workers?: number },
): History {
  const sampler = samplers[name] as Sampler<unknown>
  const options = sampler.options.parse({})
  const history = new History()
  const rngOf = (number: number) => randomFor(seed, number)
  const waiting: Trial[] = []
  for (let number = 0; number < trials; number++) {
    const proposal = sampler.propose({ space, number, history, rng: rngOf(number), rngOf }, options)
    const trial = outcome(proposal, number)
    history.set({ number, hyp: trial.hyp, parents: trial.parents, mutated: [], attempt: 1, state: 'running' })
    waiting.push(trial)
    if (waiting.length === workers) history.set(waiting.shift()!)
  }
  for (const trial of waiting) history.set(trial)
  return history
}

/** The next proposal after a history. */
function next(name: SamplerName, space: SearchSpace, history: History, seed: number): Hyp {
  const sampler = samplers[name] as Sampler<unknown>
  const rngOf = (number: number) => randomFor(seed, number)
  const number = history.size
  return sampler.propose({ space, number, history, rng: rngOf(number), rngOf }, sampler.options.parse({})).hyp
}

const bestOf = (history: History, first: number) =>
  Math.max(...history.complete.filter(({ number }) => number < first).map(({ fitness }) => fitness))

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed)

describe.each([
  ['7 dimensions with local optima', rippled],
  ['25 dimensions with interactions', detector],
] as const)('%s', (_, problem) => {
  const names = ['random', 'yolov5', 'tpe', 'cmaes'] as const
  const loss = new Map<string, number>()

  beforeAll(() => {
    for (const name of names) {
      const histories = seeds(16).map((seed) => {
        const { space, fitness } = problem(seed)
        return search(name, space, complete(fitness), { seed, trials: 100 })
      })
      for (const trials of [60, 100])
        loss.set(`${name} ${trials}`, -mean(histories.map((history) => bestOf(history, trials))))
    }
  })

  for (const name of ['tpe', 'cmaes'])
    for (const trials of [60, 100])
      it(`${name} is ahead of random search and of YOLOv5's evolution after ${trials} trials`, () => {
        const of = (other: string) => loss.get(`${other} ${trials}`)!
        expect(of(name)).toBeLessThan(0.8 * of('random'))
        expect(of(name)).toBeLessThan(of('yolov5'))
      })
})

describe('a start in the wrong corner', () => {
  it('does not ruin tpe', () => {
    const losses = seeds(8).map((seed) => {
      const { fitness } = rippled(seed)
      const far = cube(Array.from({ length: 7 }, () => 0.02))
      const runs = (['tpe', 'random'] as const).map((name) =>
        bestOf(search(name, far, complete(fitness), { seed, trials: 60 }), 60),
      )
      return { tpe: -runs[0], random: -runs[1] }
    })
    expect(mean(losses.map(({ tpe }) => tpe))).toBeLessThan(0.85 * mean(losses.map(({ random }) => random)))
  })
})

describe('a space of three models of which one is good', () => {
  const models = ['a', 'b', 'c'] as const
  const space = defineSpace({
    model: choice(models),
    ...Object.fromEntries(
      models.flatMap((model) => [
        [`${model}1`, float(0, 1, { when: { model: [model] } })],
        [`${model}2`, integer(0, 9, { when: { model: [model] } })],
      ]),
    ),
  }) as SearchSpace
  const fitness = (hyp: Hyp) =>
    hyp.model === 'c' ? -Math.abs(Number(hyp.c1) - 0.8) - Math.abs(Number(hyp.c2) - 2) / 9 : -2 + Number(hyp.a1 ?? 0)

  it.each(['tpe', 'cmaes'] as const)('%s goes there and searches in it', (name) => {
    const runs = seeds(6).map((seed) => search(name, space, complete(fitness), { seed, trials: 80 }))
    const late = runs.flatMap(({ complete }) => complete.slice(50))
    const share = late.filter(({ hyp }) => hyp.model === 'c').length / late.length
    const best = mean(runs.map((run) => -bestOf(run, 80)))
    const random = mean(
      seeds(6).map((seed) => -bestOf(search('random', space, complete(fitness), { seed, trials: 80 }), 80)),
    )
    expect(share).toBeGreaterThan(0.6)
    expect(best).toBeLessThan(random)
  })
})

describe('YOLO’s own space', () => {
  const space = yolov5Space({
    ...{ lr0: 0.01, lrf: 0.01, momentum: 0.937, weight_decay: 0.0005, warmup_epochs: 3, warmup_momentum: 0.8 },
    ...{ warmup_bias_lr: 0.1, box: 0.05, cls: 0.5, cls_pw: 1, obj: 1, obj_pw: 1, iou_t: 0.2, anchor_t: 4, anchors: 3 },
    ...{ fl_gamma: 0, hsv_h: 0.015, hsv_s: 0.7, hsv_v: 0.4, degrees: 0, translate: 0.1, scale: 0.5, shear: 0 },
    ...{ perspective: 0, flipud: 0, fliplr: 0.5, mosaic: 1, mixup: 0, copy_paste: 0 },
  })

  it.each(['tpe', 'cmaes'] as const)(
    '%s moves zeros where that helps, and back to exactly 0 where it does not',
    (name) => {
      const fitness = ({ mixup, degrees }: Hyp) => -Math.abs(Number(mixup) - 0.6) - Number(degrees) / 45
      const { complete: trials } = search(name, space, complete(fitness), { seed: 1, trials: 120 })
      const late = trials.slice(80)
      expect(mean(late.map(({ hyp }) => Number(hyp.mixup)))).toBeGreaterThan(0.25)
      expect(late.filter(({ hyp }) => hyp.degrees === 0).length).toBeGreaterThan(10)
      expect(trials.some(({ hyp }) => Number(hyp.degrees) > 0)).toBe(true)
    },
  )
})

describe('trainings that fail', () => {
  it.each(['tpe', 'cmaes'] as const)('%s keeps away from where they do', (name) => {
    const space = cube([0.45, 0.5, 0.5])
    const outcome: Outcome = (proposal, number) =>
      x(proposal.hyp, 0) > 0.5
        ? { ...complete(() => 0)(proposal, number), state: 'failed', failure: 'diverged', output: ['loss is nan'] }
        : complete((hyp) => -((x(hyp, 1) - 0.3) ** 2))(proposal, number)
    const runs = seeds(6).map((seed) => search(name, space, outcome, { seed, trials: 60 }))
    const failed = (from: number, to: number) =>
      mean(runs.map((run) => run.ended.filter((t) => t.number >= from && t.number < to && t.state === 'failed').length))
    expect(failed(40, 60)).toBeLessThan(0.25 * 20)
  })

  it.each(['tpe', 'cmaes'] as const)('%s goes on when all do', (name) => {
    const outcome: Outcome = (proposal, number) => ({
      ...complete(() => 0)(proposal, number),
      ...{ state: 'failed', failure: 'crash', output: ['?'] },
    })
    const { ended } = search(name, cube([0.5, 0.5]), outcome, { seed: 1, trials: 50 })
    expect(new Set(ended.map(({ hyp }) => JSON.stringify(hyp))).size).toBe(50)
  })
})

describe('several workers', () => {
  it.each(['tpe', 'cmaes'] as const)('%s learns although eight trials run at a time', (name) => {
    const loss = (sampler: SamplerName) =>
      mean(
        seeds(8).map((seed) => {
          const { space, fitness } = detector(seed)
          return -bestOf(search(sampler, space, complete(fitness), { seed, trials: 100, workers: 8 }), 100)
        }),
      )
    const [own, random] = [loss(name), loss('random')]
    expect(own).toBeLessThan(0.7 * random)
  })

  it('tpe keeps away from where trials run', () => {
    const space = cube([0.5])
    const fitness = (hyp: Hyp) => -Math.abs(x(hyp, 0) - 0.6)
    const { complete: told } = search('tpe', space, complete(fitness), { seed: 3, trials: 30 })
    const running = seeds(8).map((i): Trial => {
      const hyp = { x0: 0.6 + (i - 3.5) / 200 }
      return { number: 30 + i, hyp, parents: [], mutated: [], attempt: 1, state: 'running' }
    })
    const near = (trials: readonly Trial[]) =>
      seeds(100).filter((seed) => -fitness(next('tpe', space, new History(trials), seed)) < 0.02).length
    expect(near([...told, ...running])).toBeLessThan(0.5 * near(told))
  })
})

describe('trials of others', () => {
  it.each(['tpe', 'cmaes'] as const)('%s goes where imported trials were good', (name) => {
    const good = [0.8, 0.2, 0.7]
    const { numpy } = randomFor(4, 4)
    const trials = seeds(60).map((number): Trial => {
      const hyp = Object.fromEntries(good.map((_, i) => [`x${i}`, numpy.random()]))
      return complete((h) => -Math.hypot(...good.map((at, i) => x(h, i) - at)))({ hyp, parents: [] }, number)
    })
    const space = cube([0.3, 0.6, 0.3])
    const from = Math.hypot(...good.map((at, i) => at - [0.3, 0.6, 0.3][i]))
    const hyps = seeds(10).map((seed) => next(name, space, new History(trials), seed))
    const distance = mean(hyps.map((hyp) => Math.hypot(...good.map((at, i) => x(hyp, i) - at))))
    expect(distance).toBeLessThan(0.85 * from)
  })
})

describe('cmaes', () => {
  it('proposes the same from its cache as from the trials alone, late results and new orders included', () => {
    const { space, fitness } = detector(1)
    const trials = search('cmaes', space, complete(fitness), { seed: 1, trials: 70 }).complete
    const known = new History()
    for (const trial of trials) {
      const late = trial.number % 9 === 4
      known.set(late ? { ...trial, state: 'running' } : trial)
      const cold = JSON.parse(JSON.stringify([...known.ended, ...known.open])) as Trial[]
      expect(next('cmaes', space, known, 1)).toEqual(next('cmaes', space, new History(cold), 1))
      if (trial.number % 9 === 8) known.set(trials[trial.number - 4])
    }
  })

  it('ranks pruned trials behind complete ones, the one that came farther first, and failed ones last', () => {
    const space = cube([0.5, 0.5])
    const points = [0.9, 0.7, 0.6, 0.4, 0.3, 0.1]
    const trial = (number: number, ending: object) =>
      ({
        number,
        hyp: { x0: points[number], x1: 0.5 },
        parents: [],
        mutated: [],
        attempt: 1,
        ...ending,
      }) as unknown as Trial
    const pruned = (epochs: number, fitness: number) => ({ state: 'pruned', epochs, fitness, metrics: {} })
    const done = (fitness: number) => ({ state: 'complete', fitness, metrics: {} })
    const failed = { state: 'failed', failure: 'crash', output: ['?'] }
    const endings = [done(0.2), done(0.1), pruned(9, 0), pruned(3, 0.9), pruned(3, 0.8), failed]
    const same = [done(6), done(5), done(4), done(3), done(2), done(1)]
    const after = (list: readonly object[]) =>
      next('cmaes', space, new History(list.map((ending, number) => trial(number, ending))), 1)
    expect(after(endings)).toEqual(after(same))
    expect(after(endings)).not.toEqual(after([...same].reverse()))
  })
})
