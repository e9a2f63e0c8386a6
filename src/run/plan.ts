// What a search is going to do and how long that takes: data for the text at its start, revised when trials have shown
// how long one really takes.
import { confirmationTrainings, rungsOf, type Schedule } from '../search/index.ts'
import { worthOf } from './budget.ts'

export interface PlanRequest {
  /** Trainings still to do; with a schedule full trainings' worth of epochs, confirmation included. */
  readonly trainings: number
  /** Of each training; with a schedule of a full one. */
  readonly epochs: number
  /** Trainings at once, over all processes that work on the study. */
  readonly slots: number
  /** Of one training in one slot while all are busy; left out if nobody can tell. */
  readonly secondsPerEpoch?: number | undefined
  /** Keys that the search moves. */
  readonly evolved: readonly string[]
  /** Keys that stay where they are, and why. */
  readonly fixed: readonly { readonly key: string; readonly reason: string }[]
  /** Where trainings differ in length. */
  readonly schedule?: Schedule | undefined
  /** With a schedule: of the whole study, what is behind it included; default {@link trainings}. */
  readonly target?: number | undefined
  /** Moment of the plan, in ms since the epoch; left out: it has no end by the calendar. */
  readonly now?: number | undefined
  /** When it is to be over, in ms since the epoch. */
  readonly deadline?: number | undefined
}

export interface Plan extends PlanRequest {
  readonly epochsInAll: number
  /** Of one full training. */
  readonly secondsPerTraining: number | undefined
  /** Until the last training has ended. */
  readonly seconds: number | undefined
  /** Seconds come from trainings that were done, not from a guess. */
  readonly measured: boolean
  /** With a schedule: lengths of trainings in epochs, shortest first, a full one last. */
  readonly rungs?: readonly number[]
  /** With a schedule: full trainings among {@link trainings} that confirm the best. */
  readonly confirmation?: number
  /** When the last training ends, in ms since the epoch. */
  readonly end?: number
  /** What a deadline gives: its time, and the full trainings' worth that go into it; only where that is known. */
  readonly available?: { readonly seconds: number; readonly trainings: number }
}

export function planOf(request: PlanRequest): Plan {
  const { trainings, epochs, slots, secondsPerEpoch, schedule, target = trainings, now, deadline } = request
  const secondsPerTraining = secondsPerEpoch === undefined ? undefined : epochs * secondsPerEpoch
  const confirmation = schedule && Math.min(trainings, confirmationTrainings(target, schedule.confirm))
  const turns = turnsOf({ ...request, confirmation: confirmation ?? 0 })
  const seconds = secondsPerTraining === undefined ? undefined : turns * secondsPerTraining
  const left = now === undefined || deadline === undefined ? undefined : Math.max(0, deadline - now) / 1000
  return {
    ...request,
    epochsInAll: Math.round(trainings * epochs),
    secondsPerTraining,
    seconds,
    measured: false,
    ...(schedule && { rungs: lengthsOf(schedule) }),
    ...(confirmation !== undefined && { confirmation }),
    ...(now !== undefined && seconds !== undefined && { end: now + 1000 * seconds }),
    ...(left !== undefined &&
      secondsPerEpoch !== undefined && {
        available: { seconds: left, trainings: worthOf(left, { secondsPerEpoch, slots, epochs }) },
      }),
  }
}

/**
 * The rest of a plan after some trainings.
 *
 * @param secondsPerTraining - mean of those that came to their end, of a full one
 * @param trainings - still to do
 * @param now - as of the request
 */
export function revisePlan(
  plan: Plan,
  {
    secondsPerTraining,
    trainings,
    now = plan.now,
  }: { readonly secondsPerTraining: number; readonly trainings: number; readonly now?: number | undefined },
): Plan {
  const { target = plan.trainings, secondsPerEpoch: _, ...request } = requestOf(plan)
  const secondsPerEpoch = secondsPerTraining / plan.epochs
  return { ...planOf({ ...request, trainings, target, now, secondsPerEpoch }), measured: true }
}

function requestOf({ rungs: _, confirmation: __, end: ___, available: ____, ...rest }: Plan): PlanRequest {
  return rest
}

/** Lengths of the trainings that there will be. */
const lengthsOf = (schedule: Schedule): readonly number[] =>
  schedule.pruner.name === 'none' ? [schedule.epochs] : rungsOf(schedule)

/**
 * How many full trainings one slot has to do, one after the other. Whole trainings end in whole turns. Where most are
 * short, slots are always busy, but the start is a whole training, and those that confirm the best come last, in turns.
 */
function turnsOf({
  trainings,
  slots,
  schedule,
  confirmation,
}: Pick<PlanRequest, 'trainings' | 'slots' | 'schedule'> & { readonly confirmation: number }): number {
  if (schedule === undefined) return Math.ceil(trainings / slots)
  const search = trainings - confirmation
  const first = search <= 0 ? 0 : Math.max(1, search / slots)
  return (lengthsOf(schedule).length > 1 ? first : Math.ceil(search / slots)) + Math.ceil(confirmation / slots)
}
