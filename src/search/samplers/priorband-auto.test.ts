// Samplers that know trainings of different length, asked as a study asks them.
import { beforeAll, describe, expect, it } from 'vitest'
import { randomFor } from '../../base/index.ts'
import {
  choice,
  defineSpace,
  float,
  History,
  type Hyp,
  integer,
  nextTraining,
  type Proposal,
  pruners,
  type Sampler,
  type SamplerName,
  type Schedule,
  type SearchSpace,
  samplers,
  type Trial,
} from '../index.ts'
import { mixOf, priorband } from './priorband.ts'

const x = (hyp: Hyp, i: number) => Number(hyp[`x${i}`])
const cube = (starts: readonly number[]) =>
  defineSpace(Object.fromEntries(starts.map((start, i) => [`x${i}`, float(0, 1, { default: start })]))) as SearchSpace
const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

const scheduleOf = (pruner: string, options: Schedule['pruner']['options'] = {}): Schedule => ({
  epochs: 9,
  lowest: 1,
  rungs: 'restart',
  pruner: { name: pruner, options },
  confirm: 0,
})

type Score = (hyp: Hyp, epochs: number) => number | 'failed'

/** What became of a proposal. */
function outcome(proposal: Proposal, number: number, score: Score): Trial {
  const { fidelity = 9 } = proposal
  const trial = { mutated: [], ...proposal, number, attempt: 1 }
  const fitness = score(proposal.hyp, fidelity)
  if (fitness === 'failed') return { ...trial, state: 'failed', failure: 'diverged', output: ['loss is nan'] }
  if (fidelity < 9) return { ...trial, state: 'pruned', epochs: fidelity, fitness, metrics: {} }
  return { ...trial, state: 'complete', fitness, metrics: {} }
}

interface Run {
  readonly name: SamplerName
  readonly space: SearchSpace
  readonly score: Score
  readonly schedule?: Schedule | undefined
  readonly seed: number
  readonly target: number
  readonly workers?: number
}

/** A study until its target is spent; each trial is told when as many others have been asked for. */
function study({ name, space, score, schedule, seed, target, workers = 1 }: Run): History {
  const sampler = samplers[name] as Sampler<unknown>
  const samplerOptions = sampler.options.parse({})
  const history = new History()
  const running: Trial[] = []
  for (let number = 0; schedule !== undefined || number < target; number++) {
    const request = { space, sampler, samplerOptions, schedule, history, seed, number, target }
    const proposal = nextTraining(request)
    if (proposal === undefined) break
    const trial = outcome(proposal, number, score)
    history.set({ ...proposal, mutated: [], number, attempt: 1, state: 'running' })
    running.push(trial)
    if (running.length === workers) history.set(running.shift()!)
  }
  for (const trial of running) history.set(trial)
  return history
}

/** What a study would train next, from the trials as they are read again after a restart. */
function nextAfter(name: SamplerName, space: SearchSpace, schedule: Schedule | undefined, trials: readonly Trial[]) {
  const sampler = samplers[name] as Sampler<unknown>
  const stored = JSON.parse(JSON.stringify(trials)) as Trial[]
  return nextTraining({
    ...{ space, sampler, samplerOptions: sampler.options.parse({}), schedule, seed: 5 },
    ...{ history: new History(stored), number: stored.length, target: 100 },
  })
}

const mixed = defineSpace({
  lr: float(1e-4, 1e-1, { log: true }),
  layers: integer(1, 5),
  optimizer: choice('sgd', 'adam', 'lion'),
  momentum: float(0.5, 0.99, { when: { optimizer: ['sgd'] } }),
  mixup: float(0, 1, { default: 0 }),
}) as SearchSpace

const mixedScore: Score = (hyp, epochs) => {
  if (Number(hyp.lr) > 0.08) return 'failed'
  const quality = -((Math.log10(Number(hyp.lr)) + 2) ** 2) - Number(hyp.mixup) - (hyp.optimizer === 'adam' ? 0 : 0.3)
  return quality * (1 + 1 / epochs)
}

