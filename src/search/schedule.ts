// How long the trainings of a study are, and how much of what it may cost is kept to confirm the winner. Plain data,
// stored with the study.
import { z } from 'zod'

export const scheduleSchema = z.strictObject({
  epochs: z.int().min(1),
  lowest: z.int().min(1),
  rungs: z.enum(['restart', 'stop']),
  pruner: z.strictObject({ name: z.string().min(1), options: z.record(z.string(), z.json()) }),
  confirm: z.number().min(0).max(0.5),
  patience: z.number().positive().optional(),
})

/**
 * The lengths of trainings. A study that has one counts its budget in full trainings' worth of epochs: one training at a
 * rung of 12 of 36 epochs costs a third.
 */
export interface Schedule {
  /** Epochs of a full training. */
  readonly epochs: number
  /** No rung is shorter, in epochs. */
  readonly lowest: number
  /**
   * `restart`: a rung is a training of its own, all of its schedule sized to the rung. `stop`: every training is begun
   * at full length and stopped at a rung, for trainers that cannot be asked for another length.
   */
  readonly rungs: 'restart' | 'stop'
  readonly pruner: { readonly name: string; readonly options: z.infer<typeof scheduleSchema>['pruner']['options'] }
  /** Share of the budget that is kept for the confirmation of the winner, in [0, 0.5]; 0: none. */
  readonly confirm: number
  /** The search ends early if the best did not get better over so many full trainings' worth; left out: it does not. */
  readonly patience?: number | undefined
}

/** Of the rungs that follow one another, each is so many times as long. */
export const eta = 3

/**
 * Lengths of the rungs in epochs, shortest first: R / eta^s, …, R / eta, R, none below the lowest. Where only one is
 * left all trainings are whole ones.
 *
 * Li et al., JMLR 18 (2018), with a floor.
 */
export function rungsOf({ epochs, lowest }: Pick<Schedule, 'epochs' | 'lowest'>): number[] {
  const top = Math.max(0, Math.floor(Math.log(epochs / lowest) / Math.log(eta) + 1e-9))
  return Array.from({ length: top + 1 }, (_, k) => Math.max(lowest, Math.round(epochs / eta ** (top - k))))
}

/** The shortest rung that makes sense: a ninth of a full training, three times the warm-up, three epochs. */
export const lowestRung = (epochs: number, warmupEpochs: number): number =>
  Math.min(epochs, Math.max(Math.floor(epochs / eta ** 2), Math.ceil(3 * warmupEpochs), 3))
