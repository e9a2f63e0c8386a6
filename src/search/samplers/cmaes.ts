// CMA-ES: a normal distribution that starts around the start and learns where, how far and in which directions to go.
import { z } from 'zod'
import type { History } from '../history.ts'
import { defineSampler, type Proposal } from '../sampler.ts'
import type { EndedTrial } from '../trial.ts'
import { betterFirst } from './better-first.ts'
import { afterGeneration, type CmaesState, drawnFrom, initialState } from './cmaes-state.ts'
import { freshProposal, startProposal } from './fresh.ts'
import { type UnitCube, unitCube } from './unit-cube.ts'

const options = z.object({
  /** First standard deviation around the start, in parts of the range. */
  sigma: z.number().positive().max(1).default(0.15),
  /** Trials in a generation. Default: 4 + ln(number of hyperparameters), at least 6. */
  populationSize: z.int().min(4).max(10_000).optional(),
})

type Options = z.infer<typeof options>

/**
 * Draws from a normal distribution over all numbers, which after each generation moves to the better half, grows or
 * shrinks, and learns which changes go together. Whole numbers keep a margin (they never get stuck on one value);
 * choices have a table of probabilities that moves towards the better trials and never excludes one.
 *
 * Any trials that have ended make a generation, in the order of their numbers, whoever proposed them: workers need not
 * wait for each other, and the state is a function of the trials alone. Pruned trials rank behind complete ones, failed
 * ones last.
 *
 * Sources: Hansen's tutorial (arXiv 1604.00772) with negative weights; the margin of arXiv 2205.13482; choices in the
 * way of CatCMA (arXiv 2405.09962).
 */
export const cmaes = defineSampler({
  name: 'cmaes',
  summary: 'a normal distribution around the start that learns from each generation',
  options,
  multiplies: false,

  propose(context, settings): Proposal {
    const { space, number, history, rng } = context
    if (number === 0) return startProposal(space)
    const cube = unitCube(space)
    const state = stateAfter(history, cube, settings)
    return freshProposal(context, cmaes, () => ({ hyp: cube.toHyp(drawnFrom(state, rng)), parents: [] }))
  },
})

/** How many of the newest states are kept: a late result changes the generations behind it only. */
const keptStates = 16

/** What was computed for a cube and its settings: a cache, rebuilt from the trials where it does not fit. */
interface Chain {
  readonly initial: CmaesState
  /** In the order of their numbers. */
  trials: readonly EndedTrial[]
  /** The newest states, the last generation last. */
  states: readonly CmaesState[]
}

const chains = new WeakMap<UnitCube, Map<string, Chain>>()

/** The distribution after all whole generations. */
function stateAfter(history: History, cube: UnitCube, settings: Options): CmaesState {
  const chain = chainOf(cube, settings)
  const size = chain.initial.constants.populationSize
  const trials = [...history.searched].sort((a, b) => a.number - b.number)
  const differs = trials.findIndex((trial, i) => trial !== chain.trials[i])
  const same = Math.floor((differs < 0 ? trials.length : differs) / size)
  const states = chain.states.filter(({ generation }) => generation <= same)
  let state = states.at(-1) ?? chain.initial
  for (let from = state.generation * size; from + size <= trials.length; from += size) {
    const ranked = trials.slice(from, from + size).sort(betterFirst)
    state = afterGeneration(
      state,
      ranked.map(({ number, hyp }) => ({ number, positions: cube.toPositions(hyp) })),
    )
    states.push(state)
  }
  chain.trials = trials
  chain.states = states.slice(-keptStates)
  return state
}

function chainOf(cube: UnitCube, settings: Options): Chain {
  const ofCube = chains.get(cube) ?? new Map<string, Chain>()
  chains.set(cube, ofCube)
  const key = `${settings.sigma} ${settings.populationSize}`
  const known = ofCube.get(key)
  if (known) return known
  const chain = { initial: initialState(cube, settings.sigma, settings.populationSize), trials: [], states: [] }
  ofCube.set(key, chain)
  return chain
}