describe.each(['auto', 'priorband', 'tpe'] as const)('%s with rungs', (name) => {
  it.each(Object.keys(pruners))('trains the start in full, then what the pruner %s and itself want', (pruner) => {
    const history = study({ name, space: mixed, score: mixedScore, schedule: scheduleOf(pruner), seed: 3, target: 12 })
    const trials = seeds(history.size).map((number) => history.get(number)!)
    expect(trials[0]).toMatchObject({ hyp: mixed.start, fidelity: 9 })
    for (const { hyp, fidelity, parents, number } of trials) {
      expect([1, 3, 9]).toContain(fidelity)
      expect(hyp).toEqual(mixed.toHyp(mixed.toValues(hyp)))
      for (const parent of parents) expect(parent).toBeLessThan(number)
    }
    const cost = trials.reduce((sum, { fidelity = 9 }) => sum + fidelity / 9, 0)
    expect(cost).toBeLessThanOrEqual(12)
    expect(cost).toBeGreaterThan(11)
    const fresh = trials.filter(({ continues }) => continues === undefined).map(({ hyp }) => JSON.stringify(hyp))
    expect(new Set(fresh).size).toBe(fresh.length)
  })

  it('proposes the same after a restart, in whatever order results came, with failures, repeats and running trials', () => {
    const schedule = scheduleOf('hyperband')
    const run = study({ name, space: mixed, score: mixedScore, schedule, seed: 5, target: 9, workers: 3 })
    const all = seeds(run.size).map((number) => run.get(number)!)
    const repeat = { ...all[0], repeats: 0, repetition: 1 } as Trial
    const cold = seeds(all.length).slice(2)
    for (const count of cold.filter((each) => each % 5 === 2)) {
      const trials = [...all.slice(0, count), { ...repeat, number: count } as Trial]
      const { number, hyp, parents, fidelity } = trials[count - 1]
      const last = { number, hyp, parents, mutated: [], attempt: 1, state: 'running' } as const
      trials[count - 1] = { ...last, ...(fidelity === undefined ? {} : { fidelity }) }
      const next = nextAfter(name, mixed, schedule, trials)
      expect(next).toBeDefined()
      const shuffled = [...trials].sort((a, b) => ((a.number * 7919) % 61) - ((b.number * 7919) % 61))
      expect(nextAfter(name, mixed, schedule, shuffled)).toEqual(next)
    }
  })

  it('goes on when all trainings fail', () => {
    const fails: Score = () => 'failed'
    const run = study({ name, space: mixed, score: fails, schedule: scheduleOf('hyperband'), seed: 1, target: 8 })
    expect(run.ended.length).toBeGreaterThan(8)
  })
})

describe('auto', () => {
  it('looks around with nine short trainings, then trains everything in full', () => {
    const score: Score = (hyp) => -((x(hyp, 0) - 0.7) ** 2)
    const run = study({
      name: 'auto',
      space: cube([0.4, 0.5]),
      score,
      schedule: scheduleOf('hyperband'),
      seed: 2,
      target: 6,
    })
    const lengths = seeds(run.size).map((number) => run.get(number)!.fidelity)
    expect(lengths).toEqual([9, ...Array.from({ length: 9 }, () => 1), 9, 9, 9, 9])
  })

  it('with many workers spreads what is asked for before anything has ended over the brackets', () => {
    const score: Score = (hyp) => -((x(hyp, 0) - 0.7) ** 2)
    const run = study({
      ...{ name: 'auto', space: cube([0.4, 0.5]), score, schedule: scheduleOf('hyperband') },
      ...{ seed: 2, target: 20, workers: 32 },
    })
    const first = seeds(32).map((number) => run.get(number)!.fidelity)
    expect(first.filter((epochs) => epochs === 1).length).toBeGreaterThanOrEqual(18)
    expect(first.filter((epochs) => epochs === 3).length).toBeGreaterThanOrEqual(3)
  })

  /** Six dimensions, ripples, a bad start; short trainings tell most of it. */
  const best = [0.8, 0.25, 0.6, 0.35, 0.7, 0.5]
  const quality = (hyp: Hyp) =>
    -best.reduce((sum, at, i) => {
      const d = x(hyp, i) - at
      return sum + Math.exp(-i / 3) * (d * d + 0.03 * (1 - Math.cos(5 * Math.PI * d)))
    }, 0)
  const score: Score = (hyp, epochs) => quality(hyp) - (0.02 * x(hyp, 0) * 9) / epochs
  const lossOf = (name: SamplerName, schedule: Schedule | undefined, workers = 1) =>
    mean(
      seeds(6).map((seed) => {
        const space = cube([0.1, 0.9, 0.1, 0.9, 0.1, 0.9])
        return -study({ name, space, score, schedule, seed, target: 24, workers }).fittest(1)[0].fitness
      }),
    )
  let random: number
  beforeAll(() => {
    random = lossOf('random', undefined)
  })

  it('is ahead of random search from a bad start after 24 trainings: far with one worker, with short ones and without', () => {
    expect(lossOf('auto', scheduleOf('hyperband'))).toBeLessThan(0.6 * random)
    expect(lossOf('auto', undefined)).toBeLessThan(0.6 * random)
    expect(lossOf('auto', scheduleOf('hyperband'), 8)).toBeLessThan(random) // three rounds
  })

  it('is not misled by short trainings that tell the opposite', () => {
    const opposite: Score = (hyp, epochs) => (epochs === 9 ? quality(hyp) : -quality(hyp))
    const losses = seeds(6).map((seed) => {
      const space = cube([0.1, 0.9, 0.1, 0.9, 0.1, 0.9])
      const run = study({ name: 'auto', space, score: opposite, schedule: scheduleOf('hyperband'), seed, target: 24 })
      return -run.fittest(1)[0].fitness
    })
    expect(mean(losses)).toBeLessThan(random)
  })
})

