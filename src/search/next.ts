// What a study trains next: a new hyp, one a rung further, or one again to confirm it. Pure; `Study` asks it inside the
// transaction that gives a trial out.
import { randomFor } from '../base/index.ts'
import { confirmationOf, confirmationTrainings, nextRepeat } from './confirm.ts'
import { repeatCost, searchCost } from './cost.ts'
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
import { isEarly, repeatsAfter, type StopReason, stopReason } from './stop.ts'

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
  /** Full trainings' worth that the search had cost when the study was extended: patience begins anew there. */
  readonly patienceFrom?: number | undefined
}

/** Random numbers of pruners: apart from those of samplers and trainings. */
const prunerStream = 2 ** 31
/** Of the weighting of two objectives. */
const objectivesStream = 3 * 2 ** 30

/** @returns `undefined` if the study is over: the budget leaves room for nothing more, or nothing got better for too long */
export function nextTraining(request: NextRequest): Proposal | undefined {
  const { schedule } = request
  const stop =
    schedule?.patience === undefined ? undefined : stopReason({ ...request, schedule, start: request.space.start })
  const proposal = isEarly(stop) ? undefined : nextOfSearch(request)
  return proposal ?? (schedule && nextOfConfirmation(request, schedule, stop))
}

/** The best hyps and the start again. */
function nextOfConfirmation(
  { history, target, space: { start } }: NextRequest,
  schedule: Schedule,
  stop: StopReason | undefined,
): Proposal | undefined {
  const repeat = nextRepeat(history, repeatsAfter({ history, schedule, target }, stop), start)
  return repeat && { ...repeat, fidelity: schedule.epochs }
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
  // A short training of a new hyp is worth something only as long as a whole one can follow.
  const isTooLate =
    planned !== undefined && grant.promote === undefined && grant.epochs < full && !fits(grant.epochs + full)
  if (isTooLate) return fits(full) ? { ...proposed(atFull), fidelity: full } : undefined
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
