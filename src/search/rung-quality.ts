// Whether short trainings tell what longer ones bring. A rung that does not is dropped by itself. Start reading at
// `usableRungs`.
import type { History } from './history.ts'
import type { VerdictContext } from './pruner.ts'
import { cameTo, scoreAt } from './pruners/curves.ts'
import { normalQuantile } from './samplers/normal.ts'
import type { EndedTrial } from './trial.ts'

/** How the order of hyps at one rung agrees with that at a longer one. */
export interface RungCorrelation {
  /** Length of the shorter trainings, in epochs. */
  readonly lower: number
  /** Of the longer ones. */
  readonly upper: number
  /** Hyps with a result at both. */
  readonly pairs: number
  /** Spearman's rank correlation of these pairs as they are; `undefined` where there are too few, or all alike. */
  readonly spearman: number | undefined
  /**
   * The rank correlation to be expected among all that were trained at the shorter length. The pairs alone show less of
   * it, for only the best go on to the longer one.
   */
  readonly rho: number | undefined
  /** What rho lies above, and below, with a probability of 90 % each. */
  readonly interval: readonly [low: number, high: number] | undefined
  /** The shorter length is no longer used. */
  readonly dropped: boolean
}

/** So many pairs before anything is said. */
const leastPairs = 8
/** A rung whose correlation with full length is below this is of no use. */
const leastRho = 0.5
/** One-sided 90 %. */
const z90 = normalQuantile(0.9)

/**
 * The rungs that are to be used: without those that do not predict what full trainings bring. Once dropped, a rung stays
 * so: the results are gone through in the order in which they were told, and the first decision holds.
 *
 * A rung is dropped if, after 8 pairs, the upper 90 % bound of its correlation with full length is below 0.5. That
 * correlation is the product along the rungs in between, each with the next: hyps that come through several rungs were
 * chosen several times, and what is left of the first rung's order among them says nothing about that rung.
 *
 * @param rungs - lengths in epochs, shortest first, a full training last
 */
export function usableRungs(history: History, rungs: readonly number[]): number[] {
  const quality = qualityOf(history, rungs)
  return rungs.filter((_, rung) => quality.isUsable(rung))
}

/** Every pair of rungs that some hyp was trained at, shortest first: for tables. */
export const rungCorrelations = (history: History, rungs: readonly number[]): RungCorrelation[] =>
  qualityOf(history, rungs).table()

type Curves = VerdictContext['others']

/** As {@link usableRungs}, where trainings are stopped instead of begun anew: in the order of their numbers. */
export function usableRungsOfCurves(curves: Curves, rungs: readonly number[]): number[] {
  const quality = qualityOfCurves(curves, rungs)
  return rungs.filter((_, rung) => quality.isUsable(rung))
}

/** As {@link rungCorrelations}, where trainings are stopped instead of begun anew. */
export const rungCorrelationsOfCurves = (curves: Curves, rungs: readonly number[]): RungCorrelation[] =>
  qualityOfCurves(curves, rungs).table()

interface Known {
  readonly quality: RungQuality
  /** The first trial of each chain of promotions, by any trial of it. */
  readonly chainOf: Map<number, number>
  /** So many ended trials were looked at. */
  seen: number
}

/** Histories only grow, so that each ask looks at what is new. */
const known = new WeakMap<History, Map<string, Known>>()

function qualityOf(history: History, rungs: readonly number[]): RungQuality {
  const byRungs = known.get(history) ?? new Map<string, Known>()
  known.set(history, byRungs)
  const key = rungs.join()
  const state = byRungs.get(key) ?? { quality: new RungQuality(rungs), chainOf: new Map(), seen: 0 }
  byRungs.set(key, state)
  const { searched } = history
  for (; state.seen < searched.length; state.seen++) {
    const trial = searched[state.seen]
    const chain = chainOf(trial, state.chainOf)
    const rung = rungs.indexOf(trial.state === 'pruned' ? trial.epochs : (trial.fidelity ?? rungs.at(-1)!))
    const fitness = trial.state === 'failed' ? undefined : trial.fitness
    if (rung >= 0 && fitness !== undefined && Number.isFinite(fitness)) state.quality.add(chain, rung, fitness)
  }
  return state.quality
}

function chainOf({ number, continues }: EndedTrial, chains: Map<number, number>): number {
  const chain = continues === undefined ? number : (chains.get(continues) ?? continues)
  chains.set(number, chain)
  return chain
}

function qualityOfCurves(curves: Curves, rungs: readonly number[]): RungQuality {
  const quality = new RungQuality(rungs)
  const inOrder = [...curves].sort(([a], [b]) => a - b)
  for (const [number, curve] of inOrder)
    for (const [rung, epochs] of rungs.entries()) {
      if (!cameTo(curve, epochs)) break
      const score = scoreAt(
        curve,
        curve.findIndex((value, epoch) => epoch >= epochs && value !== undefined),
      )
      if (score !== undefined && Number.isFinite(score)) quality.add(number, rung, score)
    }
  return quality
}

/** Results by rung, as they come, and what follows from them. */
class RungQuality {
  readonly #rungs: readonly number[]
  /** Scores of each hyp, by rung. */
  readonly #chains = new Map<number, (number | undefined)[]>()
  /** How many hyps have results at both of two rungs, the lower one first. */
  readonly #pairs: number[][]
  readonly #dropped: boolean[]

