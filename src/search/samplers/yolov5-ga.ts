// The genetic algorithm of YOLOv5 since January 2024 (`train.py --evolve` of its master branch): a population of 50,
// tournaments, one-point crossover, small mutations.
import { z } from 'zod'
import { type PythonRandom, ReplayFaultError } from '../../base/index.ts'
import type { History } from '../history.ts'
import type { Hyp, HypValue } from '../hyp.ts'
import { clip, fromUnit, type Parameter, toUnit } from '../parameter.ts'
import { defineSampler, type Proposal, type SearchContext } from '../sampler.ts'
import type { SearchSpace } from '../space.ts'
import type { CompleteTrial } from '../trial.ts'
import { evenDraw, freshProposal, startProposal } from './fresh.ts'
import { movedKeys } from './mutation.ts'
import { assertNumeric, modeSchema } from './yolov5.ts'

const populationSize = 50

const options = z.object({
  /** `replay`: bit for bit what the release does; made for one training at a time. */
  mode: modeSchema,
  /** Generations of 50 trials in all: rates fall as they pass (the original's `--evolve N`). */
  generations: z.int().min(1).max(1_000_000).default(20),
  /** Replay only: a child without crossover is its parent's own list, and mutating it changes the parent too. */
  aliasing: z.boolean().default(false),
})

type Options = z.infer<typeof options>

/**
 * Trial n belongs to generation n / 50. The first generation is the start hyp and even draws; each later one descends
 * from the one before it.
 *
 * In native mode each trial is bred by itself, from those of the generation before that are complete by then and the
 * elite of all trials (the original loses its elite, and waits for whole generations); mutation is a tenth of the way
 * between the bounds at most (there it is 0.1 whatever the bounds are: nothing for `degrees`, all of `hsv_h`).
 */
export const yolov5Ga = defineSampler({
  name: 'yolov5-ga',
  summary: 'breeds generations of 50 trials by tournaments and crossover, as YOLOv5 since 2024 does',
  options,
  multiplies: false,
  original: true,

  propose(context, settings): Proposal {
    const { space, number, rng } = context
    if (settings.mode === 'replay') return replayed(context, settings)
    if (number === 0) return startProposal(space)
    if (number < populationSize)
      return freshProposal(context, yolov5Ga, () => ({ hyp: space.toHyp(evenDraw(space, rng)), parents: [] }))
    return bred(context, settings)
  },
})

export interface Rates {
  readonly elite: number
  readonly tournament: number
  readonly crossover: number
  readonly mutation: number
}

/** Elite 2 … 5, tournaments of 10 … 2, crossover 1 … 0.5, mutation 0.5 … 0.01, as generations pass. */
export const ratesOf = (generation: number, generations: number): Rates => ({
  elite: 2 + Math.trunc(3 * (generation / generations)),
  tournament: Math.max(2, Math.trunc(10 - generation / (generations / 10))),
  crossover: Math.max(0.5, Math.min(1, 1 - generation / generations)),
  mutation: Math.max(0.01, Math.min(0.5, 0.5 - generation / generations)),
})

interface Gene {
  readonly key: string
  readonly lower: number
  readonly upper: number
}

/** What evolves: the hyperparameters with a gain, in the order of the release's table. */
export function genesOf(space: SearchSpace): Gene[] {
  return space.gainOrder.flatMap((key) => {
    const parameter = space.get(key)
    if (parameter?.kind !== 'range' || parameter.gain === 0) return []
    const { lower = -Infinity, upper = Infinity } = parameter
    return [{ key, lower, upper }]
  })
}

/** A random individual of the first generation: one uniform draw per gene. */
export const individual = (genes: readonly Gene[], python: PythonRandom): number[] =>
  genes.map(({ lower, upper }) => python.uniform(lower, upper))

