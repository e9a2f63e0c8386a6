// What a study trains next: a new hyp, one a rung further, or one again to confirm it. Pure; `Study` asks it inside the
// transaction that gives a trial out.
import { randomFor } from '../base/index.ts'
import { confirmationOf, confirmationTrainings, nextRepeat } from './confirm.ts'
import type { History } from './history.ts'
import type { Hyp } from './hyp.ts'
import { hypDigest } from './hyp-digest.ts'
import { asOneNumber } from './objectives.ts'
import type { Pruner } from './pruner.ts'
import { pruners } from './pruners/index.ts'
import { usableRungs } from './rung-quality.ts'
import type { Proposal, Sampler, SearchContext } from './sampler.ts'
import { rungsOf, type Schedule } from './schedule.ts'
import type { SearchSpace } from './space.ts'
import type { ProposedTrial } from './trial.ts'

export interface NextRequest {
  readonly space: SearchSpace
  readonly sampler: Sampler<unknown>
  /** Checked by the sampler's schema. */
  readonly samplerOptions: unknown
  /** Left out: trainings have no length. */
  readonly schedule?: Schedule | undefined
  readonly history: History
  /** Of the study. */
  readonly seed: number
  /** Of the trial to come. */
  readonly number: number
  /** With a schedule: full trainings' worth of epochs that the study may cost, confirmation included; else trials. */
  readonly target: number | undefined
  /** Hyps that are tried before the sampler proposes its own, after the start; see warm-start.ts. */
  readonly enqueued?: readonly Hyp[] | undefined
}

/**
 * Full trainings' worth that a trial costs: what it was granted, or was trained if that was less. One that was taken over
 * from elsewhere (it had no attempt here) cost this study nothing.
 */
export const costOf = (trial: ProposedTrial & { readonly epochs?: number }, { epochs }: Schedule): number =>
  trial.attempt === 0 ? 0 : Math.min(trial.epochs ?? Number.POSITIVE_INFINITY, trial.fidelity ?? epochs) / epochs

/** Random numbers of pruners: apart from those of samplers and trainings. */
const prunerStream = 2 ** 31
/** Of the weighting of two objectives. */
const objectivesStream = 3 * 2 ** 30

/** @returns `undefined` if the budget leaves room for nothing more */
export function nextTraining(request: NextRequest): Proposal | undefined {
  return nextOfSearch(request) ?? nextOfConfirmation(request)
}

/** The best hyps and the start again, with what the search leaves of the budget. */
function nextOfConfirmation({ schedule, history, target }: NextRequest): Proposal | undefined {
  if (schedule === undefined || schedule.confirm === 0 || target === undefined) return undefined
  const repeat = nextRepeat(history, Math.floor(target - searchCost(history, schedule) + 1e-9))
  return repeat && { ...repeat, fidelity: schedule.epochs }
}

/** Full trainings' worth that the search has cost, what is in training included. */
function searchCost({ searched, open }: History, schedule: Schedule): number {
  const all = [...searched, ...open.filter(({ repeats }) => repeats === undefined)]
  return all.reduce((sum, trial) => sum + costOf(trial, schedule), 0)
}

function repeatCost({ repeats, open }: History, schedule: Schedule): number {
  const all = [...repeats, ...open.filter((trial) => trial.repeats !== undefined)]
  return all.reduce((sum, trial) => sum + costOf(trial, schedule), 0)
}

function nextOfSearch(request: NextRequest): Proposal | undefined {
  const { space, sampler, samplerOptions, schedule, seed, number, target } = request
  const history = asOneNumber(request.history, randomFor(seed, number + objectivesStream))
  const rngOf = (trial: number) => randomFor(seed, trial)
  const context: SearchContext = { space, number, history, rng: rngOf(number), rngOf }
  const waiting = number === 0 ? undefined : nextEnqueued(request)
  const proposed = (at: SearchContext): Proposal =>
    waiting ? { hyp: waiting, parents: [] } : sampler.propose(at, samplerOptions)
  if (schedule === undefined) return proposed(context)

  const spent = searchCost(history, schedule)
  const planned = target === undefined ? undefined : target - confirmationTrainings(target, schedule.confirm)
  const rungs = usableRungs(request.history, rungsOf(schedule))
  const full = schedule.epochs
  const withPlan = { ...context, ...(planned === undefined ? {} : { planned }) }
  const atFull = { ...withPlan, fidelity: { epochs: full, rungs } }
  // A study that begins with trials from elsewhere trains the start all the same, and at full length.
  const isStart = number === 0 || (waiting !== undefined && hypDigest(waiting) === hypDigest(space.start))
  if (isStart || schedule.rungs === 'stop' || sampler.wantsFull?.(atFull, samplerOptions))
    return fits(full) ? { ...proposed(atFull), fidelity: full } : undefined

  const pruner = pruners[schedule.pruner.name as keyof typeof pruners] as Pruner<unknown>
  const rng = randomFor(seed, number + prunerStream)
  const grant = pruner.grant({ rungs, number, history, rng }, pruner.options.parse(schedule.pruner.options))
  if (!fits(grant.epochs)) return undefined
  if (grant.promote !== undefined)
    return {
      hyp: history.get(grant.promote)!.hyp,
      parents: [grant.promote],
      fidelity: grant.epochs,
      continues: grant.promote,
    }
  const fidelity = { epochs: grant.epochs, rungs }
  return { ...proposed({ ...withPlan, fidelity }), fidelity: grant.epochs }

  function fits(epochs: number): boolean {
    if (planned === undefined || number === 0) return true
    const cost = epochs / full
    if (spent + repeatCost(history, schedule!) + cost > target! + 1e-9) return false
    // Where repeats bring nothing new, what was kept for them goes to the search.
    return spent + cost <= planned + 1e-9 || (history.repeats.length > 0 && confirmationOf(history).deterministic)
  }
}

/** The first enqueued hyp that no trial has, whatever became of those that do: as the space has it. */
function nextEnqueued({ space, history, enqueued = [] }: NextRequest): Hyp | undefined {
  return enqueued.map((hyp) => space.toHyp(space.toValues(hyp))).find((hyp) => !history.hasHyp(hyp))
}
