// Whether a search is over, and why: its budget is spent, or nothing got better for too long. A function of the history.
import { confirmationTrainings, fewestRepeats, startOf } from './confirm.ts'
import { costOf, repeatCost, searchCost } from './cost.ts'
import type { History } from './history.ts'
import type { Hyp } from './hyp.ts'
import { noiseOf, spreadOf } from './noise.ts'
import { isFeasible } from './objectives.ts'
import { rungsOf, type Schedule } from './schedule.ts'

/** Why a search ended. `default-wins`: it stagnated, and nothing was ever better than the start. */
export interface StopReason {
  readonly reason: 'budget' | 'stagnation' | 'default-wins'
  /** Full trainings' worth that the search has cost. */
  readonly spent: number
  /** Full trainings' worth since something got better. */
  readonly sinceBetter: number
  /** The trial that was better than all before it. */
  readonly best: number | undefined
}

export interface StopRequest {
  readonly history: History
  readonly schedule: Schedule
  /** As of `nextTraining`. */
  readonly target: number | undefined
  /** What the search had cost when the study was extended: patience begins anew there. Default 0 */
  readonly patienceFrom?: number | undefined
  /** Where the search started; default: what trial 0 has. */
  readonly start?: Hyp | undefined
}

/** @returns `undefined` as long as the search goes on */
export function stopReason(request: StopRequest): StopReason | undefined {
  const { history, schedule, target, patienceFrom = 0, start } = request
  const spent = searchCost(history, schedule)
  const { best, at, ended } = lastBetter(history, schedule)
  const sinceBetter = ended - Math.max(at, Math.min(patienceFrom, ended))
  const facts = { spent, sinceBetter, best }
  if (schedule.patience !== undefined && best !== undefined && sinceBetter >= schedule.patience - 1e-9)
    return { reason: best === startOf(history, start)?.number ? 'default-wins' : 'stagnation', ...facts }
  if (target === undefined) return undefined
  const shortest =
    schedule.rungs === 'restart' && schedule.pruner.name !== 'none' ? rungsOf(schedule)[0] : schedule.epochs
  const planned = target - confirmationTrainings(target, schedule.confirm)
  return spent + shortest / schedule.epochs > planned + 1e-9 ? { reason: 'budget', ...facts } : undefined
}

/** Whether it ended before its budget did. */
export const isEarly = (stop: StopReason | undefined): boolean => stop !== undefined && stop.reason !== 'budget'

/**
 * Full trainings that the confirmation may take, those behind it included: what the search leaves of the target, or, if it
 * ended early, as many as are in proportion to it.
 */
export function repeatsAfter({ history, schedule, target }: StopRequest, stop: StopReason | undefined): number {
  const { confirm } = schedule
  if (confirm === 0 || (target === undefined && !isEarly(stop))) return 0
  const spent = searchCost(history, schedule)
  const left = target === undefined ? Number.POSITIVE_INFINITY : target - spent
  const inProportion = Math.max(fewestRepeats, (spent * confirm) / (1 - confirm))
  return Math.floor((isEarly(stop) ? Math.min(left, inProportion) : left) + 1e-9)
}

/**
 * Full trainings' worth that a study may still take, trainings under way included: what its target leaves, or, where the
 * search ended early, its confirmation. `undefined`: no end in sight.
 */
export function remainingOf(request: StopRequest): number | undefined {
  const { history, schedule, target } = request
  const underWay = history.open.reduce((sum, trial) => sum + costOf(trial, schedule), 0)
  const again = repeatCost(history, schedule)
  const stop = schedule.patience === undefined ? undefined : stopReason(request)
  if (isEarly(stop)) return underWay + Math.max(0, repeatsAfter(request, stop) - again)
  return target === undefined ? undefined : Math.max(0, target - searchCost(history, schedule) - again + underWay)
}

/**
 * The last full training that was better than all that were told before it, by more than chance explains, and what had
 * been spent by then. What is still in training does not count.
 */
function lastBetter(history: History, schedule: Schedule): { best: number | undefined; at: number; ended: number } {
  const margin = marginOf(history)
  let best: number | undefined
  let fitness = -Infinity
  let at = 0
  let ended = 0
  for (const trial of history.searched) {
    ended += costOf(trial, schedule)
    if (trial.state !== 'complete' || !isFeasible(trial) || trial.fitness <= fitness + margin) continue
    best = trial.number
    fitness = trial.fitness
    at = ended
  }
  return { best, at, ended }
}

/** How much of the spread of all results something must be better by at least. */
const share = 0.05

/**
 * A small part of how far results lie apart, or the noise of one training where something was repeated. The larger of the
 * two, so that repeats never make a search go on that had stagnated.
 */
function marginOf(history: History): number {
  const values = new Map<number, number[]>()
  for (const trial of history.repeats)
    if (trial.state === 'complete') values.set(trial.repeats!, [...(values.get(trial.repeats!) ?? []), trial.fitness])
  const { sigma = 0 } = noiseOf([...values.values()])
  const spread = spreadOf(history.complete.filter(isFeasible).map(({ fitness }) => fitness))
  return Math.max(sigma, share * (spread?.sd ?? 0))
}