export interface Generation {
  readonly individuals: readonly (readonly number[])[]
  /** Places in the population before: the mating pool, tournament winners first, then the elite. */
  readonly selected: readonly number[]
  readonly elite: readonly number[]
  /** The two parents of each individual, as places in the population before; one if there was no crossover. */
  readonly parents: readonly (readonly number[])[]
}

/**
 * The next generation of the original, from a population in the order of its trials. Draws, all from Python's `random`:
 * a sample per tournament; then per child two places in the pool, the crossover's uniform, its cut, and per gene a
 * uniform and, if it mutates, another from -0.1 to 0.1.
 *
 * All individuals as fit as the least of the elite go into the pool, so that it may be longer than the population; places
 * beyond are never drawn.
 */
export function nextGeneration(
  population: readonly (readonly number[])[],
  fitness: readonly number[],
  genes: readonly Gene[],
  rates: Rates,
  aliasing: boolean,
  python: PythonRandom,
): Generation {
  const size = population.length
  const places = [...population.keys()]
  const selected = Array.from({ length: size - rates.elite }, () =>
    python.sample(places, rates.tournament).reduce((best, place) => (fitness[place] > fitness[best] ? place : best)),
  )
  const least = [...fitness].sort((a, b) => a - b)[size - rates.elite]
  const elite = places.filter((place) => fitness[place] >= least)
  selected.push(...elite)

  const lists = population.map((each) => [...each])
  const parents: number[][] = []
  const individuals = places.map(() => {
    const [first, second] = [selected[python.randint(0, size - 1)], selected[python.randint(0, size - 1)]]
    let child: number[]
    if (python.uniform(0, 1) < rates.crossover) {
      const cut = python.randint(1, genes.length - 1)
      child = [...lists[first].slice(0, cut), ...lists[second].slice(cut)]
      parents.push(first === second ? [first] : [first, second])
    } else {
      child = aliasing ? lists[first] : [...lists[first]]
      parents.push([first])
    }
    genes.forEach(({ lower, upper }, j) => {
      if (python.uniform(0, 1) < rates.mutation) child[j] = clip(child[j] + python.uniform(-0.1, 0.1), lower, upper)
    })
    return child
  })
  return { individuals, selected, elite, parents }
}

function replayed({ space, number, history, rngOf }: SearchContext, settings: Options): Proposal {
  assertNumeric(space, 'yolov5-ga')
  const genes = genesOf(space)
  if (genes.length < 2 || genes.some(({ lower, upper }) => !Number.isFinite(upper - lower)))
    throw new ReplayFaultError('yolov5-ga', 'crossover needs at least two genes, and each of them two bounds')
  const generation = Math.floor(number / populationSize)
  const place = number % populationSize
  const first = generation * populationSize
  const { python } = rngOf(first)
  if (generation === 0) {
    if (place === 0) return { hyp: original(space, genes, undefined), parents: [] }
    const drawn = Array.from({ length: place }, () => individual(genes, python))
    return { hyp: original(space, genes, drawn[place - 1]), parents: [] }
  }
  const before = first - populationSize
  const trials = Array.from({ length: populationSize }, (_, i) => history.get(before + i))
  const population = trials.map((trial) =>
    genes.map(({ key }) => Number(trial?.hyp[key] ?? startOf(space.get(key) as Parameter))),
  )
  // a training that failed counts as one that found nothing (there it ends the evolution)
  const fitness = trials.map((trial) => (trial?.state === 'complete' ? (trial.metrics.mAP50 ?? trial.fitness) : 0))
  const rates = ratesOf(generation - 1, settings.generations)
  const { individuals, parents } = nextGeneration(population, fitness, genes, rates, settings.aliasing, python)
  const hyp = original(space, genes, individuals[place])
  const main = population[parents[place][0]]
  return {
    hyp,
    parents: parents[place].map((each) => before + each),
    mutated: genes.filter((_, j) => individuals[place][j] !== main[j]).map(({ key }) => key),
  }
}

