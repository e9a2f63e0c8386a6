// What trainings cost a study that has a schedule, in full trainings' worth of epochs.
import type { History } from './history.ts'
import type { Schedule } from './schedule.ts'
import type { ProposedTrial } from './trial.ts'

type Costing = ProposedTrial & { readonly epochs?: number }

/**
 * Full trainings' worth that a trial costs: what it was granted, or was trained if that was less. One that was taken over
 * from elsewhere (it had no attempt here) cost this study nothing.
 */
export const costOf = (trial: Costing, { epochs }: Pick<Schedule, 'epochs'>): number =>
  trial.attempt === 0 ? 0 : Math.min(trial.epochs ?? Number.POSITIVE_INFINITY, trial.fidelity ?? epochs) / epochs

const sumOf = (trials: readonly Costing[], schedule: Schedule): number =>
  trials.reduce((sum, trial) => sum + costOf(trial, schedule), 0)

/** What the search has cost, trainings under way included. */
export const searchCost = ({ searched, open }: History, schedule: Schedule): number =>
  sumOf(searched, schedule) +
  sumOf(
    open.filter(({ repeats }) => repeats === undefined),
    schedule,
  )

/** What the confirmation has cost, trainings under way included. */
export const repeatCost = ({ repeats, open }: History, schedule: Schedule): number =>
  sumOf(repeats, schedule) +
  sumOf(
    open.filter((trial) => trial.repeats !== undefined),
    schedule,
  )
