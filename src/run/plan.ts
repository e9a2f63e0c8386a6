// What a search is going to do and how long that takes: data for the text at its start, revised when trials have shown
// how long one really takes.

export interface PlanRequest {
  /** Trainings still to do. */
  readonly trainings: number
  /** Of each training. */
  readonly epochs: number
  /** Trainings at once, over all processes that work on the study. */
  readonly slots: number
  /** Of one training in one slot while all are busy; left out if nobody can tell. */
  readonly secondsPerEpoch?: number | undefined
  /** Keys that the search moves. */
  readonly evolved: readonly string[]
  /** Keys that stay where they are, and why. */
  readonly fixed: readonly { readonly key: string; readonly reason: string }[]
}

export interface Plan extends PlanRequest {
  readonly epochsInAll: number
  /** Of one training. */
  readonly secondsPerTraining: number | undefined
  /** Until the last training has ended. */
  readonly seconds: number | undefined
  /** Seconds come from trainings that were done, not from a guess. */
  readonly measured: boolean
}

export function planOf(request: PlanRequest): Plan {
  const { trainings, epochs, slots, secondsPerEpoch } = request
  const secondsPerTraining = secondsPerEpoch === undefined ? undefined : epochs * secondsPerEpoch
  return {
    ...request,
    epochsInAll: trainings * epochs,
    secondsPerTraining,
    seconds: secondsPerTraining === undefined ? undefined : Math.ceil(trainings / slots) * secondsPerTraining,
    measured: false,
  }
}

/**
 * The rest of a plan after some trainings.
 *
 * @param secondsPerTraining - mean of those that came to their end
 * @param trainings - still to do
 */
export function revisePlan(
  plan: Plan,
  { secondsPerTraining, trainings }: { readonly secondsPerTraining: number; readonly trainings: number },
): Plan {
  return { ...planOf({ ...plan, trainings, secondsPerEpoch: secondsPerTraining / plan.epochs }), measured: true }
}
