// The brackets of Hyperband. Each starts at another rung: those that start low try many hyps and trust what a short
// training says, the last one trains every hyp in full.
import { eta } from '../schedule.ts'
import { bestFirst, type OnRung } from './on-rungs.ts'

/**
 * How many hyps each rung of a bracket trains, from its first rung up: n = floor((s + 1) / (s - first + 1)) eta^(s - first)
 * at first, then n / eta^i, with s the highest rung.
 *
 * The form of NePS. Li et al. (JMLR 18, 2018) round the first factor up: 5 hyps instead of 3 in the second of three.
 */
export function bracketSizes(rungs: number, first: number): number[] {
  const steps = rungs - 1 - first
  const size = Math.floor(rungs / (steps + 1)) * eta ** steps
  return Array.from({ length: steps + 1 }, (_, i) => Math.floor(size / eta ** i))
}

/**
 * The share of new hyps that begin at each rung, where brackets are drawn instead of run in turn: proportional to
 * eta^(s - first) (s + 1) / (s - first + 1), so that each costs about the same.
 *
 * NePS; Klein et al., "Model-based asynchronous hyperparameter and neural architecture search" (arXiv 2003.10865).
 */
export function bracketShares(rungs: number): number[] {
  const weights = Array.from({ length: rungs }, (_, first) => (eta ** (rungs - 1 - first) * rungs) / (rungs - first))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

/** The bracket at a position u in [0, 1). */
export function bracketAt(u: number, rungs: number): number {
  const shares = bracketShares(rungs)
  let sum = 0
  for (let first = 0; first < rungs - 1; first++) {
    sum += shares[first]
    if (u < sum) return first
  }
  return rungs - 1
}

interface Bracket {
  readonly first: number
  readonly sizes: readonly number[]
  /** Trials by rung of the bracket, in the order of their numbers. */
  readonly levels: OnRung[][]
}

/**
 * The brackets as the trials fill them: a promoted one belongs to the bracket of the one that it follows, a new hyp to
 * the oldest bracket that starts at its rung and is not full, else it opens another.
 */
export class Brackets {
  readonly #rungs: number
  readonly #all: Bracket[] = []
  readonly #opened: number[]

  /** @param trials - in the order of numbers */
  constructor(trials: readonly OnRung[], rungs: number) {
    this.#rungs = rungs
    this.#opened = Array.from({ length: rungs }, () => 0)
    const placeOf = new Map<number, { readonly bracket: Bracket; readonly level: number }>()
    /** Of each rung, the bracket that new hyps fill. */
    const filling: (Bracket | undefined)[] = []
    for (const trial of trials) {
      const below = trial.continues === undefined ? undefined : placeOf.get(trial.continues)
      if (below && below.bracket.first + below.level + 1 === trial.rung) {
        const place = { bracket: below.bracket, level: below.level + 1 }
        place.bracket.levels[place.level].push(trial)
        placeOf.set(trial.number, place)
        continue
      }
      let bracket = filling[trial.rung]
      if (bracket === undefined || bracket.levels[0].length >= bracket.sizes[0])
        bracket = filling[trial.rung] = this.#open(trial.rung)
      bracket.levels[0].push(trial)
      placeOf.set(trial.number, { bracket, level: 0 })
    }
  }

  #open(first: number): Bracket {
    const sizes = bracketSizes(this.#rungs, first)
    const bracket: Bracket = { first, sizes, levels: sizes.map(() => []) }
    this.#all.push(bracket)
    this.#opened[first]++
    return bracket
  }

  /**
   * Who is next: in the oldest bracket that has something to do, a promotion, or a new hyp at its first rung. Where all
   * of them wait for trainings that run, a new bracket begins: of the kinds of brackets the one that was opened least, of
   * equals the one that starts lowest.
   */
  next(): { readonly rung: number; readonly promote?: number } {
    for (const bracket of this.#all) {
      const next = nextIn(bracket)
      if (next) return next
    }
    return { rung: this.#opened.indexOf(Math.min(...this.#opened)) }
  }
}

/** A rung is promoted when all of it has ended; failed trials are not, so fewer may go on than there is room for. */
function nextIn({ first, sizes, levels }: Bracket): { readonly rung: number; readonly promote?: number } | undefined {
  if (levels[0].length < sizes[0]) return { rung: first }
  for (let level = 0; level + 1 < sizes.length; level++) {
    const here = levels[level]
    if (!here.every(({ ended }) => ended)) return undefined
    const promoted = new Set(levels[level + 1].map(({ continues }) => continues))
    if (promoted.size >= sizes[level + 1]) continue
    const next = here
      .filter(({ number, fitness }) => fitness > -Infinity && !promoted.has(number))
      .sort(bestFirst)
      .at(0)
    if (next) return { rung: first + level + 1, promote: next.number }
  }
  return undefined
}