describe('priorband', () => {
  const space = cube([0.5, 0.5])
  const options = priorband.options.parse({})
  const rungs = [1, 3, 9]
  const trial = (number: number, hyp: Hyp, fidelity: number, fitness: number) =>
    outcome({ hyp, parents: [], fidelity }, number, () => fitness)
  const mixAt = (epochs: number, trials: readonly Trial[]) => {
    const number = trials.length
    const rngOf = (n: number) => randomFor(1, n)
    const context = { space, number, history: new History(trials), rng: rngOf(number), rngOf }
    return mixOf({ ...context, fidelity: { epochs, rungs } }, options)
  }

  it('draws fewer hyps anywhere the longer their first training is', () => {
    expect(rungs.map((epochs) => mixAt(epochs, []).anywhere)).toEqual([1 / 2, 1 / 4, 1 / 10])
    expect(mixAt(1, [])).toEqual({ anywhere: 0.5, start: 0.5, incumbent: 0 })
  })

  it('counts the incumbent when a first bracket’s epochs were trained, 2.33 full trainings’ worth', () => {
    const short = (count: number) => seeds(count).map((i) => trial(i + 1, { x0: 0.9, x1: i / 20 }, 1, i))
    const full = trial(0, { x0: 0.5, x1: 0.5 }, 9, 0)
    expect(mixAt(1, [full, ...short(11)]).incumbent).toBe(0) // 1 + 11/9
    expect(mixAt(1, [full, ...short(12)]).incumbent).toBeGreaterThan(0)
  })

  it('divides between start and incumbent by where the best of the highest rung lie', () => {
    const points = [0.5, 0.9, 0.85, 0.2, 0.1, 0.3]
    const fulls = points.map((at, i) => trial(i, { x0: at, x1: at }, 9, [0, 6, 5, 1, 2, 3][i]))
    const { anywhere, start, incumbent } = mixAt(9, fulls)
    // the best two, weights 2 and 1; both densities are those of normals cut off at 0 and 1
    const pdf = (u: number, centre: number, inside: number) => Math.exp(-8 * (u - centre) ** 2) / inside
    const score = (centre: number, inside: number) => 2 * pdf(0.9, centre, inside) ** 2 + pdf(0.85, centre, inside) ** 2
    const [ofStart, ofIncumbent] = [score(0.5, 0.9544997), score(0.9, 0.6552627)]
    expect(anywhere).toBeCloseTo(0.1, 12)
    expect(start).toBeCloseTo((0.9 * ofStart) / (ofStart + ofIncumbent), 5)
    expect(start + incumbent).toBeCloseTo(0.9, 12)
  })

  it('moves about half of the incumbent’s values and names it as parent', () => {
    const wide = cube(Array.from({ length: 20 }, () => 0.5))
    const at = (value: number) => wide.toHyp(wide.keys.map(() => value))
    const fulls = seeds(6).map((i) => trial(i, at(0.9 - i / 100), 9, -i))
    const rngOf = (n: number) => randomFor(7, n)
    const proposals = seeds(200).map((i) =>
      priorband.propose(
        {
          ...{ space: wide, number: 6 + i, history: new History(fulls), rng: rngOf(6 + i), rngOf },
          fidelity: { epochs: 9, rungs },
        },
        options,
      ),
    )
    const near = proposals.filter(({ parents }) => parents.length === 1)
    expect(near.length).toBeGreaterThan(150) // nearly all of the nine tenths: the best lie far from the start
    expect(near.every(({ parents }) => parents[0] === 0)).toBe(true)
    expect(mean(near.map(({ mutated }) => mutated!.length))).toBeCloseTo(10, 0)
    for (const { hyp, mutated } of near)
      for (const key of wide.keys) expect(hyp[key] !== fulls[0].hyp[key]).toBe(mutated!.includes(key))
  })
})

describe('tpe', () => {
  it('compares trainings of one rung only: the longest with enough results', () => {
    const space = cube([0.5])
    const { numpy } = randomFor(2, 2)
    const at = (number: number, fidelity: number, fitness: (u: number) => number): Trial => {
      const u = numpy.random()
      return outcome({ hyp: { x0: u }, parents: [], fidelity }, number, () => fitness(u))
    }
    const full = seeds(30).map((i) => at(i, 9, (u) => -Math.abs(u - 0.8)))
    const short = seeds(40).map((i) => at(30 + i, 1, (u) => 100 - Math.abs(u - 0.2)))
    const nearOf = (trials: readonly Trial[], place: number) =>
      mean(
        seeds(60).map((seed) => {
          const history = new History(trials)
          const rngOf = (n: number) => randomFor(seed, n)
          const context = { space, number: trials.length, history, rng: rngOf(trials.length), rngOf }
          const { hyp } = samplers.tpe.propose(
            { ...context, fidelity: { epochs: 1, rungs: [1, 3, 9] } },
            samplers.tpe.options.parse({}),
          )
          return Math.abs(x(hyp, 0) - place) < 0.1 ? 1 : 0
        }),
      )
    expect(nearOf([...full, ...short], 0.8)).toBeGreaterThan(0.7)
    const renumbered = short.map((trial, i) => ({ ...trial, number: i }) as Trial)
    expect(nearOf(renumbered, 0.2)).toBeGreaterThan(0.7)
  })
})
