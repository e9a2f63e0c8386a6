// Constraints and a second objective, for samplers and pruners that know one number only: they are shown the trials with a
// fitness that holds all of it.
import type { Random } from '../base/index.ts'
import { History } from './history.ts'
import type { CompleteTrial, EndedTrial, PrunedTrial, Trial } from './trial.ts'

type Scored = CompleteTrial | PrunedTrial

const isScored = (trial: Trial): trial is Scored =>
  (trial.state === 'complete' || trial.state === 'pruned') && trial.fitness !== undefined

/** Whether it keeps to all constraints; a trial without a word about them does. */
export const isFeasible = ({ violation = 0 }: Pick<Scored, 'violation'>): boolean => violation === 0

/** Part of the second term in the scalarization: it breaks ties towards points that are better in both. */
const rho = 0.05

/**
 * The history as one number per trial.
 *
 * With a second objective each proposal looks at another weighting of the two: both are scaled to [0, 1] over the trials
 * of a rung, and the fitness is the augmented Chebyshev scalarization with weights drawn for this proposal (ParEGO;
 * Knowles, IEEE TEVC 10, 2006). So every sampler finds the whole front, one part at a time.
 *
 * Trials that break a constraint come behind all that do not, those that break it less first (Deb, 2000): below the worst
 * feasible one by how much they break it.
 *
 * @param rng - of the proposal; one number is drawn where there is a second objective
 * @returns the history itself where it has neither
 */
export function asOneNumber(history: History, rng: Random): History {
  const { ended } = history
  const hasSecond = ended.some((trial) => isScored(trial) && trial.second !== undefined)
  const hasBroken = ended.some((trial) => isScored(trial) && !isFeasible(trial))
  const weight = hasSecond ? rng.numpy.random() : 1
  if (!hasSecond && !hasBroken) return history
  const fitness = new Map<number, number>()
  for (const trials of byLength(ended.filter(isScored))) {
    const scalar = hasSecond ? chebyshev(trials, weight) : trials.map((trial) => trial.fitness!)
    const feasible = scalar.filter((_, i) => isFeasible(trials[i]))
    const worst = feasible.length === 0 ? 0 : Math.min(...feasible)
    const spread = feasible.length === 0 ? 1 : Math.max(...feasible) - worst || 1
    for (const [i, trial] of trials.entries()) {
      const { violation = 0 } = trial
      const broken = Number.isFinite(violation) ? 1 + violation / (1 + violation) : 2
      fitness.set(trial.number, isFeasible(trial) ? scalar[i] : worst - spread * broken)
    }
  }
  const view = new History()
  for (const trial of ended) view.set(isScored(trial) ? withFitness(trial, fitness.get(trial.number)!) : trial)
  for (const trial of history.open) view.set(trial)
  return view
}

/** Only trials of one length are compared. */
function byLength(trials: readonly Scored[]): Scored[][] {
  const groups = new Map<number | undefined, Scored[]>()
  for (const trial of trials) {
    const length = trial.state === 'pruned' ? trial.epochs : undefined
    groups.set(length, [...(groups.get(length) ?? []), trial])
  }
  return [...groups.values()]
}

/** max of the weighted distances from the ideal point plus rho times their sum, negated: larger is better. */
function chebyshev(trials: readonly Scored[], weight: number): number[] {
  const first = scaled(trials.map((trial) => trial.fitness!))
  const second = scaled(trials.map((trial) => trial.second ?? Number.NEGATIVE_INFINITY))
  return trials.map((_, i) => {
    const [a, b] = [weight * (1 - first[i]), (1 - weight) * (1 - second[i])]
    return -(Math.max(a, b) + rho * (a + b))
  })
}

/** To [0, 1]; what is not finite is 0. */
function scaled(values: readonly number[]): number[] {
  const finite = values.filter(Number.isFinite)
  const [low, high] = [Math.min(...finite), Math.max(...finite)]
  return values.map((value) => (Number.isFinite(value) ? (high > low ? (value - low) / (high - low) : 1) : 0))
}

/** A plain copy: trials of a storage read their texts when they are looked at. */
function withFitness(trial: Scored, fitness: number): EndedTrial {
  const { number, hyp, parents, mutated, attempt, fidelity, continues, repeats, repetition, metrics } = trial
  const proposed = {
    number,
    hyp,
    parents,
    mutated,
    attempt,
    ...(fidelity !== undefined && { fidelity }),
    ...(continues !== undefined && { continues }),
    ...(repeats !== undefined && { repeats }),
    ...(repetition !== undefined && { repetition }),
  }
  if (trial.state === 'complete') return { ...proposed, state: 'complete', fitness, metrics }
  return { ...proposed, state: 'pruned', epochs: trial.epochs, fitness, metrics }
}

/**
 * The Pareto front of the complete trials that keep to all constraints: those that no other one beats in one objective
 * without losing in the other. By fitness, best first; of equals in both the lower number only.
 */
export function paretoFront<T extends Pick<CompleteTrial, 'number' | 'fitness' | 'second' | 'violation'>>(
  trials: readonly T[],
): T[] {
  const candidates = trials
    .filter((trial) => isFeasible(trial) && trial.second !== undefined)
    .sort((a, b) => b.fitness - a.fitness || b.second! - a.second! || a.number - b.number)
  const front: T[] = []
  for (const trial of candidates) if (front.length === 0 || trial.second! > front.at(-1)!.second!) front.push(trial)
  return front
}