const startOf = (parameter: Parameter): HypValue => parameter.start

/** A hyp with these genes: neither clipped nor rounded, as there. */
function original(space: SearchSpace, genes: readonly Gene[], values: readonly number[] | undefined): Hyp {
  const place = new Map(genes.map(({ key }, i) => [key, i]))
  return Object.fromEntries(
    space.keys.map((key, i) => {
      const gene = values === undefined ? undefined : place.get(key)
      return [key, gene === undefined || values === undefined ? space.parameters[i].start : values[gene]]
    }),
  )
}

/** One child of the generation before and the elite of all, by its own random numbers. */
function bred(context: SearchContext, { generations }: Options): Proposal {
  const { space, number, history, rng } = context
  const generation = Math.floor(number / populationSize)
  const rates = ratesOf(Math.min(generation - 1, generations), generations)
  const pool = matingPool(history, generation, rates.elite)
  const movable = space.parameters.flatMap((parameter, i) => (mayMove(parameter) ? [i] : []))
  if (pool.length === 0)
    return freshProposal(context, yolov5Ga, () => ({ hyp: space.toHyp(evenDraw(space, rng)), parents: [] }))

  const winner = () => {
    const size = Math.min(rates.tournament, pool.length)
    return rng.python
      .sample(pool, size)
      .reduce((best, each) =>
        each.fitness > best.fitness || (each.fitness === best.fitness && each.number < best.number) ? each : best,
      )
  }
  return freshProposal(context, yolov5Ga, () => {
    const [first, second] = [winner(), winner()]
    const crosses = rng.python.uniform(0, 1) < rates.crossover && movable.length > 1 && first !== second
    const cut = crosses ? movable[rng.python.randint(1, movable.length - 1)] : space.keys.length
    const [a, b] = [space.toValues(first.hyp), space.toValues(second.hyp)]
    const values = a.map((value, i) => (movable.includes(i) ? (i < cut ? value : b[i]) : space.parameters[i].start))
    for (const i of movable)
      if (rng.python.uniform(0, 1) < rates.mutation) values[i] = nudged(space.parameters[i], values[i], rng.python)
    const hyp = space.toHyp(values)
    const parents = crosses ? [first.number, second.number] : [first.number]
    return { hyp, parents, mutated: movedKeys(space, hyp, { values: a, parents }) }
  })
}

/** Complete trials of the generation before, and the fittest of all. */
function matingPool(history: History, generation: number, elite: number): CompleteTrial[] {
  const before = (generation - 1) * populationSize
  const last = Array.from({ length: populationSize }, (_, i) => history.get(before + i))
  const complete = last.filter((trial): trial is CompleteTrial => trial?.state === 'complete')
  return [...new Set([...complete, ...history.fittest(elite)])]
}

const mayMove = (parameter: Parameter): boolean =>
  parameter.kind === 'range' ? parameter.gain > 0 : parameter.kind !== 'fixed'

/** A tenth of the way between the bounds at most, integers at least one step; a choice is drawn anew. */
function nudged(parameter: Parameter, value: HypValue, python: PythonRandom): HypValue {
  const step = python.uniform(-0.1, 0.1)
  switch (parameter.kind) {
    case 'fixed':
      return value
    case 'choice':
      return parameter.choices[Math.floor((step + 0.1) * 5 * parameter.choices.length) % parameter.choices.length]
    case 'float':
      return fromUnit(parameter, clip(toUnit(parameter, Number(value)) + step, 0, 1))
    case 'integer': {
      const moved = Math.round(fromUnit(parameter, clip(toUnit(parameter, Number(value)) + step, 0, 1)))
      return moved === value ? Number(value) + Math.sign(step) : moved
    }
    case 'range': {
      const { lower, upper } = parameter
      if (lower === undefined || upper === undefined) return Number(value) * (1 + step)
      return Number(value) + step * (upper - lower)
    }
  }
}