  constructor(rungs: readonly number[]) {
    this.#rungs = rungs
    this.#pairs = rungs.map(() => rungs.map(() => 0))
    this.#dropped = rungs.map(() => false)
  }

  isUsable(rung: number): boolean {
    return !this.#dropped[rung]
  }

  add(chain: number, rung: number, score: number): void {
    const scores = this.#chains.get(chain) ?? []
    this.#chains.set(chain, scores)
    if (scores[rung] !== undefined) return
    scores[rung] = score
    let isDue = false
    for (let other = 0; other < this.#rungs.length; other++) {
      if (other === rung || scores[other] === undefined) continue
      const [low, high] = other < rung ? [other, rung] : [rung, other]
      this.#pairs[low][high]++
      isDue ||= this.#next(low) === high && isLook(this.#pairs[low][high])
    }
    if (isDue) this.#decide()
  }

  /** The next longer rung that is used. */
  #next(rung: number): number {
    let next = rung + 1
    while (this.#dropped[next]) next++
    return next
  }

  /** From the longest rung down, for what a rung tells it tells through the next one that is used. */
  #decide(): void {
    let bound = 1
    for (let rung = this.#rungs.length - 2; rung >= 0; rung--) {
      if (this.#dropped[rung]) continue
      const high = Math.max(0, this.#correlation(rung, this.#next(rung)).interval?.[1] ?? 1)
      if (bound * high < leastRho) this.#dropped[rung] = true
      else bound *= high
    }
  }

  #correlation(low: number, high: number): Omit<RungCorrelation, 'lower' | 'upper' | 'dropped'> {
    const everybody: number[] = []
    const pairs: { readonly at: number; readonly y: number }[] = []
    for (const scores of this.#chains.values()) {
      const x = scores[low]
      if (x === undefined) continue
      const y = scores[high]
      if (y !== undefined) pairs.push({ at: everybody.length, y })
      everybody.push(x)
    }
    return { pairs: pairs.length, ...correlate(everybody, pairs) }
  }

  table(): RungCorrelation[] {
    return this.#rungs.flatMap((lower, low) =>
      this.#rungs.flatMap((upper, high) =>
        high > low && this.#pairs[low][high] > 0
          ? [{ lower, upper, ...this.#correlation(low, high), dropped: this.#dropped[low] }]
          : [],
      ),
    )
  }
}

/**
 * Decisions are made at 8, 12, 16, 24, 32, … pairs: each further look at the same data is one more chance to err, and
 * costs time.
 */
function isLook(pairs: number): boolean {
  if (pairs < leastPairs) return false
  const power = 2 ** Math.floor(Math.log2(pairs))
  return pairs === power || pairs === 1.5 * power
}

/**
 * Scores are replaced by normal scores of their ranks, those of the shorter rung among everybody who was there; the
 * correlation of the pairs is then corrected for their having been chosen by it: with k the spread of all divided by
 * that of the chosen ones
 *
 *   rho = r k / sqrt(1 - r² + r² k²)
 *
 * (Thorndike, "Personnel Selection", 1949, case 2; the regression on what was chosen by is the same among the chosen.)
 * The interval is Fisher's, atanh r ± z / sqrt(n - 3), corrected in the same way.
 *
 * @param everybody - scores at the shorter rung
 * @param pairs - where in these a hyp is, and its score at the longer one
 */
function correlate(
  everybody: readonly number[],
  pairs: readonly { readonly at: number; readonly y: number }[],
): Pick<RungCorrelation, 'spearman' | 'rho' | 'interval'> {
  const unknown = { spearman: undefined, rho: undefined, interval: undefined }
  if (pairs.length < 4) return unknown
  const y = ranksOf(pairs.map((pair) => pair.y))
  const spearman = pearson(ranksOf(pairs.map(({ at }) => everybody[at])), y)
  const scores = normalScores(ranksOf(everybody))
  const chosen = pairs.map(({ at }) => scores[at])
  const r = pearson(chosen, normalScores(y))
  if (r === undefined || spearman === undefined) return unknown
  const k = spreadOf(scores) / spreadOf(chosen)
  const corrected = (value: number) => (value * k) / Math.sqrt(1 - value * value + value * value * k * k)
  const z = Math.atanh(Math.max(-0.999999, Math.min(0.999999, r)))
  const margin = z90 / Math.sqrt(pairs.length - 3)
  return {
    spearman,
    rho: corrected(r),
    interval: [corrected(Math.tanh(z - margin)), corrected(Math.tanh(z + margin))],
  }
}

const normalScores = (ranks: readonly number[]): number[] =>
  ranks.map((rank) => normalQuantile((rank - 0.5) / ranks.length))

/** From 1; equals share the mean of their ranks. */
function ranksOf(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b])
  const ranks: number[] = []
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && values[order[to]] === values[order[from]]) to++
    for (let i = from; i < to; i++) ranks[order[i]] = (from + 1 + to) / 2
  }
  return ranks
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function spreadOf(values: readonly number[]): number {
  const mean = meanOf(values)
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)))
}

/** `undefined` where one side is all alike. */
function pearson(x: readonly number[], y: readonly number[]): number | undefined {
  const spread = spreadOf(x) * spreadOf(y)
  if (!(spread > 1e-12)) return undefined
  const [mx, my] = [meanOf(x), meanOf(y)]
  return meanOf(x.map((value, i) => (value - mx) * (y[i] - my))) / spread
}
