// What an evolution may cost, in trainings' worth: said at once, or known by the clock once a training has shown how long
// one takes. Then the target follows the time that is left, so that the confirmation comes before the end.
import { UsageError } from '../../base/index.ts'
import {
  type Budget,
  deadlineOf,
  gpusOf,
  type Pace,
  parseBudget,
  parseUntil,
  type SlotResources,
  trainingsFor,
} from '../../run/index.ts'
import type { Study, WorkerRecord } from '../../study/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import { durationText, momentText } from '../console/text.ts'
import { amountText } from '../studies/progress.ts'

type BudgetFlags = Pick<TrainFlags, 'budget' | 'until' | 'evolve'>

/** What the flags allow; `undefined` if only a number of trainings is said. @throws {@link UsageError} */
export function budgetOf({ budget, until }: BudgetFlags, now: number): Budget | undefined {
  if (budget !== undefined && until !== undefined)
    throw new UsageError('--budget and --until: give one of them, how long or until when.')
  if (until !== undefined) return { kind: 'until', at: parseUntil(until, now) }
  return budget === undefined ? undefined : parseBudget(budget)
}

/**
 * The target of a new study, before anything was trained; `undefined` where only the clock ends it.
 *
 * @param trials - as many as the search has if nothing is said
 * @param epochs - of a full training
 */
export function firstTarget(
  flags: BudgetFlags,
  budget: Budget | undefined,
  { trials, epochs }: { readonly trials: number; readonly epochs: number },
): number | undefined {
  if (budget === undefined) return trials
  const cap = typeof flags.evolve === 'number' ? flags.evolve : Number.POSITIVE_INFINITY
  const bound =
    budget.kind === 'trainings' ? budget.trainings : budget.kind === 'epochs' ? budget.epochs / epochs : undefined
  const least = Math.min(cap, bound ?? Number.POSITIVE_INFINITY)
  return Number.isFinite(least) ? least : undefined
}

/** A smaller change of the target is none. */
const noticeable = 0.02

export interface ClockOptions {
  readonly study: Study
  readonly budget: Budget
  /** Number of trainings that was said too: it ends by whichever comes first. */
  readonly cap: number | undefined
  readonly slots: readonly SlotResources[]
  /** Trainings at once, over all processes. */
  readonly atOnce: () => number
  readonly pace: Pace
  /** Of an earlier run of the study: what its time budget was used for. */
  readonly usedMs: number
}

/** A budget of time: when it ends, and how many trainings go into it. */
export class BudgetClock {
  readonly #options: ClockOptions
  readonly #begun: number
  readonly #gpus: number

  /** @throws {@link UsageError} for GPU hours without a GPU */
  constructor(options: ClockOptions, now = Date.now()) {
    this.#options = options
    this.#begun = now - options.usedMs
    this.#gpus = gpusOf(options.slots)
    this.deadline()
  }

  /** In ms since the epoch; `undefined` for budgets that no clock ends. */
  readonly deadline = (): number | undefined =>
    deadlineOf(this.#options.budget, { begun: this.#begun, gpus: this.#gpus })

  /**
   * Called after each training: gives the study the trainings that the time still allows.
   *
   * @returns what to say, the first time that it is known
   */
  async revise(now = Date.now()): Promise<string | undefined> {
    const { study, budget, cap = Number.POSITIVE_INFINITY, atOnce, pace } = this.#options
    const { schedule } = study
    const deadline = this.deadline()
    const { secondsPerEpoch } = pace
    if (schedule === undefined || deadline === undefined || secondsPerEpoch === undefined) return undefined
    const slots = atOnce()
    const state = { begun: this.#begun, gpus: this.#gpus, secondsPerEpoch, slots, epochs: schedule.epochs, now }
    const inTraining = study.history.open.reduce(
      (sum, { fidelity = schedule.epochs }) => sum + fidelity / schedule.epochs,
      0,
    )
    const found = Math.min(cap, trainingsFor(budget, { ...state, spent: study.spent })!)
    // Trainings under way go on to their end.
    const target = Math.max(found, study.spent + inTraining)
    const before = study.target
    if (before !== undefined && Math.abs(target / before - 1) < noticeable) return undefined
    await study.setTarget(target)
    if (before !== undefined) return undefined
    const each = durationText(secondsPerEpoch * schedule.epochs)
    return `A full training takes ${each}: until ${momentText(deadline)} there is time for about ${amountText(target)} trainings' worth.`
  }
}

/** For how long a study was worked on, in ms; times in which several processes did count once. */
export function workedMs(workers: readonly Pick<WorkerRecord, 'registeredAt' | 'heartbeatAt' | 'endedAt'>[]): number {
  const spans = workers
    .map(
      ({ registeredAt, heartbeatAt, endedAt = heartbeatAt }) =>
        [Date.parse(registeredAt), Date.parse(endedAt)] as const,
    )
    .sort(([a], [b]) => a - b)
  let worked = 0
  let end = Number.NEGATIVE_INFINITY
  for (const [from, to] of spans) {
    worked += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return worked
}
